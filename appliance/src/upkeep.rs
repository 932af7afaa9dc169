//! What a node does now and then so that nothing grows: outboxes, old tickets, calls nobody fetched. Tombstones: `purge.rs`.

use std::sync::Arc;
use std::time::Duration;

use keystead::Result;

use crate::agent::{Agent, Standing};
use crate::cluster;
use crate::pulse::Pulse;

const PERIOD: Duration = Duration::from_secs(5);

/// Outboxes below this are left alone: emptying one takes a lock that writers wait for.
const OUTBOX_BYTES: i64 = 16 << 20;

/// Keeps house until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    while pulse.rest(tokio::time::sleep(PERIOD)).await.is_some() {
        if agent.standing() == Standing::Joining {
            continue;
        }
        if let Err(error) = keep_house(&agent).await {
            tracing::debug!(error = error.chain(), "keeping house failed, trying again");
        }
    }
}

async fn keep_house(agent: &Agent) -> Result<()> {
    let db = agent.db().await?;
    sql::replication::empty_outboxes(&db, OUTBOX_BYTES).await?;
    sql::call::forget_old(&db).await?;
    cluster::forget_expired(agent).await?;
    sql::ticket::forget_old(&*agent.local.get().await?).await?;
    Ok(())
}
