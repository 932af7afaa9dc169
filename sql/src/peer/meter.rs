//! Counts what a peer sends, against what it may: in answer to one question, and in a whole session.
//!
//! A message is refused by its head, before any of it is kept. How much is allowed is decided in `keystead::deadline`.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keystead::deadline::{Sizes, Work};
use tokio::time::Instant;

use super::messages::Messages;

/// A message's type and its length.
const HEAD: u64 = 5;

/// The type of a message that describes rows. One comes with each statement that is prepared.
const ROW_DESCRIPTION: u8 = b'T';

/// Why something that came was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The answer is longer than so many bytes.
    Answer(u64),
    /// The session has lasted long: it is to be made anew.
    Session,
    /// It is of a form that no answer has: it would have this node ask for types, again and again.
    Form,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(bytes) => write!(f, "the answer is longer than {bytes} bytes"),
            Self::Session => f.write_str("more was said than a session may last for"),
            Self::Form => f.write_str("the answer is of another form"),
        }
    }
}

impl std::error::Error for Refused {}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Meter {
    sizes: Sizes,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    work: Work,
    /// What may still come in answer to this question, and in the session.
    answer: u64,
    session: u64,
    descriptions: u8,
    last: Instant,
    refused: Option<Refused>,
}

impl Meter {
    pub(super) fn new(sizes: Sizes) -> Self {
        Self {
            sizes,
            state: Mutex::new(State {
                work: Work::Look,
                answer: sizes.answer,
                session: sizes.session,
                descriptions: 0,
                last: Instant::now(),
                refused: None,
            }),
        }
    }

    /// From now on what comes is the answer to such a question.
    pub(super) fn begin(&self, work: Work) {
        let mut state = self.state();
        state.work = work;
        state.answer = self.sizes.of(work);
        state.descriptions = 0;
        state.refused = None;
    }

    /// These bytes came, in which messages begin.
    ///
    /// # Errors
    /// When one of them may not come.
    pub(super) fn heard(&self, bytes: &[u8], messages: &mut Messages) -> Result<(), Refused> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut state = self.state();
        state.last = Instant::now();
        messages.read(bytes, |kind, bytes| state.message(kind, bytes, self.sizes))
    }

    /// When something came last.
    pub(super) fn last(&self) -> Instant {
        self.state().last
    }

    /// So many bytes of a copy, in so many messages, were taken off the connection.
    pub(super) fn taken(&self, messages: u64, bytes: u64) {
        let taken = bytes.saturating_add(messages.saturating_mul(HEAD));
        let mut state = self.state();
        state.answer = state.answer.saturating_add(taken).min(self.sizes.window);
    }

    /// Why what came in answer to this question was refused, if it was.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.state().refused
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A message of this type begins, of so many bytes after its head.
    fn message(&mut self, kind: u8, bytes: u64, sizes: Sizes) -> Result<(), Refused> {
        let outcome = self.count(kind, bytes.saturating_add(HEAD), sizes);
        if let Err(refused) = outcome {
            self.refused.get_or_insert(refused);
        }
        outcome
    }

    fn count(&mut self, kind: u8, bytes: u64, sizes: Sizes) -> Result<(), Refused> {
        if kind == ROW_DESCRIPTION {
            self.descriptions = self.descriptions.saturating_add(1);
        }
        if self.descriptions > 1 {
            return Err(Refused::Form);
        }
        let too_long = Refused::Answer(sizes.of(self.work));
        self.answer = self.answer.checked_sub(bytes).ok_or(too_long)?;
        if matches!(self.work, Work::Look | Work::Slot) {
            self.session = self.session.checked_sub(bytes).ok_or(Refused::Session)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes {
        answer: 100,
        session: 250,
        reading: 1000,
        window: 500,
    };

    fn message(meter: &Meter, kind: u8, bytes: u64) -> Result<(), Refused> {
        meter.state().message(kind, bytes, SIZES)
    }

    #[test]
    fn an_answer_may_be_so_long_and_the_next_one_again() {
        let meter = Meter::new(SIZES);
        for _ in 0..2 {
            meter.begin(Work::Look);
            assert_eq!(message(&meter, b'D', 60), Ok(()));
            assert_eq!(message(&meter, b'D', 30), Ok(()));
        }
        assert_eq!(message(&meter, b'D', 0), Err(Refused::Answer(100)));
        assert_eq!(meter.refused(), Some(Refused::Answer(100)));
    }

    #[test]
    fn what_comes_unasked_counts_too_and_in_the_end_the_session_is_over() {
        let meter = Meter::new(SIZES);
        for _ in 0..2 {
            meter.begin(Work::Look);
            assert_eq!(message(&meter, b'S', 95), Ok(()));
        }
        meter.begin(Work::Look);
        assert_eq!(message(&meter, b'S', 95), Err(Refused::Session));
    }

    #[test]
    fn a_length_beyond_everything_is_refused_by_its_head() {
        let meter = Meter::new(SIZES);
        meter.begin(Work::Reading);
        assert_eq!(message(&meter, b'D', u64::MAX), Err(Refused::Answer(1000)));
    }

    #[test]
    fn a_copy_may_go_on_for_ever_as_long_as_it_is_taken() {
        let meter = Meter::new(SIZES);
        meter.begin(Work::Copy);
        for _ in 0..100 {
            assert_eq!(message(&meter, b'd', 400), Ok(()));
            meter.taken(1, 400);
        }
        assert_eq!(message(&meter, b'd', 300), Ok(()));
        assert_eq!(
            message(&meter, b'd', 300),
            Err(Refused::Answer(500)),
            "nothing of it was taken"
        );
    }

    #[test]
    fn rows_are_described_once_a_question() {
        let meter = Meter::new(SIZES);
        for _ in 0..2 {
            meter.begin(Work::Look);
            assert_eq!(message(&meter, ROW_DESCRIPTION, 10), Ok(()));
        }
        assert_eq!(message(&meter, ROW_DESCRIPTION, 10), Err(Refused::Form));
    }
}
