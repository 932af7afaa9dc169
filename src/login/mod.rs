//! Who may have a password checked, and when. Pure: the time comes in, what is to be done goes out.
//!
//! Checking a password costs tens of milliseconds of a processor on purpose, so whoever may have that done without bounds
//! shuts everybody else out. The [`gate`] lets one check run at a time, has the others wait in a bounded [`queue`] that is
//! fair between sources, and puts off those whose [budget] of wrong passwords is spent. A source that has logged
//! in to an account before is [known]: nothing that others do, elsewhere or with other accounts, takes its turn.
//!
//! What a log-in gets is good for a [lifetime]. The work is in `appliance/src/account/`; why it is so, in `docs/security.md`.

pub mod budget;
pub mod gate;
pub mod known;
pub mod lifetime;
pub mod name;
pub mod queue;
pub mod quiet;
pub mod source;
pub mod tally;

pub use name::AccountName;
pub use source::Source;

/// Somebody wants the password of an account checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt {
    /// The account, as it was typed.
    pub account: AccountName,
    /// Where the attempt comes from.
    pub source: Source,
}
