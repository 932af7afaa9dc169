//! What there is to know of one alarm: its names, its severities, its end and the way out. Next: `table.rs`, the list.

use super::Severity;

/// What there is to know of an alarm.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What programs call it. Never changed.
    pub id: &'static str,
    /// What people and clients call it. Never changed.
    pub name: &'static str,
    /// What its subject is.
    pub subject: &'static str,
    /// How bad it may be and when, the worst last.
    pub levels: &'static [Level],
    /// When it is cleared.
    pub ends: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// How long the condition must hold before it is raised.
    pub after_millis: i64,
}

/// One severity of an alarm.
#[derive(Debug, Clone, Copy)]
pub struct Level {
    /// How bad.
    pub severity: Severity,
    /// When.
    pub when: &'static str,
}
