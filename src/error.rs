//! The one error every room answers with: what kind, what the user is told, what to do, and what only the log sees.
//!
//! This file decides which kinds exist. It never knows an HTTP status (`appliance/src/api/error.rs`) nor an exit code
//! (`ksctl/src/exit.rs`): each of those has one file of its own.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::replication::ack::Written;

/// The result of everything that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as a client may act on it. Also travels between nodes, so its names are not to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The request cannot be understood: not JSON, a missing field, a wrong type.
    BadRequest,
    /// A value was understood and is not allowed.
    InvalidParam,
    /// No credentials, wrong credentials, or a token that is no longer good.
    Unauthorized,
    /// The caller is known and may not do this.
    Forbidden,
    /// The thing does not exist.
    NotFound,
    /// The thing is in a state that does not allow this.
    Conflict,
    /// A key of that name exists.
    KeyExists,
    /// The request is larger than the server takes.
    TooLarge,
    /// There is no room on the node's disk; reads go on.
    DiskFull,
    /// The node cannot answer now, and may later: it is joining, starting, or its PostgreSQL is away.
    Unavailable,
    /// It was written here, and those who were to have it too did not say so in time. Trying again would do it twice.
    Unconfirmed,
    /// The cluster cannot change its members now; trying again helps.
    ConsensusDown,
    /// Too much of this was asked lately; trying again after [`Error::retry_after`] helps.
    TooManyRequests,
    /// Understood, and not built.
    NotBuilt,
    /// A fault of ours. The text of the cause stays in the log.
    Internal,
}

/// An error with a text for the user, a way out, and a cause for the log.
///
/// `Display` is the text for the user and nothing else: the cause is reached through [`StdError::source`] only, so
/// that an internal text cannot reach a client by being printed.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    written: Option<Box<Written>>,
    retry_after: Option<Duration>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` whose `message` may be shown to anyone.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            written: None,
            retry_after: None,
            cause: None,
        }
    }

    /// A fault of ours: the user sees "unexpected error", the log sees `doing` and the cause.
    pub fn internal(doing: &'static str, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(Kind::Internal, "unexpected error").caused_by(Doing {
            doing,
            source: Box::new(cause),
        })
    }

    /// See [`Kind::BadRequest`].
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Kind::BadRequest, message)
    }

    /// See [`Kind::InvalidParam`].
    pub fn invalid_param(message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidParam, message)
    }

    /// See [`Kind::NotFound`]. `thing` is named with its article: `"the key"`.
    pub fn not_found(thing: impl fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("Resource not found: {thing}"))
    }

    /// See [`Kind::Conflict`].
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// See [`Kind::Unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// See [`Kind::ConsensusDown`]. Clients look for the words "consensus is down", so they are always in the text.
    pub fn consensus_down(why: impl fmt::Display) -> Self {
        Self::new(Kind::ConsensusDown, format!("consensus is down: {why}"))
    }

    /// See [`Kind::TooManyRequests`]. `wait` is told to the client, in whole seconds.
    pub fn too_many_requests(message: impl Into<String>, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..Self::new(Kind::TooManyRequests, message)
        }
    }

    /// Adds the way out, printed as `hint: …`.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what was written all the same.
    #[must_use]
    pub fn about(mut self, written: Written) -> Self {
        self.written = Some(Box::new(written));
        self
    }

    /// Adds the cause, for the log only.
    #[must_use]
    pub fn caused_by(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// What went wrong, as a client may act on it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The way out, when there is one.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// After how many whole seconds trying again helps, where that is known.
    pub fn retry_after(&self) -> Option<u64> {
        let wait = self.retry_after?;
        Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    /// What was written, though this is an error.
    pub fn written(&self) -> Option<&Written> {
        self.written.as_deref()
    }

    /// The whole chain of causes in one line, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut next = self.source();
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

/// What the program was doing when a cause hit it.
#[derive(Debug)]
struct Doing {
    doing: &'static str,
    source: Box<dyn StdError + Send + Sync>,
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.doing)
    }
}

impl StdError for Doing {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_in_the_chain_and_not_in_the_message() {
        let cause = std::io::Error::other("disk sda1 on fire");
        let error = Error::internal("writing the ledger", cause);
        assert_eq!(error.to_string(), "unexpected error");
        assert_eq!(error.chain(), "unexpected error: writing the ledger: disk sda1 on fire");
    }

    #[test]
    fn what_is_to_be_waited_is_told_in_whole_seconds_that_are_long_enough() {
        let wait = |millis| Error::too_many_requests("why", Duration::from_millis(millis)).retry_after();
        assert_eq!((wait(1), wait(1000), wait(1001)), (Some(1), Some(1), Some(2)));
        assert_eq!(Error::unavailable("why").retry_after(), None);
    }

    #[test]
    fn a_refused_membership_change_always_carries_the_words_clients_look_for() {
        let error = Error::consensus_down("2 of 5 members answer");
        assert!(error.to_string().contains("consensus is down"));
    }
}
