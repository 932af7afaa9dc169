//! Takes out old tombstones that every member has seen.
//!
//! Decides up to which time: the horizon, less the time that tombstones are kept. A row that was purged does not come
//! back: `replication.purge` in `sql/migrations/V1__replication.sql`. The floor is raised one round before tombstones below
//! it go, so that a merge which looked at the floor before is long done.

use std::sync::Arc;
use std::time::Duration;

use keystead::Result;
use keystead::clock::Micros;
use keystead::replication::horizon;
use sql::Connection;

use crate::agent::{Agent, Standing};
use crate::pulse::Pulse;

/// How often to purge while tombstones are kept once: each time reads whole tables.
const TIMES: u32 = 24;

/// The most often and the least often.
const PERIODS: [Duration; 2] = [Duration::from_secs(10), Duration::from_hours(1)];

/// Tombstones of a table that are taken out in one transaction.
const AT_ONCE: i32 = 10_000;

/// Purges now and then until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    let [shortest, longest] = PERIODS;
    let period = (agent.config.replication.tombstones_kept_for / TIMES).clamp(shortest, longest);
    let mut raised_to = None;
    while pulse.goes_on() {
        if let Err(error) = purge(&agent, &mut raised_to).await {
            tracing::debug!(error = error.chain(), "tombstones could not be purged, trying again");
        }
        pulse.rest(tokio::time::sleep(period)).await;
    }
}

async fn purge(agent: &Agent, raised_to: &mut Option<Micros>) -> Result<()> {
    let standing = agent.standing();
    if !matches!(standing, Standing::Alone | Standing::Member) {
        return Ok(());
    }
    let db = agent.db().await?;
    let seen_by_all = match standing {
        Standing::Member => horizon_of_members(&db).await?,
        _ => Some(agent.clock.now()),
    };
    let Some(seen_by_all) = seen_by_all else {
        return Ok(());
    };
    let kept_for = i64::try_from(agent.config.replication.tombstones_kept_for.as_micros()).unwrap_or(i64::MAX);
    let up_to = Micros(seen_by_all.0.saturating_sub(kept_for));
    if let Some(before) = *raised_to {
        while sql::replication::purge(&db, before, AT_ONCE).await? >= i64::from(AT_ONCE) {}
    }
    // Takes out none: it raises the floor alone.
    sql::replication::purge(&db, up_to, 0).await?;
    *raised_to = Some(up_to);
    Ok(())
}

async fn horizon_of_members(db: &Connection) -> Result<Option<Micros>> {
    let members: Vec<_> = sql::node::all(db).await?.ready().map(|node| node.number).collect();
    Ok(horizon::horizon(&sql::heartbeat::all(db).await?, &members))
}
