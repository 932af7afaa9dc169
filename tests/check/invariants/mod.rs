//! What must hold of every history, whatever went wrong in it. One file is one invariant; each looks at records only, so a
//! history can be judged again at any time.

mod agreement;
mod causality;
mod delivery;
mod endings;
mod honesty;
mod lost;
mod memory;
mod names;
#[cfg(test)]
mod planted;
mod sessions;
mod states;
mod versions;
mod whole;

use std::fmt::Display;

use super::history::History;

/// What an invariant says of a history.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    /// Its short name.
    pub(super) name: &'static str,
    /// What it promises.
    pub(super) promise: &'static str,
    /// Where it does not hold.
    pub(super) broken: Vec<Broken>,
    /// What was counted on the way.
    pub(super) figures: Vec<(&'static str, String)>,
}

impl Verdict {
    fn new(name: &'static str, promise: &'static str) -> Self {
        Self {
            name,
            promise,
            ..Self::default()
        }
    }

    fn broken(&mut self, key: Option<&str>, text: impl Into<String>) {
        self.broken.push(Broken {
            key: key.map(str::to_owned),
            text: text.into(),
        });
    }

    fn figure(&mut self, name: &'static str, value: impl Display) {
        self.figures.push((name, format!("{value}")));
    }

    /// Does it hold?
    pub(super) fn holds(&self) -> bool {
        self.broken.is_empty()
    }
}

/// One place where an invariant does not hold.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    /// The key it is about, whose life is then told.
    pub(super) key: Option<String>,
    pub(super) text: String,
}

/// What all invariants say.
pub(super) fn judge(history: &History) -> Vec<Verdict> {
    vec![
        lost::judge(history),
        agreement::judge(history),
        causality::judge(history),
        memory::judge(history),
        sessions::judge(history),
        endings::judge(history),
        whole::judge(history),
        honesty::judge(history),
        names::judge(history),
        states::judge(history),
        versions::judge(history),
        delivery::judge(history),
    ]
}
