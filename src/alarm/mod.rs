//! Alarms: what can be wrong with a node or a cluster, when that is so, and what a person is to do about it.
//!
//! [`table`] is the one list of them, `docs/alarms.md` is made from it. [`judge`] turns facts into findings; [`change`]
//! compares findings with what is raised already, so that only changes are written and sent. Facts are observed, rows
//! written and messages sent in `appliance/src/alarm`.

pub mod change;
#[cfg(test)]
mod docs;
pub mod entry;
mod harm;
pub mod judge;
pub mod severity;
pub mod table;

pub use entry::{Entry, Level};
pub use severity::Severity;
pub use table::Alarm;

use crate::clock::Micros;

/// What an alarm is about. At most one alarm of a node is raised for each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// Which alarm.
    pub alarm: Alarm,
    /// What of: the id of a node, the name of a disk, a key's name. Text that users may have chosen.
    pub subject: String,
}

impl Cause {
    /// The cause `alarm` about `subject`.
    pub fn new(alarm: Alarm, subject: impl Into<String>) -> Self {
        Self {
            alarm,
            subject: subject.into(),
        }
    }
}

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What, and about what.
    pub cause: Cause,
    /// How bad it is.
    pub severity: Severity,
    /// What exactly, for people.
    pub text: String,
}

/// An alarm that is raised already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// How bad it was said to be.
    pub severity: Severity,
    /// What was said.
    pub text: String,
    /// When that was said.
    pub told: Micros,
}
