//! Tries to reach peers that are in doubt, for the words of the failure. In the background: a look waits for nobody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keystead::member::roster::Member;
use keystead::member::trouble::{Failure, Trouble};
use keystead::{Error, Kind, NodeId, NodeNumber};
use tokio::time::Instant;

use crate::agent::Agent;
use crate::peers::Target;

/// Between two tries to reach one peer.
const PAUSE: Duration = Duration::from_secs(5);

/// What the tries came to.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    tries: Arc<Mutex<BTreeMap<NodeNumber, Try>>>,
}

#[derive(Debug, Clone)]
struct Try {
    began: Instant,
    is_on: bool,
    came_to: Option<Result<(), Failure>>,
}

impl Reach {
    /// What the last try to reach `node` came to. Begins another one when that was a while ago.
    pub(super) fn of(&self, agent: &Agent, me: &NodeId, node: &Member) -> Option<Result<(), Failure>> {
        let mut tries = lock(&self.tries);
        let before = tries.get(&node.number).cloned();
        let came_to = before.as_ref().and_then(|before| before.came_to.clone());
        if before.is_none_or(|before| !before.is_on && before.began.elapsed() >= PAUSE) {
            let begun = Try {
                began: Instant::now(),
                is_on: true,
                came_to: came_to.clone(),
            };
            tries.insert(node.number, begun);
            drop(tries);
            self.begin(agent, me, node);
        }
        came_to
    }

    /// What is known of `node` without trying.
    pub(super) fn known(&self, node: NodeNumber) -> Option<Result<(), Failure>> {
        lock(&self.tries).get(&node)?.came_to.clone()
    }

    /// It is in doubt no more.
    pub(super) fn forget(&self, node: NodeNumber) {
        lock(&self.tries).retain(|number, one| *number != node || one.is_on);
        if let Some(one) = lock(&self.tries).get_mut(&node) {
            one.came_to = None;
        }
    }

    fn begin(&self, agent: &Agent, me: &NodeId, node: &Member) {
        let (tries, peers, stop) = (Arc::clone(&self.tries), agent.peers.clone(), agent.tasks.stopping());
        let (me, target, number) = (me.clone(), Target::of(node), node.number);
        agent.tasks.spawn_work("reach", async move {
            let came_to = tokio::select! {
                () = stop.cancelled() => return,
                attempt = peers.connect_and_ask(&me, &target) => attempt.map(drop).map_err(|error| failure(&error)),
            };
            if let Some(one) = lock(&tries).get_mut(&number) {
                one.is_on = false;
                one.came_to = Some(came_to);
            }
        });
    }
}

fn failure(error: &Error) -> Failure {
    Failure {
        trouble: match error.kind() {
            Kind::Forbidden | Kind::Unauthorized => Trouble::Refused,
            _ => Trouble::Unreachable,
        },
        text: error.to_string(),
        hint: error.hint().map(str::to_owned),
        detail: error.chain(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
