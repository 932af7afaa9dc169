//! Replication delay: from the acknowledgement of a commit until the row is seen on the other server.

use anyhow::Result;
use tokio::time::Instant;

use crate::figures::percentile;
use crate::report::{Figure, Section, Wanted};
use crate::servers::{Servers, Table};

const ROUNDS: usize = 10;
const COMMITS: usize = 200;

pub(crate) async fn measure(servers: &Servers) -> Result<Section> {
    let (mut native, mut enlisted) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (table, delays) in [(Table::Native, &mut native), (Table::Enlisted, &mut enlisted)] {
            for _ in 0..COMMITS {
                delays.push(delay(servers, table).await?);
            }
        }
    }
    let of_native = |percent| percentile(&enlisted, percent) / percentile(&native, percent);
    let line = |table: &str, delays: &[f64]| {
        let milliseconds = |percent| format!("{:.2}", percentile(delays, percent) * 1e3);
        vec![table.to_owned(), milliseconds(50), milliseconds(99)]
    };
    Ok(Section {
        title: "Replication delay",
        how: format!(
            "One row is committed at the origin, and the subscriber is asked for it until it is there; the time counts \
             from the acknowledgement of the commit. {ROUNDS} rounds of {COMMITS} commits to each table in turn."
        ),
        figures: vec![
            Figure::new(
                "replication delay, median, of native",
                of_native(50),
                Some(Wanted::AtMost(1.5)),
            ),
            Figure::new(
                "replication delay, 99th percentile, of native",
                of_native(99),
                Some(Wanted::AtMost(1.5)),
            ),
        ],
        table: vec![
            vec![
                "table".to_owned(),
                "median, ms".to_owned(),
                "99th percentile, ms".to_owned(),
            ],
            line("natively published", &native),
            line("enlisted", &enlisted),
        ],
    })
}

/// Seconds until one row is on the other side.
async fn delay(servers: &Servers, table: Table) -> Result<f64> {
    let name = table.name();
    let insert = format!("insert into public.{name} {} returning id", Table::row());
    let look = format!("select from public.{name} where id = $1");
    let (insert, look) = (
        servers.origin.prepare_cached(&insert).await?,
        servers.subscriber.prepare_cached(&look).await?,
    );
    let id: String = servers.origin.query_one(&insert, &[]).await?.get(0);
    let begin = Instant::now();
    while servers.subscriber.query_opt(&look, &[&id]).await?.is_none() {}
    Ok(begin.elapsed().as_secs_f64())
}
