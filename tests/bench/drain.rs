//! Draining a backlog: how fast a subscriber that was away catches up.

use anyhow::Result;
use tokio::time::Instant;

use crate::figures::{median, median_ratio};
use crate::report::{Figure, Section, Wanted};
use crate::servers::{Servers, Table};

const ROUNDS: usize = 9;
const TRANSACTIONS: u32 = 10_000;
const ROWS: u32 = 10;

pub(crate) async fn measure(servers: &Servers) -> Result<Section> {
    let (mut native, mut enlisted) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let order = if number % 2 == 0 {
            [Table::Native, Table::Enlisted]
        } else {
            [Table::Enlisted, Table::Native]
        };
        for table in order {
            let rate = rate(servers, table).await?;
            if table == Table::Native {
                &mut native
            } else {
                &mut enlisted
            }
            .push(rate);
        }
    }
    Ok(Section {
        title: "Draining a backlog",
        how: format!(
            "The subscription is disabled, {} rows are written in transactions of {ROWS}, it is enabled again, and the \
             time counts until all is applied; {ROUNDS} rounds in changing order, the median.",
            TRANSACTIONS * ROWS
        ),
        figures: vec![Figure::new(
            "draining a backlog, of native one-way logical replication",
            median_ratio(&enlisted, &native),
            Some(Wanted::AtLeast(0.7)),
        )],
        table: vec![
            vec!["table".to_owned(), "rows a second".to_owned()],
            vec!["natively published".to_owned(), format!("{:.0}", median(&native))],
            vec!["enlisted".to_owned(), format!("{:.0}", median(&enlisted))],
        ],
    })
}

/// Rows of a backlog that are applied in a second.
pub(crate) async fn rate(servers: &Servers, table: Table) -> Result<f64> {
    Ok(f64::from(TRANSACTIONS * ROWS) / drained(servers, table).await?)
}

/// Seconds until a backlog in this table is applied.
async fn drained(servers: &Servers, table: Table) -> Result<f64> {
    let name = table.name();
    servers
        .subscriber
        .batch_execute(&format!("alter subscription {name} disable"))
        .await?;
    // Alone in its message: several statements in one would be one transaction, which cannot commit inside.
    servers
        .origin
        .batch_execute(&format!(
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
        ))
        .await?;
    // The other subscription has nothing to apply and is done with looking before the time counts.
    let end = servers.position().await?;
    let other = if table == Table::Native {
        Table::Enlisted
    } else {
        Table::Native
    };
    servers.wait_until_applied(other, end).await?;
    let begin = Instant::now();
    servers
        .subscriber
        .batch_execute(&format!("alter subscription {name} enable"))
        .await?;
    servers.wait_until_applied(table, end).await?;
    Ok(begin.elapsed().as_secs_f64())
}
