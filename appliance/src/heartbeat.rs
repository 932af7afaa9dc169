//! Once a second, in a large cluster less often, a member says: everything of mine up to this time has left.
//!
//! The time is read, then a transaction id is taken; when every transaction older than that has ended, no row with an
//! earlier version can still come. How often is `keystead::replication::heartbeat`; what the promise is good for,
//! `keystead::replication::horizon`.

use std::sync::Arc;
use std::time::Duration;

use keystead::clock::Micros;
use keystead::replication::heartbeat::{PERIOD, period};
use keystead::{Error, Result};
use sql::Connection;
use tokio::time::{Instant, sleep_until};

use crate::agent::{Agent, Standing};
use crate::pulse::Pulse;

/// How often to look whether older transactions have ended.
const LOOK: Duration = Duration::from_millis(5);

/// A transaction may be open for long; the next beat tries again rather than queue behind this one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Beats until the agent stops, while this node is a member.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    while pulse.goes_on() {
        let begun = Instant::now();
        let period = round(&agent).await.unwrap_or_else(|error| {
            tracing::debug!(error = error.chain(), "a heartbeat failed");
            PERIOD
        });
        pulse.rest(sleep_until(begun + period)).await;
    }
}

/// Beats if this node is a member; how long after the beginning of this round the next is due.
async fn round(agent: &Agent) -> Result<Duration> {
    if agent.standing() != Standing::Member {
        return Ok(PERIOD);
    }
    beat(agent).await?;
    let members = sql::node::all(&*agent.db().await?).await?.ready().count();
    Ok(period(members))
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
