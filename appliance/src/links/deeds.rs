//! What was done to each part of a link last, and why: for people who ask what the reconciler is at.
//!
//! Kept while the agent runs; the log has the rest. Decides nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keystead::Result;
use keystead::api::links::{Deed, LinkPart, Part};
use keystead::clock::Micros;

/// The last deed for every part, by its kind and name.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    last: Mutex<BTreeMap<(Part, String), Deed>>,
}

impl Deeds {
    /// Remembers that `words.0` was done because `words.1`, and logs it.
    pub(crate) fn did(&self, (part, name): (Part, &str), words: (&str, &str), outcome: &Result<()>, at: Micros) {
        let (did, why) = words;
        told((part, name), words, outcome);
        let deed = Deed {
            did: did.to_owned(),
            why: why.to_owned(),
            at: at.to_utc().unwrap_or_default(),
            error: outcome.as_ref().err().map(ToString::to_string),
        };
        self.last().insert((part, name.to_owned()), deed);
    }

    /// Fills in what was done to these parts.
    pub(super) fn recall(&self, parts: &mut [LinkPart]) {
        let last = self.last();
        for part in parts {
            part.last = last.get(&(part.part, part.name.clone())).cloned();
        }
    }

    fn last(&self) -> MutexGuard<'_, BTreeMap<(Part, String), Deed>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told((part, name): (Part, &str), (did, why): (&str, &str), outcome: &Result<()>) {
    match outcome {
        Ok(()) => tracing::info!(?part, name, did, why, "a link was repaired"),
        Err(error) => could_not((part, name), why, &error.chain()),
    }
}

fn could_not((part, name): (Part, &str), why: &str, error: &str) {
    tracing::warn!(?part, name, why, error, "a link could not be repaired, trying again");
}
