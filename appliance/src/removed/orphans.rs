//! What a removed node wrote and no member is known to have: written down before anything of it can be wiped.
//!
//! A member has everything up to the newest heartbeat of this node that it says it has seen, and everything at all when it
//! has confirmed the end of this node's WAL after the last write. What is newer is an orphan, also if it did arrive: better
//! one too many. The report is a file beside the data, which outlives leaving and joining again. Nothing secret is in it;
//! the keys themselves are on the node until it joins another cluster.

use std::io;
use std::path::PathBuf;
use std::sync::PoisonError;

use keystead::api::orphan::Orphan;
use keystead::clock::Micros;
use keystead::member::roster::Roster;
use keystead::replication::horizon::seen_by_any;
use keystead::replication::names;
use keystead::{Error, NodeNumber, Result};
use sql::Connection;

use crate::agent::Agent;
use crate::durable;

/// This node writes nothing any more: who confirms what is written up to now has everything.
pub(crate) async fn note_position(agent: &Agent, db: &Connection) -> Result<()> {
    let position = sql::orphan::position(db).await?;
    *agent.last_position.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
    Ok(())
}

/// Writes the report, unless there is nothing to report. Before the links are cut: they tell what has arrived.
pub(super) async fn keep(agent: &Agent, db: &Connection) -> Result<()> {
    let me = agent.identity()?;
    let roster = sql::node::all(db).await?;
    if has_taken_all(agent, db, &roster).await? {
        return Ok(());
    }
    let peers: Vec<NodeNumber> = roster.ready_peers(&me.node_id).map(|peer| peer.number).collect();
    let known = seen_by_any(&sql::heartbeat::all(db).await?, &peers, me.number).unwrap_or(Micros(0));
    let mut orphans = sql::orphan::all(db, known, &me.node_id).await?;
    // That it was removed is known to all.
    orphans.retain(|orphan| orphan.key.get("id").is_none_or(|id| id != me.node_id.as_str()));
    if orphans.is_empty() {
        return Ok(());
    }
    tracing::warn!(
        orphans = orphans.len(),
        hint = "`ksctl cluster orphans` shows them",
        "this node has writes that no member is known to have"
    );
    let path = folder(agent).join(format!("{}.jsonl", me.node_id));
    blocking(move || write(&path, &orphans)).await
}

async fn has_taken_all(agent: &Agent, db: &Connection, roster: &Roster) -> Result<bool> {
    // Taken: it is of this membership, and worth nothing in the next.
    let position = agent
        .last_position
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some(position) = position else { return Ok(false) };
    let me = agent.identity()?;
    let slots: Vec<String> = roster
        .ready_peers(&me.node_id)
        .map(|peer| names::link(me.number, peer.number))
        .collect();
    Ok(sql::orphan::is_taken(db, &slots, position).await?)
}

/// All orphans of all lives of this machine, the oldest first.
pub(crate) async fn list(agent: &Agent) -> Result<Vec<Orphan>> {
    let folder = folder(agent);
    let mut orphans = blocking(move || read(&folder)).await?;
    orphans.sort_by_key(|orphan| orphan.row_version);
    Ok(orphans)
}

fn folder(agent: &Agent) -> PathBuf {
    agent.postgres.paths().data_dir().join("orphans")
}

fn write(path: &std::path::Path, orphans: &[Orphan]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut text = Vec::new();
    for orphan in orphans {
        serde_json::to_writer(&mut text, orphan)?;
        text.push(b'\n');
    }
    durable::write(path, &text, 0o600)
}

fn read(folder: &std::path::Path) -> io::Result<Vec<Orphan>> {
    let mut orphans = Vec::new();
    let files = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(orphans),
        files => files?,
    };
    for file in files {
        let path = file?.path();
        // A write that was cut off leaves a file of another name.
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            for line in std::fs::read_to_string(path)?.lines() {
                orphans.push(serde_json::from_str(line)?);
            }
        }
    }
    Ok(orphans)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let failed = |cause| Error::internal("the report of orphans", cause);
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|cause| Error::internal("the report of orphans", cause))?
        .map_err(failed)
}
