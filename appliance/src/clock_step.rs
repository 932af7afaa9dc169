//! Notices that the clock was set back, and keeps links from standing still for it.
//!
//! PostgreSQL's launcher starts an apply worker again when enough time has passed since it did so last, by the clock on the
//! wall: set back by an hour, it leaves a worker that has ended alone for an hour. Up to version 15, a launcher that was
//! started anew has forgotten that. Later ones remember it in shared memory, by the subscription: then one whose worker does
//! not come is made anew, from the slot that is kept for it. Rows need no help: versions are above the floor, whatever the
//! clock does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use keystead::clock::Micros;
use keystead::{Error, Result};
use tokio::time::Instant;

use crate::agent::{Agent, Standing};
use crate::pulse::Pulse;

const PERIOD: Duration = Duration::from_secs(2);

/// Clocks that are being adjusted are slowed down by less.
const STEP_MILLIS: i64 = 1000;

/// Watches the clock until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    let mut before = (Instant::now(), agent.clock.now());
    let (mut latest, mut waiting) = (before.1, BTreeSet::new());
    while pulse.rest(tokio::time::sleep(PERIOD)).await.is_some() {
        let now = (Instant::now(), agent.clock.now());
        let back = set_back(now.0 - before.0, before.1, now.1);
        before = now;
        latest = latest.max(now.1);
        if agent.standing() != Standing::Member {
            continue;
        }
        if back >= STEP_MILLIS {
            restart_launcher(&agent, back)
                .await
                .unwrap_or_else(|error| failed(&error));
        }
        waiting = if latest.millis_since(now.1) >= STEP_MILLIS {
            make_anew(&agent, &waiting).await.unwrap_or_else(|error| {
                failed(&error);
                BTreeSet::new()
            })
        } else {
            BTreeSet::new()
        };
    }
}

/// Drops the subscriptions that had no worker at the look before and have none now; the reconciler makes them anew. Those
/// without one that are left.
async fn make_anew(agent: &Agent, before: &BTreeSet<String>) -> Result<BTreeSet<String>> {
    let db = agent.db().await?;
    let mut without = sql::link::without_worker(&db).await?;
    for name in before {
        if without.remove(name) {
            let _subscribing = agent.subscribing.lock().await;
            sql::link::drop_subscription(&db, name).await?;
            tracing::info!(
                name,
                "no worker came since the clock was set back: the subscription is made anew"
            );
            agent.links_changed.notify_one();
        }
    }
    Ok(without)
}

async fn restart_launcher(agent: &Agent, milliseconds: i64) -> Result<()> {
    tracing::warn!(
        milliseconds,
        "the clock was set back; PostgreSQL's launcher is started anew"
    );
    Ok(sql::server::restart_launcher(&*agent.db().await?).await?)
}

fn failed(error: &Error) {
    tracing::warn!(
        error = error.chain(),
        "links may stand still, as the clock was set back"
    );
}

/// By how many milliseconds the clock went back while so much time passed. Negative when it went ahead.
fn set_back(passed: Duration, before: Micros, now: Micros) -> i64 {
    let passed = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
    passed.saturating_sub(now.millis_since(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_was_set_back_counts() {
        let at = |millis: i64| Micros(millis * 1000);
        let passed = Duration::from_secs(2);
        assert_eq!(set_back(passed, at(10_000), at(12_000)), 0);
        assert_eq!(set_back(passed, at(10_000), at(5_000)), 7000);
        assert!(set_back(passed, at(10_000), at(612_000)) < 0);
    }
}
