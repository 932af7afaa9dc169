//! The join of this node as it is saved and as others see it: the one owner of both.
//!
//! Who changes what is saved reads, writes and shows it in one turn: the driver, the withdrawal of a join that has failed, the
//! beginning of the next and its clearing may want to at the same moment. What is to be changed is decided by them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use keystead::{Error, NodeId, Result};
use tokio::sync::watch;

use super::JoinState;
use super::ledger::Ledger;
use crate::blocking::in_place;
use crate::postgres::Paths;

/// See the head of this file.
pub(crate) struct KeptJoin {
    paths: Paths,
    state: watch::Sender<Option<JoinState>>,
    /// Held from reading what is saved until what is saved in its place is seen.
    turn: Mutex<()>,
}

impl KeptJoin {
    /// No join yet; [`Self::load`] looks for one.
    pub(crate) fn new(paths: Paths) -> Self {
        Self {
            paths,
            state: watch::Sender::new(None),
            turn: Mutex::default(),
        }
    }

    /// The join that runs or has failed. Not to be kept over an `await`.
    pub(crate) fn borrow(&self) -> watch::Ref<'_, Option<JoinState>> {
        self.state.borrow()
    }

    /// Sees every change from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<Option<JoinState>> {
        self.state.subscribe()
    }

    /// What is saved of the join.
    ///
    /// # Errors
    /// When there is no join.
    pub(super) fn ledger(&self) -> Result<Ledger> {
        let join = self.state.borrow();
        join.as_ref()
            .map(|join| join.ledger.clone())
            .ok_or_else(|| Error::conflict("no join is running on this node"))
    }

    /// Takes over what was saved before this agent started.
    ///
    /// # Errors
    /// When the file is damaged.
    pub(super) fn load(&self) -> Result<Option<Ledger>> {
        let ledger = Ledger::load(&self.paths)?;
        self.state.send_replace(ledger.clone().map(JoinState::new));
        Ok(ledger)
    }

    /// Saves the first ledger of a join.
    ///
    /// # Errors
    /// When it cannot be saved; then the join that was here before still is.
    pub(super) fn begin(&self, ledger: Ledger) -> Result<()> {
        self.in_turn(|| {
            ledger.save(&self.paths)?;
            self.state.send_replace(Some(JoinState::new(ledger)));
            Ok(())
        })
    }

    /// Changes what is saved of the join: saved first, then seen.
    ///
    /// # Errors
    /// When there is no join, or it cannot be saved; then nothing has changed.
    pub(super) fn update(&self, change: impl FnOnce(&mut Ledger)) -> Result<Ledger> {
        self.in_turn(|| self.replace(change))
    }

    /// As [`Self::update`], if it still is the join of this node id.
    ///
    /// # Errors
    /// Also when another join is here by now, or none.
    pub(super) fn update_of(&self, node_id: &NodeId, change: impl FnOnce(&mut Ledger)) -> Result<Ledger> {
        self.in_turn(|| match self.ledger()? {
            ledger if ledger.node_id == *node_id => self.replace(change),
            _ => Err(Error::conflict("another join has begun on this node meanwhile")),
        })
    }

    fn replace(&self, change: impl FnOnce(&mut Ledger)) -> Result<Ledger> {
        let mut ledger = self.ledger()?;
        change(&mut ledger);
        ledger.save(&self.paths)?;
        self.show(|join| join.ledger = ledger.clone());
        Ok(ledger)
    }

    /// Changes what is seen of the join, and is not saved.
    pub(super) fn show(&self, change: impl FnOnce(&mut JoinState)) {
        self.state.send_modify(|join| {
            if let Some(join) = join {
                change(join);
            }
        });
    }

    /// The join is over: nothing is saved of it any more. `before_it_is_seen` is done in between.
    ///
    /// # Errors
    /// When the file cannot be removed; then the join is still here.
    pub(super) fn end(&self, before_it_is_seen: impl FnOnce()) -> Result<()> {
        self.in_turn(|| {
            Ledger::remove(&self.paths)?;
            before_it_is_seen();
            self.state.send_replace(None);
            Ok(())
        })
    }

    /// Whoever waits for a turn waits for the disk of another.
    fn in_turn<T>(&self, work: impl FnOnce() -> T) -> T {
        in_place(|| {
            let _turn: MutexGuard<'_, ()> = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            work()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::super::ledger::test_ledger;
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn kept() -> (tempfile::TempDir, KeptJoin) {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptJoin::new(Paths::new(folder.path()));
        kept.begin(test_ledger()).unwrap();
        (folder, kept)
    }

    fn saved(kept: &KeptJoin) -> Option<Ledger> {
        Ledger::load(&kept.paths).unwrap()
    }

    /// Holds a change between reading and saving until `meanwhile` has come as far as it can, and lets both end.
    fn while_one_changes(kept: &KeptJoin, meanwhile: impl FnOnce(&KeptJoin) + Send) {
        let (reached, reads) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let node_id = test_ledger().node_id;
            scope.spawn(move || {
                let changed = kept.update_of(&node_id, |ledger| {
                    reached.send(()).unwrap();
                    gone.recv_timeout(SOON).unwrap();
                    ledger.withdrawn = false;
                });
                changed.unwrap();
            });
            reads.recv_timeout(SOON).unwrap();
            let other = scope.spawn(move || meanwhile(kept));
            assert!(kept.turn.try_lock().is_err(), "the other one has to wait for its turn");
            go.send(()).unwrap();
            other.join().unwrap();
        });
    }

    #[test]
    fn a_change_is_saved_and_seen() {
        let (_folder, kept) = kept();
        let changed = kept.update(|ledger| ledger.wiped = false).unwrap();
        assert!(!changed.wiped);
        assert_eq!(saved(&kept), Some(changed.clone()));
        assert_eq!(kept.ledger().unwrap(), changed);
    }

    #[test]
    fn a_join_that_is_cleared_while_another_changes_it_does_not_come_back() {
        let (_folder, kept) = kept();
        while_one_changes(&kept, |kept| kept.end(|| ()).unwrap());
        assert_eq!(saved(&kept), None);
        assert!(kept.ledger().is_err());
        assert!(kept.update(|_| ()).is_err(), "nothing is saved of a join that is over");
        assert_eq!(saved(&kept), None);
    }

    #[test]
    fn a_join_that_begins_while_another_is_withdrawn_keeps_its_ledger() {
        let (_folder, kept) = kept();
        let mut next = test_ledger();
        next.node_id = "b".repeat(32).parse().unwrap();
        let begun = next.clone();
        while_one_changes(&kept, |kept| kept.begin(begun).unwrap());
        assert_eq!(saved(&kept), Some(next.clone()));
        let former = test_ledger().node_id;
        assert!(kept.update_of(&former, |ledger| ledger.withdrawn = false).is_err());
        assert_eq!((saved(&kept), kept.ledger().unwrap()), (Some(next.clone()), next));
    }

    #[test]
    fn two_changes_at_once_are_both_kept() {
        let (_folder, kept) = kept();
        while_one_changes(&kept, |kept| drop(kept.update(|ledger| ledger.wiped = false).unwrap()));
        let saved = saved(&kept).unwrap();
        assert_eq!((saved.wiped, saved.withdrawn), (false, false));
    }
}
