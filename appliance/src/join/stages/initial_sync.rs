//! Stage 3, initial sync: all rows are copied from one member, the source.
//!
//! First the source must have everything that the others committed before their slots for this node began: what is
//! older than a slot comes with the copy, what is younger comes through the slot, so nothing falls between. A heartbeat
//! of each proves it, so the others need not be asked, and another source can be taken when one dies.
//! Repeating it empties each table and copies it again.

use futures_util::future::join_all;
use keystead::clock::Micros;
use keystead::join::silence::Need;
use keystead::join::stage::Event;
use keystead::member::roster::Member;
use keystead::replication::floor;
use keystead::{Error, Result};
use sql::copy::Table;
use sql::{Connection, Peer};
use tokio::time::Instant;

use super::super::driver::ledger;
use super::super::room;
use crate::agent::Agent;
use crate::join;
use crate::peers::Target;

/// How many rows go by between two reports.
const REPORT_ROWS: u64 = 500;

pub(super) async fn run(agent: &Agent) -> Result<Event> {
    join::need(agent, [(ledger(agent)?.source, Need::Answers)]);
    let source = super::source(agent).await?;
    wait_for_source(agent, &source).await?;

    let tables = sql::copy::tables(&source).await?;
    super::report(agent, |progress| {
        (progress.rows_done, progress.bytes_done) = (0, 0);
        // The source's word: any number.
        progress.rows_total = tables.iter().fold(0, |sum, table| table.rows.saturating_add(sum));
        progress.bytes_total = tables.iter().fold(0, |sum, table| table.bytes.saturating_add(sum));
    });
    // A connection of its own: when the copy is cut off, its transaction goes with it.
    let db = sql::connect(&agent.postgres.config(sql::database::CLUSTER)).await?;
    for table in &tables {
        copy(agent, &source, &db, table).await?;
    }
    let floor = floor(agent, &source).await?;
    sql::replication::continue_from(&db, floor).await?;
    Ok(Event::CopyFinished)
}

/// Up to when the source has purged, if that can be so: the other members are asked themselves, for what the source says of
/// them could be as wrong. Those that do not answer are left out, as elsewhere in a join.
///
/// # Errors
/// When it cannot be so. Then another source is taken.
async fn floor(agent: &Agent, source: &Peer) -> Result<Micros> {
    let floor = sql::replication::purged_up_to(source).await?;
    let (itself, (_, members)) = (ledger(agent)?.source, super::members(agent, source).await?);
    let others = members.iter().filter(|member| member.number != itself);
    let said = join_all(others.map(|member| beat_of(agent, member))).await;
    if floor::is_possible(floor, said.into_iter().flatten()) {
        return Ok(floor);
    }
    let (question, address) = ("up to when it has purged", source.name());
    let error = Error::unavailable(format!(
        "{address} says that it has purged up to a time that no other member has reached"
    ));
    agent.peers.unanswered().failed(address, question, &error);
    Err(error)
}

/// The newest heartbeat of a member, in its own words.
async fn beat_of(agent: &Agent, member: &Member) -> Option<Micros> {
    let me = ledger(agent).ok()?.node_id;
    let peer = agent.peers.connect(&me, &Target::of(member)).await.ok()?;
    super::newest_heartbeat(&peer, member).await.ok()
}

/// Waits until the source has applied every other member's changes up to that member's slot for this node.
async fn wait_for_source(agent: &Agent, source: &Peer) -> Result<()> {
    let (kept, (_, mut others)) = (ledger(agent)?, super::members(agent, source).await?);
    others.retain(|member| member.number != kept.source);
    let mut looked = Instant::now();
    loop {
        let arrived = sql::heartbeat::newest(source).await?;
        let mut awaited = Vec::new();
        for member in others {
            let Some(heard) = kept.heard.get(&member.number) else {
                // Down when the slots were made, or a member only since.
                super::read_anew_later(agent, &member).await?;
                continue;
            };
            if arrived.get(&member.number).is_none_or(|arrived| arrived <= heard) {
                awaited.push(member);
            }
        }
        if looked.elapsed() >= super::DOUBT {
            awaited = super::without_silent(agent, awaited).await?;
            looked = Instant::now();
        }
        if awaited.is_empty() {
            return Ok(());
        }
        others = awaited;
        tokio::time::sleep(super::LOOK).await;
    }
}

async fn copy(agent: &Agent, source: &Peer, db: &Connection, table: &Table) -> Result<()> {
    let (mut rows, mut bytes) = (0, 0);
    let flush = |rows: &mut u64, bytes: &mut u64| {
        super::report(agent, |progress| {
            progress.rows_done += std::mem::take(rows);
            progress.bytes_done += std::mem::take(bytes);
        });
    };
    sql::copy::table(source, db, table, |more_rows, more_bytes| {
        rows += more_rows;
        bytes += more_bytes;
        if rows >= REPORT_ROWS {
            flush(&mut rows, &mut bytes);
        }
    })
    .await
    .map_err(|error| {
        if error.is_disk_full() {
            // The source only reads, so it is this node's.
            room::no_space(agent.postgres.paths()).caused_by(error)
        } else {
            error.into()
        }
    })?;
    flush(&mut rows, &mut bytes);
    tracing::info!(relation = table.relation, rows = table.rows, "copied a table");
    Ok(())
}
