//! The gate with those who wait at it: whoever goes away is let go, and what is known outlives the agent.

use std::path::Path;

use futures_util::FutureExt as _;
use keystead::Kind;
use keystead::login::AccountName;

use super::*;
use crate::clock::SystemClock;

const HOME: [u8; 4] = [10, 0, 0, 1];

fn gate(folder: &Path) -> Arc<LoginGate> {
    LoginGate::open(folder.join("known-sources.json"), Arc::new(SystemClock))
}

fn attempt(account: &str, source: [u8; 4]) -> Attempt {
    Attempt {
        account: AccountName::of(account),
        source: Source::of(source.into()),
    }
}

/// It is not its turn yet.
fn waits(entering: &mut (impl Future + Unpin)) -> bool {
    entering.now_or_never().is_none()
}

#[tokio::test]
async fn a_client_that_goes_away_before_or_in_its_turn_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let gate = gate(folder.path());
    let running = gate.enter(attempt("a", HOME)).await.unwrap();
    let mut gone = Box::pin(gate.enter(attempt("b", HOME)));
    let mut third = Box::pin(gate.enter(attempt("c", HOME)));
    assert!(waits(&mut gone) && waits(&mut third));
    drop(running);
    // It was told that it is its turn, and does not hear it any more.
    drop(gone);
    let third = third.await.unwrap();
    assert!(gate.state().waiting.is_empty());
    drop(third);
    drop(gate.enter(attempt("d", HOME)).await.unwrap());
}

#[tokio::test]
async fn a_known_source_passes_those_that_wait_and_is_known_to_the_next_agent_too() {
    let folder = tempfile::tempdir().unwrap();
    let first = gate(folder.path());
    let right = first.enter(attempt("admin", HOME)).await.unwrap();
    right.judge(Outcome::Right).await;
    drop(first);

    let gate = gate(folder.path());
    let running = gate.enter(attempt("x", [10, 0, 0, 2])).await.unwrap();
    let mut waiting: Vec<_> = (3..9)
        .map(|last| Box::pin(gate.enter(attempt("x", [10, 0, 0, last]))))
        .collect();
    for stranger in &mut waiting {
        assert!(waits(stranger));
    }
    let mut known = Box::pin(gate.enter(attempt("admin", HOME)));
    assert!(waits(&mut known));
    running.judge(Outcome::Wrong).await;
    known.await.unwrap().judge(Outcome::Right).await;
}

#[tokio::test]
async fn whoever_is_put_off_is_told_for_how_long_also_when_it_waits_already() {
    let folder = tempfile::tempdir().unwrap();
    let gate = gate(folder.path());
    for _ in 0..20 {
        gate.enter(attempt("admin", HOME))
            .await
            .unwrap()
            .judge(Outcome::Wrong)
            .await;
    }
    let running = gate.enter(attempt("admin", HOME)).await.unwrap();
    let mut waiting = Box::pin(gate.enter(attempt("admin", HOME)));
    assert!(waits(&mut waiting));
    running.judge(Outcome::Wrong).await;
    let later = gate.enter(attempt("other", HOME));
    for refused in [waiting.await.err().unwrap(), later.await.err().unwrap()] {
        assert_eq!(
            (refused.kind(), refused.retry_after()),
            (Kind::TooManyRequests, Some(1))
        );
    }
    let (failures, worst) = gate.failures();
    assert_eq!((failures.wrong, failures.put_off), (21, 2));
    assert_eq!(worst.map(|source| source.to_string()).as_deref(), Some("10.0.0.1"));
}

#[test]
fn a_file_that_is_damaged_means_that_nobody_is_known() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("known-sources.json"), "{\"admin\":").unwrap();
    assert_eq!(*gate(folder.path()).state().gate.known(), KnownSources::default());
}
