//! Stage 3, initial sync: all rows are copied from the member that signed.
//!
//! First that member must have everything that the others committed before their slots for this node began: what is
//! older than a slot comes with the copy, what is younger comes through the slot, so nothing falls between.
//! Repeating it empties each table and copies it again.

use keystead::join::stage::Event;
use keystead::{Error, NodeNumber, Result};
use sql::copy::Table;
use sql::link;

use super::super::driver::ledger;
use crate::agent::Agent;

/// How many rows go by between two reports.
const REPORT_ROWS: u64 = 500;

pub(super) async fn run(agent: &Agent) -> Result<Event> {
    let sponsor = super::sponsor(agent).await?;
    let source = source(agent, &sponsor).await?;
    wait_for_source(agent, source).await?;

    let tables = sql::copy::tables(&sponsor).await?;
    super::report(agent, |progress| {
        (progress.rows_done, progress.bytes_done) = (0, 0);
        progress.rows_total = tables.iter().map(|table| table.rows).sum();
        progress.bytes_total = tables.iter().map(|table| table.bytes).sum();
    });
    // A connection of its own: when the copy is cut off, its transaction goes with it.
    let db = sql::connect(&agent.postgres.config(sql::database::CLUSTER)).await?;
    for table in &tables {
        copy(agent, &sponsor, &db, table).await?;
    }
    sql::replication::continue_from(&db, &sponsor).await?;
    Ok(Event::CopyFinished)
}

async fn source(agent: &Agent, sponsor: &sql::Connection) -> Result<NodeNumber> {
    let id = ledger(agent)?.sponsor;
    let (_, members) = super::members(agent, sponsor).await?;
    let source = members.iter().find(|member| member.id == id);
    source
        .map(|member| member.number)
        .ok_or_else(|| Error::conflict("the member that signed this node is no longer a member"))
}

/// Waits until the source has applied every other member's changes up to that member's slot for this node.
async fn wait_for_source(agent: &Agent, source: NodeNumber) -> Result<()> {
    let sponsor = super::sponsor(agent).await?;
    let (_, members) = super::members(agent, &sponsor).await?;
    let slots = ledger(agent)?.slots;
    for member in members.iter().filter(|member| member.number != source) {
        let Some(kept_from) = slots.get(&member.number).copied() else {
            // Down when the slots were made, or a member only since.
            super::read_anew_later(agent, member).await?;
            continue;
        };
        let Some(peer) = super::member_if_up(agent, member).await? else {
            continue;
        };
        while link::confirmed_by(&peer, source)
            .await?
            .is_none_or(|confirmed| confirmed < kept_from)
        {
            tokio::time::sleep(super::LOOK).await;
        }
    }
    Ok(())
}

async fn copy(agent: &Agent, sponsor: &sql::Connection, db: &sql::Connection, table: &Table) -> Result<()> {
    let (mut rows, mut bytes) = (0, 0);
    let flush = |rows: &mut u64, bytes: &mut u64| {
        super::report(agent, |progress| {
            progress.rows_done += std::mem::take(rows);
            progress.bytes_done += std::mem::take(bytes);
        });
    };
    sql::copy::table(sponsor, db, table, |more_rows, more_bytes| {
        rows += more_rows;
        bytes += more_bytes;
        if rows >= REPORT_ROWS {
            flush(&mut rows, &mut bytes);
        }
    })
    .await?;
    flush(&mut rows, &mut bytes);
    tracing::info!(relation = table.relation, rows = table.rows, "copied a table");
    Ok(())
}
