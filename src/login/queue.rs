//! Who waits for a turn: a bounded queue, fair between those who wait.
//!
//! Everybody waits in a lane; lanes take turns. Two classes of lanes share the turns, three to one: known pairs
//! of account and source, and sources that are not known. When a class is full, a newcomer displaces the last one of the
//! longest lane, so that whoever sends many attempts refuses themselves.

use std::collections::{BTreeMap, VecDeque};

use super::{AccountName, Attempt, Source};

/// Of so many turns and one more, this many go to known pairs while any wait.
const KNOWN_TURNS: u32 = 3;

/// How many wait in one lane, and in one class.
const IN_A_LANE: usize = 64;
const IN_A_CLASS: usize = 256;

/// Names one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// There is no place to wait in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Everybody in one lane waits behind each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Lane {
    source: Source,
    /// None where a source has one lane for all accounts, for it may invent as many as it likes.
    account: Option<AccountName>,
}

/// Those who wait.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    known: Class,
    strangers: Class,
    /// Turns that known pairs had since a stranger had one.
    known_turns: u32,
}

#[derive(Debug, Clone, Default)]
struct Class {
    lanes: BTreeMap<Lane, VecDeque<Ticket>>,
    /// Whose turn comes when.
    order: VecDeque<Lane>,
}

impl Queue {
    /// Takes a place, of a known pair or of a stranger. Who lost theirs for it, if the class was full.
    ///
    /// # Errors
    /// When there is no place for this one.
    pub fn push(&mut self, ticket: Ticket, attempt: &Attempt, is_known: bool) -> Result<Option<Ticket>, Full> {
        let lane = Lane {
            source: attempt.source,
            account: is_known.then(|| attempt.account.clone()),
        };
        self.class(is_known).push(ticket, lane)
    }

    /// Whose turn it is: they wait no longer.
    pub fn take_turn(&mut self) -> Option<Ticket> {
        let strangers_turn = self.known_turns >= KNOWN_TURNS || self.known.order.is_empty();
        let next = if strangers_turn {
            self.strangers.take_turn()
        } else {
            None
        };
        if next.is_some() {
            self.known_turns = 0;
            return next;
        }
        self.known_turns = self.known_turns.saturating_add(1);
        self.known.take_turn()
    }

    /// Gives a place up. Whether there was one.
    pub fn withdraw(&mut self, ticket: Ticket) -> bool {
        self.known.withdraw(ticket) || self.strangers.withdraw(ticket)
    }

    fn class(&mut self, is_known: bool) -> &mut Class {
        if is_known { &mut self.known } else { &mut self.strangers }
    }
}

impl Class {
    fn push(&mut self, ticket: Ticket, lane: Lane) -> Result<Option<Ticket>, Full> {
        let length = self.lanes.get(&lane).map_or(0, VecDeque::len);
        if length >= IN_A_LANE {
            return Err(Full);
        }
        let waiting: usize = self.lanes.values().map(VecDeque::len).sum();
        let displaced = if waiting >= IN_A_CLASS {
            Some(self.displace(length + 1).ok_or(Full)?)
        } else {
            None
        };
        if !self.lanes.contains_key(&lane) {
            self.order.push_back(lane.clone());
        }
        self.lanes.entry(lane).or_default().push_back(ticket);
        Ok(displaced)
    }

    /// The last one of the longest lane, if that is longer than `length`.
    fn displace(&mut self, length: usize) -> Option<Ticket> {
        let longest = self.lanes.values_mut().max_by_key(|lane| lane.len())?;
        (longest.len() > length).then(|| longest.pop_back())?
    }

