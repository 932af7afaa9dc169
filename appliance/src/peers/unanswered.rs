//! Which questions peers did not answer in time, or answered with too much: for the alarm that they are down, and for a
//! join, which then takes another source.
//!
//! A question counts until the same one is answered by the same peer, or for a while: it may never be asked again. Decides
//! nothing of what that means.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keystead::Error;
use keystead::join::request::Address;
use sql::Hears;
use tokio::time::Instant;

/// So long a question that is not asked again counts: twice the time in which any member is asked everything.
const COUNTS: Duration = Duration::from_mins(10);

/// See the head of this file.
#[derive(Debug, Default)]
pub(crate) struct Unanswered {
    /// By address and question.
    questions: Mutex<BTreeMap<(String, &'static str), Failed>>,
}

#[derive(Debug)]
struct Failed {
    at: Instant,
    why: String,
}

impl Unanswered {
    /// Why the peer at `address` counts as one that does not answer, if it does: the newest reason.
    pub(crate) fn why(&self, address: &Address) -> Option<String> {
        self.why_at(address, Instant::now())
    }

    fn why_at(&self, address: &Address, now: Instant) -> Option<String> {
        let address = address.to_string();
        let mut questions = self.questions();
        questions.retain(|_, failed| now.duration_since(failed.at) < COUNTS);
        let its = questions.iter().filter(|((of, _), _)| *of == address);
        its.max_by_key(|(_, failed)| failed.at)
            .map(|(_, failed)| failed.why.clone())
    }

    /// This question was answered.
    pub(crate) fn answered(&self, address: &str, question: &'static str) {
        self.questions().remove(&(address.to_owned(), question));
    }

    /// This question was not answered, or with what cannot be believed.
    pub(crate) fn failed(&self, address: &str, question: &'static str, error: &Error) {
        let first = self.questions().insert(
            (address.to_owned(), question),
            Failed {
                at: Instant::now(),
                why: error.to_string(),
            },
        );
        if first.is_none() {
            tracing::warn!(
                address,
                question,
                error = error.chain(),
                "a peer does not answer as it should"
            );
        }
    }

    /// Hears what becomes of the questions to the peer at `address`.
    pub(super) fn hears(self: &Arc<Self>, address: &Address) -> Arc<dyn Hears> {
        Arc::new(OfOne {
            address: address.to_string(),
            all: Arc::clone(self),
        })
    }

    fn questions(&self) -> MutexGuard<'_, BTreeMap<(String, &'static str), Failed>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct OfOne {
    address: String,
    all: Arc<Unanswered>,
}

impl Hears for OfOne {
    fn answered(&self, question: &'static str) {
        self.all.answered(&self.address, question);
    }

    fn failed(&self, question: &'static str, error: &sql::Error) {
        // Its words for a user, without its cause.
        let error = Error::unavailable(error.to_string());
        self.all.failed(&self.address, question, &error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> Address {
        Address {
            host: format!("127.0.0.{number}"),
            port: 5432,
        }
    }

    fn late(unanswered: &Unanswered, of: &Address, question: &'static str) {
        let error = Error::unavailable(format!("{of} did not answer {question}"));
        unanswered.failed(&of.to_string(), question, &error);
    }

    #[test]
    fn a_peer_counts_as_silent_until_the_same_question_is_answered() {
        let (unanswered, one) = (Unanswered::default(), address(1));
        late(&unanswered, &one, "node/all");
        unanswered.answered(&one.to_string(), "server/clock");
        assert_eq!(
            unanswered.why(&one).as_deref(),
            Some("127.0.0.1:5432 did not answer node/all")
        );
        assert_eq!(unanswered.why(&address(2)), None, "another one is not meant");
        unanswered.answered(&one.to_string(), "node/all");
        assert_eq!(unanswered.why(&one), None);
    }

    #[test]
    fn a_question_that_is_never_asked_again_is_forgotten() {
        let (unanswered, one) = (Unanswered::default(), address(1));
        late(&unanswered, &one, "lane/keep");
        let asked = Instant::now();
        assert!(unanswered.why_at(&one, asked + COUNTS / 2).is_some());
        assert_eq!(unanswered.why_at(&one, asked + COUNTS), None);
    }
}
