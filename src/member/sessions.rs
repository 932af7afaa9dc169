//! Which sessions of other nodes have taken too long, and are to be ended.
//!
//! A session can set its own time-outs, so PostgreSQL's do not bind a node that means harm: an idle transaction of it would
//! hold back the purge and the queue of notifications for all. So the node looks, and ends by age and state. Copies that
//! progress may take as long as they need. `appliance/src/peer_sessions.rs` looks and ends.

use std::collections::BTreeMap;

use crate::clock::Micros;

/// A guest leaves a call and takes its answer: each is a statement of milliseconds.
const GUEST_TRANSACTION_MILLIS: i64 = 5_000;

/// A peer's agent holds a transaction open to copy, and between two tables waits for its own disk. What else it asks is one
/// statement each.
const IDLE_TRANSACTION_MILLIS: i64 = 10_000;

/// What a transaction has written, or locked to write, others wait for.
const WRITING_TRANSACTION_MILLIS: i64 = 10_000;

/// A digest reads all data: 100 million keys take under ten minutes.
const STATEMENT_MILLIS: i64 = 15 * 60_000;

/// A copy may stand still for so long: its reader writes to a slow disk.
const COPY_STANDSTILL_MILLIS: i64 = 5 * 60_000;

/// While the queue of notifications fills no transaction but a copy may be older: it may be what holds the queue.
const QUEUE_TRANSACTION_MILLIS: i64 = 3_000;

/// From so much of the queue on it fills, in percent. Triggers no longer notify then: `sql/migrations/V14__rights.sql`.
pub const QUEUE_FILLS_PERCENT: i32 = 10;

/// What a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Waits for a statement, outside of a transaction.
    Idle,
    /// Waits for a statement in a transaction.
    IdleInTransaction,
    /// Runs a statement.
    Active,
    /// Reads its slot: `wal_sender_timeout` watches over it.
    Streaming,
    /// Takes a backup of the whole server, or reads its whole WAL: no node does.
    CopyingServer,
}

/// A session of another node.
#[derive(Debug, Clone)]
pub struct PeerSession {
    /// The process that serves it.
    pub pid: i32,
    /// When it began; with `pid` it names the session.
    pub started: Micros,
    /// The other node's role.
    pub role: String,
    /// The node was signed and is not recorded.
    pub is_guest: bool,
    /// What it does.
    pub activity: Activity,
    /// Since when it does so.
    pub state_millis: i64,
    /// How old its transaction is; 0 without one.
    pub transaction_millis: i64,
    /// Its transaction has written, or locked rows.
    pub has_written: bool,
    /// What its copy has sent or taken so far, while it copies.
    pub copied_bytes: Option<i64>,
    /// What it calls itself, where it reads the WAL: it is counted for a link by that.
    pub reads_as: Option<String>,
}

/// Remembers how far copies were.
#[derive(Debug, Default)]
pub struct SessionWatch {
    copies: BTreeMap<(i32, Micros), CopyProgress>,
}

#[derive(Debug, Clone, Copy)]
struct CopyProgress {
    bytes: i64,
    /// When it last sent or took more than before.
    at: Micros,
}

