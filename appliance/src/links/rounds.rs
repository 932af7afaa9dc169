//! One round of the reconciler at a time, and for everybody who asks one that began afterwards.
//!
//! A round acts on what it has read. Of two at once, the one that read first could undo what the other has done: lock out
//! a node that was signed meanwhile, or let one in that was removed. Decides only whose turn it is; the round itself is in
//! `mod.rs`.

use std::sync::atomic::{AtomicU64, Ordering};

use keystead::Result;
use tokio::sync::Mutex;

/// See the head of this file.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    asked: AtomicU64,
    /// Up to which call a round has served; held while one runs.
    served: Mutex<u64>,
}

impl Rounds {
    /// Runs this round, unless one that began after this call has ended well by then. A round that failed serves nobody
    /// but its caller: what it has not done is still to be done.
    ///
    /// # Errors
    /// Those of the round.
    pub(super) async fn run(&self, round: impl Future<Output = Result<()>>) -> Result<()> {
        let call = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut served = self.served.lock().await;
        if *served >= call {
            return Ok(());
        }
        let before = self.asked.load(Ordering::SeqCst);
        round.await?;
        *served = before;
        Ok(())
    }

    /// Does what may not meet a round: it waits for the one that runs, and the next one waits for this.
    pub(super) async fn between<T>(&self, work: impl Future<Output = T>) -> T {
        let _turn = self.served.lock().await;
        work.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keystead::Error;
    use tokio::sync::Semaphore;
    use tokio::task::JoinSet;

    use super::*;

    /// Rounds that begin at once and end when they are let.
    #[derive(Clone)]
    struct Told {
        rounds: Arc<Rounds>,
        begun: Arc<AtomicU64>,
        may_end: Arc<Semaphore>,
    }

    impl Told {
        fn new() -> Self {
            Self {
                rounds: Arc::default(),
                begun: Arc::default(),
                may_end: Arc::new(Semaphore::new(0)),
            }
        }

        async fn round(self, outcome: Result<()>) -> Result<()> {
            let rounds = Arc::clone(&self.rounds);
            let round = async move {
                self.begun.fetch_add(1, Ordering::SeqCst);
                self.may_end.acquire().await.unwrap().forget();
                outcome
            };
            rounds.run(round).await
        }

        async fn until_asked(&self, calls: u64) {
            while self.rounds.asked.load(Ordering::SeqCst) < calls {
                tokio::task::yield_now().await;
            }
        }
    }

    fn begun(told: &Told) -> u64 {
        told.begun.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn all_who_ask_during_a_round_share_the_next_one() {
        let told = Told::new();
        let mut calls = JoinSet::new();
        calls.spawn(told.clone().round(Ok(())));
        while begun(&told) == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..5 {
            calls.spawn(told.clone().round(Ok(())));
        }
        told.until_asked(6).await;
        told.may_end.add_permits(6);
        while let Some(done) = calls.join_next().await {
            done.unwrap().unwrap();
        }
        assert_eq!(
            begun(&told),
            2,
            "one that was running, and one for all who came meanwhile"
        );
    }

    #[tokio::test]
    async fn a_round_that_failed_serves_nobody_else() {
        let told = Told::new();
        let mut calls = JoinSet::new();
        for _ in 0..3 {
            calls.spawn(told.clone().round(Err(Error::unavailable("no"))));
        }
        told.until_asked(3).await;
        told.may_end.add_permits(3);
        while let Some(done) = calls.join_next().await {
            assert!(done.unwrap().is_err());
        }
        assert_eq!(begun(&told), 3);
    }

    #[tokio::test]
    async fn a_round_whose_caller_went_away_serves_nobody_and_holds_up_nobody() {
        let told = Told::new();
        let mut calls = JoinSet::new();
        calls.spawn(told.clone().round(Ok(())));
        while begun(&told) == 0 {
            tokio::task::yield_now().await;
        }
        calls.spawn(told.clone().round(Ok(())));
        told.until_asked(2).await;
        calls.abort_all();
        while calls.join_next().await.is_some() {}
        told.may_end.add_permits(1);
        told.clone().round(Ok(())).await.unwrap();
        assert_eq!(begun(&told), 2);
    }

    #[tokio::test]
    async fn no_round_begins_while_something_is_done_between_rounds() {
        let told = Told::new();
        told.may_end.add_permits(1);
        let mut calls = JoinSet::new();
        let (rounds, asking) = (Arc::clone(&told.rounds), told.clone());
        let between = rounds.between(async {
            calls.spawn(asking.clone().round(Ok(())));
            asking.until_asked(1).await;
            assert_eq!(begun(&asking), 0);
        });
        between.await;
        calls.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(begun(&told), 1);
    }
}
