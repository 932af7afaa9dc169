//! The agent's background tasks: every one has a name, and none dies unseen.
//!
//! This file decides what the end of a task means: one that was not asked to end takes the agent down with it, so that
//! the supervisor starts the whole again. It is the one place that spawns. Next: `start.rs`, which waits on it.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use keystead::{Error, Result};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::pulse::{Pulse, Round};

/// The set of running tasks. Cheap to clone; all clones are the same set.
#[derive(Clone)]
pub(crate) struct Tasks {
    inner: Arc<Inner>,
}

struct Inner {
    set: Mutex<JoinSet<()>>,
    /// How many tasks of each name run now.
    names: Mutex<BTreeMap<&'static str, usize>>,
    /// The rounds of those that run for ever.
    rounds: Mutex<BTreeMap<&'static str, Arc<Round>>>,
    stop: CancellationToken,
    anew: CancellationToken,
    dead: mpsc::UnboundedSender<&'static str>,
    deaths: tokio::sync::Mutex<mpsc::UnboundedReceiver<&'static str>>,
}

impl Tasks {
    /// No tasks yet.
    pub(crate) fn new() -> Self {
        let (dead, deaths) = mpsc::unbounded_channel();
        let deaths = tokio::sync::Mutex::new(deaths);
        let (set, names, rounds) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (stop, anew) = (CancellationToken::new(), CancellationToken::new());
        Self {
            inner: Arc::new(Inner {
                set,
                names,
                rounds,
                stop,
                anew,
                dead,
                deaths,
            }),
        }
    }