impl SessionWatch {
    /// The sessions to end now, each with the reason.
    pub fn overdue<'a>(
        &mut self,
        sessions: &'a [PeerSession],
        queue_percent: i32,
        now: Micros,
    ) -> Vec<(&'a PeerSession, &'static str)> {
        self.copies
            .retain(|key, _| sessions.iter().any(|session| (session.pid, session.started) == *key));
        let judge = |session: &'a PeerSession| {
            let reason = match session.copied_bytes {
                Some(bytes) if !session.is_guest && !session.has_written => self.copy_reason(session, bytes, now),
                _ => self.reason(session, queue_percent, now),
            };
            reason.map(|reason| (session, reason))
        };
        sessions.iter().filter_map(judge).collect()
    }

    fn copy_reason(&mut self, session: &PeerSession, bytes: i64, now: Micros) -> Option<&'static str> {
        let progress = self
            .copies
            .entry((session.pid, session.started))
            .or_insert(CopyProgress { bytes, at: now });
        if progress.bytes != bytes {
            *progress = CopyProgress { bytes, at: now };
        }
        (now.millis_since(progress.at) >= COPY_STANDSTILL_MILLIS).then_some("its copy stands still")
    }

    fn reason(&self, session: &PeerSession, queue_percent: i32, now: Micros) -> Option<&'static str> {
        match session.activity {
            Activity::Streaming => return None,
            Activity::CopyingServer => return Some("it copies the server, which no node does"),
            Activity::Idle | Activity::IdleInTransaction | Activity::Active => {}
        }
        let transaction = session.transaction_millis;
        if session.is_guest && transaction >= GUEST_TRANSACTION_MILLIS {
            Some("a transaction of a guest is open")
        } else if session.has_written && transaction >= WRITING_TRANSACTION_MILLIS {
            Some("its transaction has written and is open")
        } else if queue_percent >= QUEUE_FILLS_PERCENT && transaction >= QUEUE_TRANSACTION_MILLIS {
            Some("its transaction may hold the queue of notifications, which fills")
        } else if self.between_statements(session, now) >= IDLE_TRANSACTION_MILLIS {
            Some("it is idle in a transaction")
        } else if session.activity == Activity::Active && session.state_millis >= STATEMENT_MILLIS {
            Some("its statement takes too long")
        } else {
            None
        }
    }

    /// For how long its transaction was open without the statement it runs now, and without a copy: one that runs something
    /// short now and then is as idle as one that runs nothing.
    fn between_statements(&self, session: &PeerSession, now: Micros) -> i64 {
        let open = match session.activity {
            Activity::Active => session.transaction_millis.saturating_sub(session.state_millis),
            _ => session.transaction_millis,
        };
        let copied = self.copies.get(&(session.pid, session.started));
        copied.map_or(open, |copied| open.min(now.millis_since(copied.at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(activity: Activity, state_millis: i64) -> PeerSession {
        let in_transaction = matches!(activity, Activity::IdleInTransaction | Activity::Active);
        PeerSession {
            pid: 7,
            started: Micros(1),
            role: "peer_a".to_owned(),
            is_guest: false,
            activity,
            state_millis,
            transaction_millis: if in_transaction { state_millis } else { 0 },
            has_written: false,
            copied_bytes: None,
            reads_as: None,
        }
    }

    fn is_ended(session: &PeerSession, queue_percent: i32) -> bool {
        let sessions = [session.clone()];
        !SessionWatch::default()
            .overdue(&sessions, queue_percent, Micros(0))
            .is_empty()
    }

    #[test]
    fn a_peer_that_idles_in_a_transaction_is_ended_within_seconds() {
        assert!(!is_ended(&session(Activity::IdleInTransaction, 9_000), 0));
        assert!(is_ended(&session(Activity::IdleInTransaction, 10_000), 0));
    }

    #[test]
    fn a_guest_may_keep_no_transaction_open_busy_or_not() {
        for activity in [Activity::Active, Activity::IdleInTransaction] {
            let guest = |millis| PeerSession {
                is_guest: true,
                copied_bytes: Some(1),
                ..session(activity, millis)
            };
            assert!(!is_ended(&guest(4_000), 0));
            assert!(is_ended(&guest(5_000), 0));
        }
    }

    #[test]
    fn what_waits_or_streams_is_left_alone_however_long() {
        for activity in [Activity::Idle, Activity::Streaming] {
            assert!(!is_ended(&session(activity, i64::MAX), 100), "{activity:?}");
        }
    }

    #[test]
    fn a_transaction_that_runs_something_short_now_and_then_is_idle_all_the_same() {
        let kept_open = |activity| PeerSession {
            transaction_millis: 11_000,
            ..session(activity, 500)
        };
        assert!(is_ended(&kept_open(Activity::Active), 0));
        assert!(is_ended(&kept_open(Activity::IdleInTransaction), 0));
    }

    #[test]
    fn what_has_written_or_locked_may_not_stay_open_busy_or_not() {
        let writing = |millis| PeerSession {
            has_written: true,
            copied_bytes: Some(millis),
            ..session(Activity::Active, millis)
        };
        assert!(!is_ended(&writing(9_000), 0));
        assert!(is_ended(&writing(10_000), 0));
    }

    #[test]
    fn a_copy_of_the_whole_server_is_ended_as_soon_as_it_is_seen() {
        assert!(is_ended(&session(Activity::CopyingServer, 0), 0));
    }

    #[test]
    fn between_two_copies_a_transaction_has_the_time_to_store_the_first() {
        let mut watch = SessionWatch::default();
        let at = |seconds: i64| Micros(seconds * 1_000_000);
        let copy = PeerSession {
            copied_bytes: Some(1),
            ..session(Activity::Active, 60_000)
        };
        assert!(watch.overdue(std::slice::from_ref(&copy), 0, at(0)).is_empty());
        let idle = PeerSession {
            copied_bytes: None,
            transaction_millis: 70_000,
            ..session(Activity::IdleInTransaction, 8_000)
        };
        assert!(watch.overdue(std::slice::from_ref(&idle), 0, at(9)).is_empty());
        assert!(!watch.overdue(&[idle], 0, at(10)).is_empty());
    }

    #[test]
    fn a_digest_may_take_minutes_but_not_while_the_queue_fills() {
        let digest = session(Activity::Active, 5 * 60_000);
        assert!(!is_ended(&digest, 9));
        assert!(is_ended(&digest, 10));
        assert!(is_ended(&session(Activity::Active, 15 * 60_000), 0));
    }

    #[test]
    fn a_copy_that_progresses_is_never_ended_and_one_that_stands_still_is() {
        let copy = |bytes| PeerSession {
            copied_bytes: Some(bytes),
            ..session(Activity::Active, 60 * 60_000)
        };
        let at = |minutes: i64| Micros(minutes * 60_000_000);
        let mut watch = SessionWatch::default();
        let mut ended = |bytes, minutes| !watch.overdue(&[copy(bytes)], 100, at(minutes)).is_empty();
        assert!(!ended(1, 0));
        assert!(!ended(2, 20), "it has sent a byte since");
        assert!(!ended(2, 24));
        assert!(ended(2, 25));
    }

    #[test]
    fn another_session_of_the_same_number_is_not_taken_for_the_one_before() {
        let mut watch = SessionWatch::default();
        let copy = |started| PeerSession {
            copied_bytes: Some(5),
            started: Micros(started),
            ..session(Activity::Active, 0)
        };
        assert!(watch.overdue(&[copy(1)], 0, Micros(0)).is_empty());
        assert!(watch.overdue(&[copy(2)], 0, Micros(3_600_000_000)).is_empty());
    }
}
