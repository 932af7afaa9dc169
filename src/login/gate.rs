//! The gate before the checking of passwords: who is checked now, who waits, who is put off and for how long.
//!
//! One is checked at a time. The budgets, by what a wrong password is charged to:
//!
//! | who | wrong without a pause | first and longest pause | concerns |
//! |---|---|---|---|
//! | an account at a source that is known for it | 20 | 1 s, 1 min | the two together, nobody else |
//! | a source | 20 | 1 s, 5 min | what comes from it for accounts that do not know it |
//! | an account | 50 | 1 s, 1 min | what comes for it from sources that it does not know |
//!
//! So whoever guesses from elsewhere, or at other accounts, never closes the way of an administrator whose source is known.
//! Whoever guesses at the same account from the same address does: the two cannot be told apart.

use std::collections::BTreeMap;
use std::time::Duration;

use super::budget::{Budgets, Pauses};
use super::known::KnownSources;
use super::queue::{Queue, Ticket};
use super::quiet::Quiet;
use super::tally::{Failures, LATELY, Tally};
use super::{AccountName, Attempt, Source};
use crate::clock::Micros;

const FORGOTTEN_AFTER: Duration = Duration::from_mins(30);

const OF_A_PAIR: Pauses = Pauses {
    free: 20,
    first: Duration::from_secs(1),
    longest: Duration::from_mins(1),
    forgotten_after: FORGOTTEN_AFTER,
    entries: 4096,
};

const OF_A_SOURCE: Pauses = Pauses {
    free: 20,
    first: Duration::from_secs(1),
    longest: Duration::from_mins(5),
    forgotten_after: FORGOTTEN_AFTER,
    entries: 8192,
};

const OF_AN_ACCOUNT: Pauses = Pauses {
    free: 50,
    first: Duration::from_secs(1),
    longest: Duration::from_mins(1),
    forgotten_after: FORGOTTEN_AFTER,
    entries: 4096,
};

/// What whoever finds no place is told to wait.
const QUEUE_PASSES: Duration = Duration::from_secs(3);

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The password is the account's.
    Right,
    /// It is not, or there is no such account.
    Wrong,
}

/// Why an attempt is not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Too many wrong passwords for this account from this source, which it knows.
    Pair,
    /// Too many from this source.
    Source,
    /// Too many for this account from sources that it does not know.
    Account,
    /// Too many wait.
    Full,
}

/// An attempt is put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutOff {
    /// Why.
    pub why: Why,
    /// For how long.
    pub wait: Duration,
}

/// What an attempt is told when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It is its turn.
    Turn(Ticket),
    /// It waits. Somebody may have lost their place for it.
    Waits(Ticket, Option<(Ticket, PutOff)>),
    /// Not now.
    Refused(PutOff),
}

/// What follows from the end of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Next {
    /// Whose turn it is.
    pub turn: Option<Ticket>,
    /// Those that waited and are put off, for a budget was spent meanwhile.
    pub put_off: Vec<(Ticket, PutOff)>,
    /// The known sources changed: they are to be written down.
    pub is_news: bool,
}

#[derive(Debug, Clone)]
struct Present {
    attempt: Attempt,
    is_known: bool,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Gate {
    pairs: Budgets<Attempt>,
    sources: Budgets<Source>,
    accounts: Budgets<AccountName>,
    known: KnownSources,
    queue: Queue,
    /// Those who wait, and the one whose turn it is.
    present: BTreeMap<Ticket, Present>,
    turn: Option<Ticket>,
    issued: u64,
    tally: Tally,
    quiet: Quiet,
}

impl Gate {
    /// A gate nobody has come to, with what is known of before.
    pub fn new(known: KnownSources) -> Self {
        Self {
            pairs: Budgets::new(OF_A_PAIR),
            sources: Budgets::new(OF_A_SOURCE),
            accounts: Budgets::new(OF_AN_ACCOUNT),
            known,
            queue: Queue::default(),
            present: BTreeMap::new(),
            turn: None,
            issued: 0,
            tally: Tally::default(),
            quiet: Quiet::default(),
        }
    }