    /// Cancelled when the agent goes down: every task that runs for ever must end then, and soon.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.inner.stop.clone()
    }

    /// Asks for a new agent in the place of this one.
    pub(crate) fn ask_to_begin_anew(&self) {
        self.inner.anew.cancel();
    }

    /// Waits until that was asked for.
    pub(crate) async fn asked_to_begin_anew(&self) {
        self.inner.anew.cancelled().await;
    }

    /// Starts a task that goes round until [`Self::stopping`] is cancelled. If it ends before, [`Self::death`] tells; if it
    /// hangs in a round, [`Self::overdue`].
    pub(crate) fn spawn<F>(&self, name: &'static str, task: impl FnOnce(Pulse) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let pulse = Pulse::new(self.stopping());
        self.rounds().insert(name, pulse.round());
        self.start(name, task(pulse), true);
    }

    /// Starts a task that has no rounds, and runs until [`Self::stopping`] is cancelled all the same.
    pub(crate) fn spawn_server<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.start(name, future, true);
    }

    /// The tasks that have been at one round for longer than `patience`, and for how long.
    pub(crate) fn overdue(&self, patience: Duration) -> BTreeMap<&'static str, Duration> {
        let rounds = self.rounds();
        let age = |(name, round): (&&'static str, &Arc<Round>)| Some((*name, round.age()?));
        rounds
            .iter()
            .filter_map(age)
            .filter(|(_, age)| *age > patience)
            .collect()
    }

    /// Starts a task that may end by itself: one piece of work. Only a panic in it is a death.
    pub(crate) fn spawn_work<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.start(name, future, false);
    }

    /// Does work to its end even when whoever waits for it goes away: a client that hangs up, or a time limit, must not
    /// leave half of it done.
    ///
    /// # Errors
    /// When the work panicked; its death is told as every other.
    pub(crate) async fn see_through<T, F>(&self, name: &'static str, future: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (tell, outcome) = oneshot::channel();
        self.spawn_work(name, async move {
            // Nobody is left to be told when the waiting side is gone.
            let _gone = tell.send(future.await);
        });
        outcome
            .await
            .unwrap_or_else(|cause| Err(Error::internal("work that others wait for", cause)))
    }

    fn start<F>(&self, name: &'static str, future: F, for_ever: bool)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        *self.names().entry(name).or_default() += 1;
        let mut set = self.inner.set.lock().unwrap_or_else(PoisonError::into_inner);
        // Tasks that have ended stay in the set until they are taken out.
        while set.try_join_next().is_some() {}
        set.spawn(async move {
            let outcome = AssertUnwindSafe(future).catch_unwind().await;
            inner.ended(name, outcome.is_err(), for_ever);
        });
    }

    /// The name of the first task that ended unasked. Waits for ever while all is well.
    pub(crate) async fn death(&self) -> &'static str {
        match self.inner.deaths.lock().await.recv().await {
            Some(name) => name,
            // The other end lives as long as `self`.
            None => std::future::pending().await,
        }
    }

    /// Asks all tasks to end, waits for them, and ends those by force that have not after `patience`.
    pub(crate) async fn shutdown(&self, patience: Duration) {
        self.inner.stop.cancel();
        let mut set = std::mem::take(&mut *self.inner.set.lock().unwrap_or_else(PoisonError::into_inner));
        let all_ended = async { while set.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all_ended).await.is_err() {
            let names: Vec<&str> = self.names().keys().copied().collect();
            tracing::warn!(tasks = names.join(", "), "tasks did not end when asked; ending them");
            set.shutdown().await;
        }
    }

    fn rounds(&self) -> MutexGuard<'_, BTreeMap<&'static str, Arc<Round>>> {
        self.inner.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<&'static str, usize>> {
        self.inner.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn ended(&self, name: &'static str, panicked: bool, for_ever: bool) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = names.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                names.remove(name);
            }
        }
        if !panicked && (!for_ever || self.stop.is_cancelled()) {
            return;
        }
        tracing::error!(task = name, panicked, "a task ended that was not asked to");
        // Nobody listens only when the agent is going down already.
        self.dead.send(name).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_task_that_ends_unasked_is_told_by_name() {
        let tasks = Tasks::new();
        let stop = tasks.stopping();
        tasks.spawn_server("steady", async move { stop.cancelled().await });
        tasks.spawn("fickle", |_| async {});
        assert_eq!(tokio::time::timeout(SOON, tasks.death()).await, Ok("fickle"));
    }

    #[tokio::test]
    async fn a_panic_is_a_death_also_of_a_task_that_may_end() {
        let tasks = Tasks::new();
        tasks.spawn_work("done", async {});
        tasks.spawn_work("clumsy", async { panic!("on purpose") });
        assert_eq!(tokio::time::timeout(SOON, tasks.death()).await, Ok("clumsy"));
    }

    #[tokio::test]
    async fn a_shutdown_waits_for_tasks_that_tidy_up_and_is_no_death() {
        let tasks = Tasks::new();
        let stop = tasks.stopping();
        let tidy = Arc::new(Mutex::new(false));
        let seen = Arc::clone(&tidy);
        tasks.spawn_server("tidy", async move {
            stop.cancelled().await;
            tokio::task::yield_now().await;
            *tidy.lock().unwrap() = true;
        });
        tasks.shutdown(SOON).await;
        assert!(*seen.lock().unwrap());
        assert!(
            tokio::time::timeout(Duration::from_millis(20), tasks.death())
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn work_is_seen_through_though_nobody_waits_for_it() {
        let tasks = Tasks::new();
        let (tell, told) = oneshot::channel();
        let (go, gone) = oneshot::channel::<()>();
        let work = tasks.see_through("work", async move {
            gone.await.ok();
            tell.send(()).ok();
            Ok(())
        });
        assert!(
            tokio::time::timeout(Duration::from_millis(20), work).await.is_err(),
            "it waits for `go`"
        );
        go.send(()).unwrap();
        tokio::time::timeout(SOON, told).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_task_that_hangs_in_a_round_is_overdue_and_one_that_rests_is_not() {
        let tasks = Tasks::new();
        let (go, gone) = oneshot::channel::<()>();
        tasks.spawn("resting", |pulse| async move {
            pulse.rest(std::future::pending::<()>()).await;
        });
        tasks.spawn("hanging", |pulse| async move {
            gone.await.ok();
            pulse.rest(std::future::pending::<()>()).await;
        });
        let overdue = || tasks.overdue(Duration::ZERO).into_keys().collect::<Vec<_>>();
        while overdue() != ["hanging"] {
            tokio::task::yield_now().await;
        }
        assert!(tasks.overdue(SOON).is_empty());
        go.send(()).unwrap();
        while !overdue().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_task_that_does_not_listen_is_ended_by_force() {
        let tasks = Tasks::new();
        tasks.spawn_server("deaf", std::future::pending());
        tasks.shutdown(Duration::from_millis(20)).await;
    }
}
