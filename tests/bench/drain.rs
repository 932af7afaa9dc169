//! Draining a backlog: how fast a subscriber that was away catches up.

use anyhow::Result;
use tokio::time::Instant;

use crate::figures::{median, median_ratio};
use crate::report::{Figure, Section, Wanted};
use crate::servers::{AT_WORK, Servers, Table};

const ROUNDS: usize = 9;
const TRANSACTIONS: u32 = 30_000;
const ROWS: u32 = 10;
const TABLES: [Table; 3] = [Table::Native, Table::Enlisted, Table::Lanes];

pub(crate) async fn measure(servers: &Servers) -> Result<Section> {
    let mut rates = [const { Vec::new() }; TABLES.len()];
    for number in 0..ROUNDS {
        for step in 0..TABLES.len() {
            let at = (number + step) % TABLES.len();
            rates[at].push(rate(servers, TABLES[at]).await?);
        }
    }
    let [native, enlisted, lanes] = rates;
    let line = |what: &str, rates: &[f64]| vec![what.to_owned(), format!("{:.0}", median(rates))];
    Ok(Section {
        title: "Draining a backlog",
        how: format!(
            "The subscription is disabled, {} rows are written in transactions of {ROWS}, it is enabled again, and the \
             time counts from when its worker has connected until all is applied; {ROUNDS} rounds in changing order, the \
             median. In two lanes, two subscriptions carry every other transaction each.",
            TRANSACTIONS * ROWS
        ),
        figures: vec![
            Figure::new(
                "draining a backlog, of native one-way logical replication",
                median_ratio(&enlisted, &native),
                Some(Wanted::AtLeast(0.7)),
            ),
            Figure::new(
                "draining a backlog in two lanes, of native one-way logical replication",
                median_ratio(&lanes, &native),
                None,
            ),
        ],
        table: vec![
            vec!["table".to_owned(), "rows a second".to_owned()],
            line("natively published", &native),
            line("enlisted", &enlisted),
            line("enlisted, in two lanes", &lanes),
        ],
    })
}

/// Rows of a backlog that are applied in a second.
pub(crate) async fn rate(servers: &Servers, table: Table) -> Result<f64> {
    Ok(f64::from(TRANSACTIONS * ROWS) / drained(servers, table).await?)
}

/// Seconds until a backlog in this table is applied.
async fn drained(servers: &Servers, table: Table) -> Result<f64> {
    servers.send_in_lanes_of(table).await?;
    // Up to date before, whether it worked until now or not.
    servers.enable(table).await?;
    servers.wait_until_applied(table, servers.position().await?).await?;
    servers.disable(table).await?;
    write(servers, table).await?;
    // The other subscriptions have nothing to apply and are done with looking before the time counts.
    let end = servers.position().await?;
    for other in AT_WORK.into_iter().filter(|other| !other.shares_with(table)) {
        servers.wait_until_applied(other, end).await?;
    }
    let seconds = caught_up(servers, table, end).await?;
    if !AT_WORK.contains(&table) {
        servers.send_in_lanes_of(Table::Enlisted).await?;
        servers.rest_alone(table).await?;
    }
    Ok(seconds)
}

/// Enables a table's subscriptions and waits until all up to a position is applied; seconds.
async fn caught_up(servers: &Servers, table: Table, end: i64) -> Result<f64> {
    servers.enable(table).await?;
    // PostgreSQL takes up to half a second to start a worker, whatever it has to do.
    servers.wait_until_read(table).await?;
    let begin = Instant::now();
    servers.wait_until_applied(table, end).await?;
    Ok(begin.elapsed().as_secs_f64())
}

/// Writes a backlog into a table of the origin.
async fn write(servers: &Servers, table: Table) -> Result<()> {
    let name = table.name();
    // Alone in its message: several statements in one would be one transaction, which cannot commit inside.
    let backlog = format!(
        "do $$
         begin
             for transaction in 1..{TRANSACTIONS} loop
                 set local synchronous_commit = off;
                 insert into public.{name} (id, name, wrapped, size)
                 select gen_random_uuid()::text, 'the name of a key', decode(repeat('00010203', 10), 'hex'), 256
                 from generate_series(1, {ROWS});
                 commit;
             end loop;
         end
         $$"
    );
    Ok(servers.origin.batch_execute(&backlog).await?)
}
