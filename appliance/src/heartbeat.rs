//! Once a second a member says: everything of mine up to this time has left.
//!
//! The time is read, then a transaction id is taken; when every transaction older than that has ended, no row with an
//! earlier version can still come. What the promise is good for: `keystead::replication::horizon`.

use std::sync::Arc;
use std::time::Duration;

use keystead::clock::Micros;
use keystead::{Error, Result};
use sql::Connection;
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, Standing};

const PERIOD: Duration = Duration::from_secs(1);

/// How often to look whether older transactions have ended.
const LOOK: Duration = Duration::from_millis(5);

/// A transaction may be open for long; the next beat tries again rather than queue behind this one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Beats until the agent stops, while this node is a member.
pub(crate) async fn run(agent: Arc<Agent>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if agent.standing() != Standing::Member {
            continue;
        }
        if let Err(error) = beat(&agent).await {
            tracing::debug!(error = error.chain(), "a heartbeat failed");
        }
    }
}

/// One heartbeat; the time it carries.
pub(crate) async fn beat(agent: &Agent) -> Result<Micros> {
    let number = agent.identity()?.number;
    let db = agent.db().await?;
    let beginning = sql::heartbeat::begin(&db).await?;
    tokio::time::timeout(PATIENCE, finished(&db, beginning))
        .await
        .map_err(|_| Error::unavailable("a transaction has been open for 30 seconds"))??;
    sql::heartbeat::beat(&db, number, beginning.at).await?;
    Ok(beginning.at)
}

async fn finished(db: &Connection, beginning: sql::heartbeat::Beginning) -> Result<()> {
    while !sql::heartbeat::is_finished(db, beginning).await? {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
