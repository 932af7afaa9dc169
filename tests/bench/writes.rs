//! Single-row writes by 8 clients: what enlisting a table costs its writers, with a subscriber at work beside them.

use anyhow::Result;

use crate::figures::{median, median_ratio};
use crate::report::{Figure, Section, Wanted};
use crate::servers::{Servers, Table};

const ROUNDS: usize = 15;
const SECONDS: u32 = 2;
const TABLES: [Table; 3] = [Table::Plain, Table::Native, Table::Enlisted];

pub(crate) async fn measure(servers: &Servers) -> Result<Section> {
    // Files grow and caches fill before it counts.
    round(servers, 0).await?;
    let (mut plain, mut native, mut enlisted) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let [of_plain, of_native, of_enlisted] = round(servers, number).await?;
        plain.push(of_plain);
        native.push(of_native);
        enlisted.push(of_enlisted);
    }
    let line = |table: &str, rates: &[f64]| vec![table.to_owned(), format!("{:.0}", median(rates))];
    Ok(Section {
        title: "Single-row writes",
        how: format!(
            "8 clients of pgbench insert single rows for {SECONDS} s, {ROUNDS} rounds in changing order; the median over \
             the rounds. The subscriber runs on the same machine and applies meanwhile, so its work counts too. One subscription works \
             in each round: the native one while the native table is written, else the one of the enlisted tables."
        ),
        figures: vec![
            Figure::new(
                "writes to an enlisted table, of the same table not enlisted",
                median_ratio(&enlisted, &plain),
                Some(Wanted::AtLeast(0.65)),
            ),
            Figure::new(
                "writes to an enlisted table, of the same table natively published",
                median_ratio(&enlisted, &native),
                Some(Wanted::AtLeast(0.85)),
            ),
        ],
        table: vec![
            vec!["table".to_owned(), "transactions a second".to_owned()],
            line("not enlisted", &plain),
            line("natively published, with a subscriber", &native),
            line("enlisted, with a subscriber", &enlisted),
        ],
    })
}

/// Measures each table once, beginning with another one each round. In the order of [`TABLES`].
async fn round(servers: &Servers, number: usize) -> Result<[f64; 3]> {
    let mut rates = [0.0; 3];
    for step in 0..TABLES.len() {
        let at = (number + step) % TABLES.len();
        let script = format!("insert into public.{} {};\n", TABLES[at].name(), Table::row());
        let resting = if TABLES[at] == Table::Native {
            Table::Enlisted
        } else {
            Table::Native
        };
        servers.rest(resting).await?;
        rates[at] = servers.pgbench(&script, SECONDS).await?;
        servers.wake(resting).await?;
    }
    Ok(rates)
}
