//! Clients at work: each takes the steps that its seed decides, one after the other, until told to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::client::{Client, Shared};
use super::steps::{Act, Ending, Step, Steps, Target};

/// Clients for every node; each goes to all of them.
const CLIENTS_A_NODE: u64 = 3;

/// A client's rest after a step: so that faults meet work, not a heap of it.
const PACE: Duration = Duration::from_millis(15);

/// How long a client waits until another node has what it has read.
const CATCH_UP: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// The name of a key that is rotated. It never gets another.
pub(super) fn rotated(number: usize) -> String {
    format!("rotated-{number}")
}

/// Starts them.
pub(super) fn start(shared: &Arc<Shared>, seed: u64) -> JoinSet<()> {
    let nodes = shared.doors.len();
    let mut workers = JoinSet::new();
    for number in 1..=CLIENTS_A_NODE * nodes as u64 {
        let worker = Worker {
            client: Client::new(shared, number),
        };
        workers.spawn(worker.work(Steps::new(seed, number, nodes)));
    }
    workers
}

struct Worker {
    client: Client,
}

impl Worker {
    async fn work(mut self, mut steps: Steps) {
        while !self.client.shared.is_over()
            && let Some(step) = steps.next()
        {
            self.take(step).await;
            // Not waiting for anything: this is the pace.
            sleep(PACE).await;
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Create { node, shown } => {
                let made = self.client.create(node, None).await;
                if let (Some(key), Some(pick), true) = (made.key.as_ref(), shown, made.is_ok()) {
                    self.client.shared.show(key, pick / 2);
                }
                self.client.settle(&[&made]);
            }
            Step::Twins { node, other } => self.twins(node, other).await,
            Step::Rotate { node, other, number } => {
                let name = rotated(number);
                let made = self.client.rotate(node, &name).await;
                self.client.current(other, &name).await;
                self.client.settle(&[&made]);
            }
            Step::Do { node, target, act } => {
                if let Some(key) = self.find(target) {
                    self.act(node, &key, act).await;
                }
            }
        }
    }

    async fn act(&mut self, node: usize, key: &str, act: Act) {
        let done = match act {
            Act::Read => self.client.read(node, key).await,
            Act::Change => self.client.change(node, key).await,
            Act::End(ending) => self.client.end(node, key, ending).await,
            Act::ReadThenChange { other } => return self.read_then_change(node, other, key).await,
            Act::DeleteAndLook => return self.delete_and_look(node, key).await,
            Act::Race { other, ending } => {
                let ended = self.client.end(node, key, ending);
                let (ended, changed) = tokio::join!(ended, self.client.change(other, key));
                return self.client.settle(&[&ended, &changed]);
            }
        };
        self.client.settle(&[&done]);
    }

    /// The key that a step means, as far as there is one now.
    fn find(&self, target: Target) -> Option<String> {
        match target {
            Target::Hot(number) => self.client.shared.hot.get()?.get(number).cloned(),
            Target::Young(pick) => self.client.shared.young(pick),
        }
    }

    /// A change made after another was seen: it waits until `other` has what was read on `node`.
    async fn read_then_change(&mut self, node: usize, other: usize, key: &str) {
        let read = self.client.read(node, key).await;
        let Some(quoted) = read.seen.first().map(|seen| seen.version) else {
            return;
        };
        let end = Instant::now() + CATCH_UP;
        while Instant::now() < end && !self.client.shared.is_over() {
            let there = self.client.read(other, key).await;
            if there.seen.first().is_some_and(|seen| seen.version >= quoted) {
                let changed = self.client.change(other, key).await;
                self.client.settle(&[&changed]);
                return;
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn delete_and_look(&mut self, node: usize, key: &str) {
        let deleted = self.client.end(node, key, Ending::Delete).await;
        for other in 0..self.client.shared.doors.len() {
            self.client.read(other, key).await;
        }
        self.client.settle(&[&deleted]);
    }

    async fn twins(&mut self, node: usize, other: usize) {
        let name = format!("twin-{}", self.client.value());
        let (one, two) = tokio::join!(
            self.client.create(node, Some(&name)),
            self.client.create(other, Some(&name))
        );
        self.client.settle(&[&one, &two]);
    }
}