    /// Somebody comes. Whoever gets a ticket has to be let go by [`Self::end`], whatever becomes of them.
    pub fn arrive(&mut self, attempt: Attempt, now: Micros) -> Arrival {
        let is_known = self.known.knows(&attempt, now);
        let present = Present { attempt, is_known };
        if let Some(put_off) = self.pause(&present, now) {
            return self.refuse(put_off, now);
        }
        self.issued = self.issued.wrapping_add(1);
        let ticket = Ticket(self.issued);
        if self.turn.is_none() {
            self.turn = Some(ticket);
            self.present.insert(ticket, present);
            return Arrival::Turn(ticket);
        }
        let full = PutOff {
            why: Why::Full,
            wait: QUEUE_PASSES,
        };
        match self.queue.push(ticket, &present.attempt, is_known) {
            Ok(displaced) => {
                self.present.insert(ticket, present);
                if let Some(displaced) = displaced {
                    self.leave_unchecked(displaced, now);
                }
                Arrival::Waits(ticket, displaced.map(|displaced| (displaced, full)))
            }
            Err(_) => self.refuse(full, now),
        }
    }

    /// An attempt is over: checked, with an outcome, or not. The same ticket may end again; that changes nothing.
    pub fn end(&mut self, ticket: Ticket, outcome: Option<Outcome>, now: Micros) -> Next {
        let Some(ended) = self.present.remove(&ticket) else {
            return Next::default();
        };
        if self.turn != Some(ticket) {
            self.queue.withdraw(ticket);
            return Next::default();
        }
        self.turn = None;
        let is_news = self.settle(&ended, outcome, now);
        Next {
            is_news,
            ..self.next(now)
        }
    }

    /// What is known, to be written down.
    pub fn known(&self) -> &KnownSources {
        &self.known
    }

    /// What went wrong lately, and the source that tried the most.
    pub fn failures(&self, now: Micros) -> (Failures, Option<Source>) {
        let strangers = self.sources.worst(LATELY, now).map(|(source, wrong)| (wrong, *source));
        let known = self.pairs.worst(LATELY, now).map(|(pair, wrong)| (wrong, pair.source));
        let worst = strangers.into_iter().chain(known).max_by_key(|(wrong, _)| *wrong);
        (self.tally.lately(now), worst.map(|(_, source)| source))
    }

    /// May there be a line in the log of something that was not checked? How many were left out before.
    pub fn may_log(&mut self, now: Micros) -> Option<u64> {
        self.quiet.may_log(now)
    }

    fn next(&mut self, now: Micros) -> Next {
        let mut next = Next::default();
        while let Some(ticket) = self.queue.take_turn() {
            let Some(present) = self.present.get(&ticket) else {
                continue;
            };
            if let Some(put_off) = self.pause(present, now) {
                self.leave_unchecked(ticket, now);
                next.put_off.push((ticket, put_off));
            } else {
                self.turn = Some(ticket);
                next.turn = Some(ticket);
                break;
            }
        }
        next
    }

    /// Whether the known sources changed.
    fn settle(&mut self, ended: &Present, outcome: Option<Outcome>, now: Micros) -> bool {
        let Present { attempt, is_known } = ended;
        match outcome {
            Some(Outcome::Right) => {
                // The budgets of others stay: with one account of their own they would try all others for nothing.
                self.pairs.forgive(attempt);
                self.known.note(attempt, now)
            }
            Some(Outcome::Wrong) => {
                self.tally.add(Failures { wrong: 1, put_off: 0 }, now);
                if *is_known {
                    self.pairs.charge(attempt.clone(), now);
                } else {
                    self.sources.charge(attempt.source, now);
                    self.accounts.charge(attempt.account.clone(), now);
                }
                false
            }
            None => false,
        }
    }

    fn pause(&self, present: &Present, now: Micros) -> Option<PutOff> {
        let Present { attempt, is_known } = present;
        let of = |why: Why, wait: Option<Duration>| wait.map(|wait| PutOff { why, wait });
        if *is_known {
            return of(Why::Pair, self.pairs.pause(attempt, now));
        }
        of(Why::Source, self.sources.pause(&attempt.source, now))
            .or_else(|| of(Why::Account, self.accounts.pause(&attempt.account, now)))
    }

    fn refuse(&mut self, put_off: PutOff, now: Micros) -> Arrival {
        self.tally.add(Failures { wrong: 0, put_off: 1 }, now);
        Arrival::Refused(put_off)
    }

    fn leave_unchecked(&mut self, ticket: Ticket, now: Micros) {
        self.present.remove(&ticket);
        self.tally.add(Failures { wrong: 0, put_off: 1 }, now);
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
