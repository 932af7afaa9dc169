//! What can go wrong with a database, and what that means to a user.
//!
//! Decided by SQLSTATE, never by message text. PostgreSQL's own words are the cause, for the log only.

use std::time::Duration;

use keystead::Kind;
use tokio_postgres::error::SqlState;

/// The result of a query.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of a database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be had.
    #[error("connecting to PostgreSQL")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A statement failed.
    #[error("query {query}")]
    Query {
        /// The file under `sql/queries`, without its ending.
        query: &'static str,
        /// What PostgreSQL said.
        #[source]
        source: tokio_postgres::Error,
    },
    /// A peer refused a statement, or ended the session before its answer.
    #[error("query {query} of {peer}")]
    Peer {
        /// Where it is.
        peer: String,
        /// The file under `sql/queries`, without its ending.
        query: &'static str,
        /// What its PostgreSQL said.
        #[source]
        source: tokio_postgres::Error,
    },
    /// A migration failed; the schema is as before.
    #[error("migrating the schema")]
    Migrate(#[source] refinery::Error),
    /// It is not known how a write ended.
    #[error("a write was not answered")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A peer or a file names a table that is not one of ours.
    #[error("{0:?} is no table of this cluster")]
    Foreign(String),
    /// A peer did not answer in time. The session with it has ended.
    #[error("{peer} did not answer the question {question} within {after:?}")]
    Lapsed {
        /// Where it is.
        peer: String,
        /// The file under `sql/queries`, without its ending.
        question: &'static str,
        /// How long it was waited for, or how long its answer stood still.
        after: Duration,
    },
    /// A peer sent more than an answer may have. The session with it has ended.
    #[error("{peer} answered the question {question} with more than {bytes} bytes")]
    Overlong {
        /// Where it is.
        peer: String,
        /// The file under `sql/queries`, without its ending.
        question: &'static str,
        /// What it may have.
        bytes: u64,
    },
    /// An answer has other columns than were asked for.
    #[error("the answer to {query} is of another form")]
    Answer {
        /// The file under `sql/queries`, without its ending.
        query: &'static str,
        /// Which column, and what it holds.
        #[source]
        source: tokio_postgres::Error,
    },
    /// A row holds what the product never writes.
    #[error("{0} in the database is not understood")]
    Unexpected(String),
}

impl Error {
    /// PostgreSQL's code, when it answered at all.
    pub fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Query { source, .. } | Self::Peer { source, .. } => source.code(),
            Self::Connect(source) => source.downcast_ref::<tokio_postgres::Error>()?.code(),
            Self::Migrate(_)
            | Self::Unknown(_)
            | Self::Lapsed { .. }
            | Self::Overlong { .. }
            | Self::Answer { .. }
            | Self::Foreign(_)
            | Self::Unexpected(_) => None,
        }
    }

    /// Did two transactions meet so that one had to go? Doing it again is safe and helps.
    pub fn is_deadlock(&self) -> bool {
        matches!(self.code(), Some(code) if *code == SqlState::T_R_DEADLOCK_DETECTED
            || *code == SqlState::T_R_SERIALIZATION_FAILURE)
    }

    /// Are too few members there to wait for? Nothing was written.
    pub fn is_short_of_peers(&self) -> bool {
        // Raised by `replication.wait_for_peers`.
        self.code().is_some_and(|code| code.code() == "KS001")
    }

    /// Was something written that not every member has a place for yet? Nothing was written.
    pub fn is_not_yet(&self) -> bool {
        // Raised by `replication.refuse_not_yet`.
        self.code().is_some_and(|code| code.code() == "KS002")
    }

    /// Is there no room on the disk of the server that was asked?
    pub fn is_disk_full(&self) -> bool {
        self.code() == Some(&SqlState::DISK_FULL)
    }

    /// Was a write cancelled before its commit? Nothing was written.
    pub fn is_given_up(&self) -> bool {
        self.code() == Some(&SqlState::QUERY_CANCELED)
    }

    /// Did the connection end before the answer? What was asked may have happened.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown(_) | Self::Lapsed { .. } | Self::Overlong { .. } => true,
            Self::Query { source, .. } | Self::Peer { source, .. } => source.code().is_none_or(ended),
            Self::Connect(_) | Self::Migrate(_) | Self::Answer { .. } | Self::Foreign(_) | Self::Unexpected(_) => false,
        }
    }

    /// Did a peer end the session with this node? Why is told to whoever connects again.
    pub fn is_ended_by_peer(&self) -> bool {
        match self {
            Self::Peer { source, .. } => source.code().map_or_else(|| source.is_closed(), ended),
            _ => false,
        }
    }

    fn kind(&self) -> Kind {
        match (self, self.code()) {
            (_, Some(code)) if *code == SqlState::DISK_FULL => Kind::DiskFull,
            (Self::Connect(_) | Self::Unknown(_) | Self::Lapsed { .. } | Self::Overlong { .. }, _) => Kind::Unavailable,
            (Self::Query { source, .. } | Self::Peer { source, .. }, None) if source.is_closed() => Kind::Unavailable,
            (_, Some(code)) if unavailable(code) => Kind::Unavailable,
            _ if self.is_not_yet() => Kind::Conflict,
            _ => Kind::Internal,
        }
    }
}

/// The session was ended from outside, which may be after its commit.
fn ended(code: &SqlState) -> bool {
    [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
    ]
    .contains(code)
}

/// Starting, stopping, out of connections, disk or memory, killed by a fence or a lock: it may work later.
fn unavailable(code: &SqlState) -> bool {
    let class = code.code().get(..2).unwrap_or_default();
    matches!(class, "08" | "53" | "57" | "58") || *code == SqlState::LOCK_NOT_AVAILABLE
}

impl From<Error> for keystead::Error {
    fn from(error: Error) -> Self {
        match (error.kind(), &error) {
            (_, Error::Lapsed { .. } | Error::Overlong { .. }) => {
                Self::unavailable(error.to_string()).with_hint(LOOK_AT_IT)
            }
            (Kind::Unavailable | Kind::DiskFull, Error::Peer { peer, .. }) => of_a_peer(peer, &error),
            (Kind::DiskFull, _) => Self::new(Kind::DiskFull, "the node's disk is full")
                .with_hint("free or add disk space under its data_dir; other members take writes meanwhile"),
            (Kind::Unavailable, _) => Self::unavailable("the node's PostgreSQL does not answer")
                .with_hint("try again; `ksctl services status` and the node's log say more"),
            (Kind::Conflict, _) => Self::conflict("not every member runs the version that has this")
                .with_hint("upgrade all members first: see docs/upgrade.md"),
            _ => return Self::internal("a query", error),
        }
        .caused_by(error)
    }
}

const LOOK_AT_IT: &str =
    "the node there takes connections and stands still, or something between does: look at it and its log";

/// The peer is named, for it is another node than the one that says this.
fn of_a_peer(peer: &str, error: &Error) -> keystead::Error {
    if error.is_disk_full() {
        return keystead::Error::unavailable(format!("the disk of the node at {peer} is full"))
            .with_hint("free or add disk space on that node");
    }
    let text = if error.is_ended_by_peer() {
        format!("the node at {peer} ended the session")
    } else {
        format!("the PostgreSQL of the node at {peer} does not answer")
    };
    keystead::Error::unavailable(text)
        .with_hint("it may be stopping, or removing this node: try again, and look at `ksctl cluster nodes list` there")
}
