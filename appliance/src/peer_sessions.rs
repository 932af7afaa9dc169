//! Ends sessions of other nodes that take too long or do what no node does, and drops the slots they made.
//!
//! What that is decide `keystead::member::sessions` and `keystead::member::misuse`; this file looks and ends. Sessions that a
//! removed node has open are the reconciler's: `links`.

use std::sync::Arc;
use std::time::Duration;

use keystead::Result;
use keystead::member::misuse::{EndWatch, Misuse, of_sessions, of_slots};
use keystead::member::sessions::{PeerSession, SessionWatch};
use sql::Connection;

use crate::agent::{Agent, Standing};
use crate::pulse::Pulse;

/// How often to look: an idle transaction of a guest ends within seven seconds.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// What is remembered from one look to the next.
#[derive(Default)]
struct Watch {
    sessions: SessionWatch,
    ends: EndWatch,
}

/// Looks until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    let mut watch = Watch::default();
    while pulse.goes_on() {
        if let Err(error) = look(&agent, &mut watch).await {
            tracing::debug!(error = error.chain(), "sessions of other nodes cannot be listed");
        }
        pulse.rest(tokio::time::sleep(POLL_INTERVAL)).await;
    }
}

async fn look(agent: &Agent, watch: &mut Watch) -> Result<()> {
    // Nobody else gets in.
    if agent.standing() == Standing::Alone {
        return Ok(());
    }
    let db = agent.db().await?;
    let sessions = sql::session::of_peers(&db).await?;
    let mut ended = end_overdue(agent, &db, watch, &sessions).await?;
    ended.extend(end_misuse(&db, &misuse(agent, &db, &sessions).await?, &sessions).await);
    for stuck in watch.ends.stuck(&ended) {
        note(&db, &stuck).await?;
    }
    Ok(())
}

/// What is done now that no node does.
async fn misuse(agent: &Agent, db: &Connection, sessions: &[PeerSession]) -> Result<Vec<Misuse>> {
    let roster = sql::node::all(db).await?;
    let mut found = of_sessions(&roster, sessions);
    // The server of somebody else may have slots of its own.
    if !agent.postgres.is_attached() {
        found.extend(of_slots(
            agent.identity()?.number,
            &roster,
            &sql::session::slots(db).await?,
        ));
    }
    Ok(found)
}

/// Those that were told to end.
async fn end_overdue(
    agent: &Agent,
    db: &Connection,
    watch: &mut Watch,
    sessions: &[PeerSession],
) -> Result<Vec<PeerSession>> {
    let queue = sql::session::notification_queue_percent(db).await?;
    let mut ended = Vec::new();
    for (session, reason) in watch.sessions.overdue(sessions, queue, agent.clock.now()) {
        tracing::warn!(
            role = session.role,
            pid = session.pid,
            reason,
            "ending a session of another node"
        );
        sql::session::end(db, session).await?;
        ended.push(session.clone());
    }
    Ok(ended)
}

/// Those that were told to end. What cannot be stopped holds up none of the others.
async fn end_misuse(db: &Connection, misused: &[Misuse], sessions: &[PeerSession]) -> Vec<PeerSession> {
    let mut ended = Vec::new();
    for misuse in misused {
        match end(db, misuse, sessions).await {
            Ok(session) => ended.extend(session),
            Err(error) => tracing::warn!(error = error.chain(), "what a node does could not be stopped"),
        }
    }
    ended
}

/// Ends it; the session that was told to, if there is one.
async fn end(db: &Connection, misuse: &Misuse, sessions: &[PeerSession]) -> Result<Option<PeerSession>> {
    note(db, misuse).await?;
    if let Some(slot) = &misuse.slot {
        sql::link::drop_slot(db, slot).await?;
    }
    let session = sessions.iter().find(|session| Some(session.pid) == misuse.pid);
    if let Some(session) = session {
        sql::session::end(db, session).await?;
    }
    Ok(session.cloned())
}

async fn note(db: &Connection, misuse: &Misuse) -> Result<()> {
    let node = misuse.node.as_ref().map_or(sql::misuse::UNKNOWN, |node| node.as_str());
    tracing::warn!(
        node,
        misuse = misuse.text,
        "a node does what no node does, and is stopped"
    );
    sql::misuse::note(db, misuse.node.as_ref(), &misuse.text).await?;
    Ok(())
}
