//! Why a command ended badly: its kind, what the user reads, and the way out.
//!
//! This file decides which kinds exist and what each means to a waiting loop. It never prints ([`crate::printer`]) nor
//! knows an exit code ([`crate::exit`]).

use std::fmt;

/// What kind of end it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The appliance, or the user at a prompt, said no.
    Refused,
    /// The command line, the environment or a file says something that cannot be done.
    Usage,
    /// The appliance did not answer.
    Unreachable,
    /// A fault of this program, of this machine, or an answer that makes no sense.
    Internal,
    /// The user ended the command before it was done.
    Interrupted,
}

/// A bad end. `Display` is the text for the user, one line, without the hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    kind: Kind,
    status: Option<u16>,
    text: String,
    hint: Option<String>,
    unknown: bool,
}

impl Failure {
    /// The request was refused here, before anything was sent.
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self::new(Kind::Refused, text)
    }

    /// What was named is not there, as far as can be seen.
    pub(crate) fn unknown(text: impl Into<String>) -> Self {
        Self {
            unknown: true,
            ..Self::refused(text)
        }
    }

    /// The appliance refused with this HTTP status.
    pub(crate) fn answered(status: u16, text: impl Into<String>) -> Self {
        Self {
            status: Some(status),
            ..Self::new(Kind::Refused, text)
        }
    }

    /// The user has to change what was typed, set or written.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(Kind::Usage, text)
    }

    /// The appliance did not answer.
    pub(crate) fn unreachable(text: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, text)
    }

    /// See [`Kind::Internal`].
    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self::new(Kind::Internal, text)
    }

    /// See [`Kind::Interrupted`].
    pub(crate) fn interrupted(text: impl Into<String>) -> Self {
        Self::new(Kind::Interrupted, text)
    }

    fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            text: text.into(),
            hint: None,
            unknown: false,
        }
    }

    /// Adds the way out, printed as `hint: …`.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says first what is true all the same.
    #[must_use]
    pub(crate) fn with_before(mut self, done: &str) -> Self {
        self.text = format!("{done}, but: {}", self.text);
        self
    }

    /// Adds to what the user reads.
    #[must_use]
    pub(crate) fn with_more(mut self, more: &str) -> Self {
        self.text.push_str(more);
        self
    }

    /// Adds the way out, unless there is one.
    #[must_use]
    pub(crate) fn or_hint(self, hint: &str) -> Self {
        if self.hint.is_some() {
            self
        } else {
            self.with_hint(hint)
        }
    }

    /// What kind of end it was.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The way out, when there is one.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What was named is not there.
    pub(crate) fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// The token or the password is not good.
    pub(crate) fn is_unauthorized(&self) -> bool {
        self.status == Some(401)
    }

    /// The appliance says that it cannot serve this now.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.status == Some(503)
    }

    /// Worth asking again: no answer, or an answer that the appliance cannot serve now, or not so often (429).
    pub(crate) fn is_passing(&self) -> bool {
        self.kind == Kind::Unreachable || self.status.is_some_and(|status| status == 429 || status >= 500)
    }

    /// The log-in was refused because the account still has its first password. Told by these words of the wire
    /// contract, as the status alone (401 or 403) means other things too.
    pub(crate) fn wants_new_password(&self) -> bool {
        matches!(self.status, Some(401 | 403)) && self.text.contains("password must be changed")
    }

    /// The cluster cannot change its members now. Clients of the wire contract look for these words.
    pub(crate) fn is_consensus_down(&self) -> bool {
        self.status.is_some() && self.text.contains("consensus is down")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_starting_is_asked_again_and_a_refusal_is_not() {
        assert!(Failure::unreachable("no answer").is_passing());
        assert!(Failure::answered(503, "starting").is_passing());
        assert!(Failure::answered(429, "too many").is_passing());
        assert!(!Failure::answered(409, "taken").is_passing());
        assert!(!Failure::refused("not confirmed").is_passing());
    }

    #[test]
    fn only_the_appliance_can_say_that_consensus_is_down() {
        assert!(Failure::answered(500, "NCERRx: consensus is down: 1 of 3 members answers").is_consensus_down());
        assert!(!Failure::unreachable("consensus is down").is_consensus_down());
    }
}