    fn take_turn(&mut self) -> Option<Ticket> {
        let lane = self.order.pop_front()?;
        let waiting = self.lanes.get_mut(&lane)?;
        let ticket = waiting.pop_front();
        if waiting.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.order.push_back(lane);
        }
        ticket
    }

    fn withdraw(&mut self, ticket: Ticket) -> bool {
        let Some((lane, waiting)) = self.lanes.iter_mut().find(|(_, waiting)| waiting.contains(&ticket)) else {
            return false;
        };
        waiting.retain(|other| *other != ticket);
        if waiting.is_empty() {
            let lane = lane.clone();
            self.lanes.remove(&lane);
            self.order.retain(|other| *other != lane);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(account: &str, last: u8) -> Attempt {
        Attempt {
            account: AccountName::of(account),
            source: Source::of([10, 0, 0, last].into()),
        }
    }

    fn all(queue: &mut Queue) -> Vec<u64> {
        std::iter::from_fn(|| queue.take_turn())
            .map(|ticket| ticket.0)
            .collect()
    }

    #[test]
    fn sources_take_turns_however_many_one_of_them_sends() {
        let mut queue = Queue::default();
        for number in 0..5 {
            queue.push(Ticket(number), &attempt("x", 1), false).unwrap();
        }
        queue.push(Ticket(10), &attempt("admin", 2), false).unwrap();
        queue.push(Ticket(11), &attempt("admin", 3), false).unwrap();
        assert_eq!(all(&mut queue), [0, 10, 11, 1, 2, 3, 4]);
    }

    #[test]
    fn a_source_gains_nothing_by_inventing_accounts() {
        let mut queue = Queue::default();
        for number in 0..5 {
            queue
                .push(Ticket(number), &attempt(&format!("x{number}"), 1), false)
                .unwrap();
        }
        queue.push(Ticket(10), &attempt("admin", 2), false).unwrap();
        assert_eq!(all(&mut queue), [0, 10, 1, 2, 3, 4]);
    }

    #[test]
    fn known_pairs_have_three_turns_of_four_also_at_the_address_of_an_attacker() {
        let mut queue = Queue::default();
        for number in 0..3 {
            queue.push(Ticket(number), &attempt("x", 1), false).unwrap();
        }
        for number in 10..15 {
            queue.push(Ticket(number), &attempt("admin", 1), true).unwrap();
        }
        assert_eq!(all(&mut queue), [10, 11, 12, 0, 13, 14, 1, 2]);
    }

    #[test]
    fn a_lane_is_bounded_and_full_for_itself_alone() {
        let mut queue = Queue::default();
        let full = (0..1000).filter(|number| queue.push(Ticket(*number), &attempt("x", 1), false).is_err());
        assert_eq!(full.count(), 1000 - IN_A_LANE);
        assert_eq!(queue.push(Ticket(2000), &attempt("x", 2), false), Ok(None));
        assert_eq!(queue.push(Ticket(2001), &attempt("admin", 1), true), Ok(None));
    }

    #[test]
    fn in_a_full_class_a_newcomer_displaces_the_last_of_the_longest_lane_and_nobody_else() {
        let mut queue = Queue::default();
        for number in 0..IN_A_CLASS as u64 {
            let source = u8::try_from(number % 4).unwrap();
            queue.push(Ticket(number), &attempt("x", source), false).unwrap();
        }
        let displaced = queue.push(Ticket(1000), &attempt("admin", 9), false).unwrap();
        assert!(
            displaced.is_some_and(|last| last.0 >= IN_A_CLASS as u64 - 4),
            "{displaced:?}"
        );
        assert_eq!(all(&mut queue).iter().position(|ticket| *ticket == 1000), Some(4));

        for number in 0..IN_A_CLASS as u64 {
            let mut one = attempt("x", 0);
            one.source = Source::of([10, 0, 1, u8::try_from(number).unwrap()].into());
            queue.push(Ticket(number), &one, false).unwrap();
        }
        assert_eq!(queue.push(Ticket(1000), &attempt("admin", 9), false), Err(Full));
        assert_eq!(queue.push(Ticket(1001), &attempt("admin", 9), true), Ok(None));
    }

    #[test]
    fn whoever_withdraws_leaves_no_turn_behind() {
        let mut queue = Queue::default();
        queue.push(Ticket(1), &attempt("x", 1), false).unwrap();
        queue.push(Ticket(2), &attempt("x", 2), false).unwrap();
        assert!(queue.withdraw(Ticket(1)) && !queue.withdraw(Ticket(1)));
        assert_eq!(all(&mut queue), [2]);
        assert!(queue.strangers.order.is_empty() && queue.strangers.lanes.is_empty());
    }
}
