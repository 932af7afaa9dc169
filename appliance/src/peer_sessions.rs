//! Ends sessions of other nodes that take too long.
//!
//! What too long is decides `keystead::member::sessions`; this file looks and ends. Sessions that a removed node has open
//! are the reconciler's: `links`.

use std::sync::Arc;
use std::time::Duration;

use keystead::Result;
use keystead::member::sessions::SessionWatch;
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, Standing};

/// How often to look: an idle transaction of a guest ends within seven seconds.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Looks until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, stop: CancellationToken) {
    let mut watch = SessionWatch::default();
    while !stop.is_cancelled() {
        if let Err(error) = end_overdue(&agent, &mut watch).await {
            tracing::debug!(error = error.chain(), "sessions of other nodes cannot be listed");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

async fn end_overdue(agent: &Agent, watch: &mut SessionWatch) -> Result<()> {
    // Nobody else gets in.
    if agent.standing() == Standing::Alone {
        return Ok(());
    }
    let db = agent.db().await?;
    let sessions = sql::session::of_peers(&db).await?;
    let queue = sql::session::notification_queue_percent(&db).await?;
    for (session, reason) in watch.overdue(&sessions, queue, agent.clock.now()) {
        tracing::warn!(
            role = session.role,
            pid = session.pid,
            reason,
            "ending a session of another node"
        );
        sql::session::end(&db, session).await?;
    }
    Ok(())
}
