//! What a node says of another, decided from what it observed: status, lags, and one word for the person who reads.
//!
//! Pure: positions, times and errors come in. `appliance/src/view/` observes; [`crate::api::summary`] is the shape.

use chrono::{DateTime, Utc};

use crate::api::summary::{ClusterError, LinkInfo, NodeInfo, Viewed};
use crate::clock::{Micros, Skew};
use crate::member::roster::{Member, NodeState};
use crate::member::status::NodeStatus;
use crate::member::trouble::{Failure, Trouble};
use crate::replication::heartbeat;

/// A peer that has not been heard of for this long is down: eight heartbeats missed, of twenty members three. With a look
/// every second and the time to share it, that is seen within 10 seconds.
pub const DOWN_AFTER_MILLIS: i64 = 8_000;

/// How much later than the next heartbeat would be due a peer is tried to be reached, so that there are words when it is
/// down.
const LATE_MILLIS: i64 = 1_500;

/// A peer that was connected and does not fetch for this long is down. One that comes back at once is not.
pub const LET_GO_AFTER_MILLIS: i64 = 3_000;

/// A peer that is connected, behind, and has not moved for this long is blocked.
pub const BLOCKED_AFTER_MILLIS: i64 = 30_000;

/// What was observed of the link to one peer. Positions are bytes of WAL, lags microseconds.
#[derive(Debug, Clone, Default)]
pub struct LinkFacts {
    /// Where this node's own WAL ends.
    pub current: u64,
    /// Sent up to here; the slot's confirmed position when nothing is being sent.
    pub sent: u64,
    /// Received by the peer.
    pub write: u64,
    /// Durable on the peer.
    pub flush: u64,
    /// Applied on the peer.
    pub replay: u64,
    /// Time behind in receiving.
    pub write_lag: Micros,
    /// Time behind in being durable.
    pub flush_lag: Micros,
    /// Time behind in applying.
    pub replay_lag: Micros,
    /// PostgreSQL's word for the sender's state.
    pub state: Option<String>,
    /// Since when the peer is connected to this node.
    pub connected_since: Option<Micros>,
    /// Is this node's own subscription to the peer at work?
    pub receiving: bool,
    /// How often applying what the peer sends has failed on this node.
    pub apply_errors: i64,
    /// Has it failed a moment ago?
    pub failing: bool,
    /// Are all rows of the peer to be read anew?
    pub resyncing: bool,
    /// When the last heartbeat of the peer arrived here, by this node's clock; the one it carries is not looked at.
    pub heard: Option<Micros>,
    /// Since when the peer is not connected, when it was before.
    pub let_go: Option<Micros>,
    /// Bytes the peer applied in a second, measured between two looks.
    pub apply_rate: i64,
    /// Since when the applied position has not moved, while it is behind.
    pub stuck_since: Option<Micros>,
    /// What the last attempt to reach the peer came to; `None` when none was made.
    pub reached: Option<Result<(), Failure>>,
    /// How far the peer's clock is ahead, when that was measured lately.
    pub skew: Option<Skew>,
}

/// The status of `node` as its peer sees it.
pub fn status(node: &Member, link: &LinkFacts, now: Micros) -> NodeStatus {
    match node.state {
        NodeState::Removing => NodeStatus::Removing,
        NodeState::Removed => NodeStatus::Removed,
        NodeState::Joining => NodeStatus::Joining(node.stage),
        NodeState::Ready => match trouble_with(link, now) {
            // Nothing is known of it but that it answers: it is this node that does not get on.
            None | Some(Trouble::NotApplying) => NodeStatus::Ready,
            Some(trouble) => NodeStatus::Down(words(trouble, link).to_owned()),
        },
    }
}

/// Has a node whose newest heartbeat arrived at `heard` been silent for too long?
pub fn is_silent(heard: Option<Micros>, now: Micros) -> bool {
    heard.is_none_or(|heard| now.millis_since(heard) > DOWN_AFTER_MILLIS)
}

fn trouble_with(link: &LinkFacts, now: Micros) -> Option<Trouble> {
    let failure = link.reached.as_ref().and_then(|reached| reached.as_ref().err());
    if is_silent(link.heard, now) {
        let answers = || {
            if link.resyncing {
                Trouble::Resynchronising
            } else if link.failing {
                Trouble::NotApplying
            } else if link.receiving {
                Trouble::AgentSilent
            } else {
                Trouble::NotReceiving
            }
        };
        return Some(match &link.reached {
            None => Trouble::Silent,
            Some(_) => failure.map_or_else(answers, |failure| failure.trouble),
        });
    }
    if has_let_go(link, now) {
        return Some(failure.map_or(Trouble::NotFetching, |failure| failure.trouble));
    }
    None
}

/// Since when the peer is connected: nothing when changes do not go both ways, or it is down, for then what is still open is
/// no connection to a node that works.
pub fn connected_since(link: &LinkFacts, now: Micros) -> Option<Micros> {
    let is_down = trouble_with(link, now).is_some_and(|trouble| trouble != Trouble::NotApplying);
    link.connected_since.filter(|_| link.receiving && !is_down)
}

/// A peer that was connected a moment ago may be coming back.
fn has_let_go(link: &LinkFacts, now: Micros) -> bool {
    let long_ago = |since: Micros| now.millis_since(since) > LET_GO_AFTER_MILLIS;
    link.connected_since.is_none() && link.let_go.is_none_or(long_ago)
}

/// The words of the attempt to reach the peer, or those of the trouble itself.
fn words(trouble: Trouble, link: &LinkFacts) -> &str {
    match &link.reached {
        Some(Err(failure)) if failure.trouble == trouble => &failure.text,
        _ => trouble.words(),
    }
}

/// Is there reason to try to reach the peer, one of so many `members`, for the words of the failure? It is not connected,
/// or its heartbeat is late.
pub fn is_in_doubt(link: &LinkFacts, members: usize, now: Micros) -> bool {
    let period = i64::try_from(heartbeat::period(members).as_millis()).unwrap_or(i64::MAX);
    let silent = |heard: Micros| now.millis_since(heard) > period.saturating_add(LATE_MILLIS);
    link.connected_since.is_none() || link.heard.is_none_or(silent)
}

/// What a node says of itself.
pub fn itself(node: &Member, status: NodeStatus) -> Viewed {
    Viewed {
        cluster_errors: None,
        node_info: info(node, status, None),
        summary: "GOOD".to_owned(),
    }
}

/// What a node that was removed says of itself.
pub fn removed(node: &Member, now: Micros) -> Viewed {
    let status = NodeStatus::Removed;
    let error = ClusterError {
        error_message: status.reason().unwrap_or_default().to_owned(),
        error_time: now.to_utc().unwrap_or_default(),
        cause: Trouble::Removed,
        hint: Trouble::Removed.hint().to_owned(),
        detail: None,
    };
    Viewed {
        cluster_errors: Some(vec![error]),
        summary: format!("BAD:node is {}", status.description()),
        node_info: info(node, status, None),
    }
}

/// What a node says of a peer.
pub fn peer(node: &Member, link: &LinkFacts, now: Micros) -> Viewed {
    let (status, trouble) = (status(node, link, now), trouble_with(link, now));
    // Of this node's changes there, and of its changes here.
    let blocked = is_blocked(link, now);
    let failing = matches!(status, NodeStatus::Ready) && trouble.is_some();
    let summary = match (&status, blocked || failing) {
        (NodeStatus::Down(_), _) => "BAD:node is inactive".to_owned(),
        (_, true) => "BAD:replication is blocked".to_owned(),
        (NodeStatus::Ready, false) => "GOOD".to_owned(),
        (other, false) => format!("BAD:node is {}", other.description()),
    };
    let trouble = match &status {
        NodeStatus::Down(_) => trouble,
        _ if failing => trouble,
        _ => blocked.then_some(Trouble::ReplicationBlocked),
    };
    Viewed {
        cluster_errors: trouble.map(|trouble| vec![error(trouble, link, now)]),
        node_info: info(node, status, Some(link_info(link, now, blocked))),
        summary,
    }
}

fn error(trouble: Trouble, link: &LinkFacts, now: Micros) -> ClusterError {
    let since = match trouble {
        Trouble::ReplicationBlocked => link.stuck_since,
        _ if is_silent(link.heard, now) => link.heard,
        _ => link.let_go,
    };
    let failure = match &link.reached {
        Some(Err(failure)) if failure.trouble == trouble => Some(failure),
        _ => None,
    };
    ClusterError {
        error_message: words(trouble, link).to_owned(),
        error_time: since.unwrap_or(now).to_utc().unwrap_or_default(),
        cause: trouble,
        hint: failure
            .and_then(|failure| failure.hint.clone())
            .unwrap_or_else(|| trouble.hint().to_owned()),
        detail: failure.map(|failure| failure.detail.clone()),
    }
}

fn is_blocked(link: &LinkFacts, now: Micros) -> bool {
    link.connected_since.is_some()
        && link
            .stuck_since
            .is_some_and(|since| now.millis_since(since) > BLOCKED_AFTER_MILLIS)
}

fn info(node: &Member, status: NodeStatus, link: Option<LinkInfo>) -> NodeInfo {
    NodeInfo {
        host: node.address.host.clone(),
        is_this_node: link.is_none(),
        node_id: node.id.to_string(),
        port: node.address.port,
        public_address: node.public_address.clone(),
        status: status.into(),
        link,
    }
}

fn link_info(link: &LinkFacts, now: Micros, blocked: bool) -> LinkInfo {
    let behind = |position: u64| i64::try_from(link.current.saturating_sub(position)).unwrap_or(i64::MAX);
    let (sent, write, flush, replay) = (
        behind(link.sent),
        behind(link.write),
        behind(link.flush),
        behind(link.replay),
    );
    let connected_since = connected_since(link, now);
    LinkInfo {
        apply_rate: link.apply_rate,
        catchup_interval: interval(catchup(replay, link.apply_rate)),
        clock_ahead_millis: link.skew.map(|skew| skew.ahead.0 / 1000),
        connect_time: connected_since.and_then(Micros::to_utc),
        connected: connected_since.is_some(),
        flush_lsn: lsn(link.flush),
        flush_lag: interval(link.flush_lag),
        flush_lag_bytes: flush,
        flush_lag_size: size(flush),
        replay_lsn: lsn(link.replay),
        replay_lag: interval(link.replay_lag),
        replay_lag_bytes: replay,
        replay_lag_size: size(replay),
        replication_blocked: blocked,
        sent_lsn: lsn(link.sent),
        sent_lag_bytes: sent,
        sent_lag_size: size(sent),
        state: link.state.clone().unwrap_or_else(|| "down".to_owned()),
        uptime: connected_since.map(|since| interval(Micros(now.0.saturating_sub(since.0)))),
        write_lsn: lsn(link.write),
        write_lag: interval(link.write_lag),
        write_lag_bytes: write,
        write_lag_size: size(write),
    }
}

fn catchup(bytes: i64, rate: i64) -> Micros {
    Micros(bytes.saturating_mul(1_000_000).checked_div(rate).unwrap_or_default())
}

/// A WAL position as PostgreSQL writes it.
pub fn lsn(position: u64) -> String {
    format!("{:X}/{:X}", position >> 32, position & 0xFFFF_FFFF)
}

/// Microseconds as `HH:MM:SS`, with a fraction when there is one.
pub fn interval(span: Micros) -> String {
    let micros = span.0.max(0);
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 {
        whole
    } else {
        format!("{whole}.{fraction:06}").trim_end_matches('0').to_owned()
    }
}

/// Bytes as people read them, in the style of PostgreSQL's `pg_size_pretty`.
pub fn size(bytes: i64) -> String {
    const UNITS: [&str; 4] = ["bytes", "kB", "MB", "GB"];
    let mut value = bytes;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    while value >= 10_240 {
        let Some(next) = units.next() else { break };
        value /= 1024;
        unit = next;
    }
    format!("{value} {unit}")
}

/// The oldest time in a list of views up to which a viewer has everything, as calendar time.
pub fn stable_time(horizon: Option<Micros>) -> Option<DateTime<Utc>> {
    horizon.and_then(Micros::to_utc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::NodeNumber;
    use crate::join::request::Address;

    const NOW: Micros = Micros(1_700_000_000_000_000);

    fn node() -> Member {
        Member {
            id: "0".repeat(32).parse().unwrap(),
            number: NodeNumber(2),
            address: Address {
                host: "10.0.0.2".to_owned(),
                port: 5432,
            },
            public_address: String::new(),
            state: NodeState::Ready,
            stage: crate::join::stage::Stage::Creating,
            serial: String::new(),
            row_version: 1,
        }
    }

    fn healthy() -> LinkFacts {
        LinkFacts {
            current: 0x50_D6ED0,
            sent: 0x50_D6ED0,
            write: 0x50_D6ED0,
            flush: 0x50_D6ED0,
            replay: 0x50_D6ED0,
            replay_lag: Micros(873),
            connected_since: Some(Micros(NOW.0 - 222_332_005)),
            receiving: true,
            heard: Some(Micros(NOW.0 - 900_000)),
            state: Some("streaming".to_owned()),
            ..LinkFacts::default()
        }
    }

    fn ago(seconds: i64) -> Micros {
        Micros(NOW.0 - seconds * 1_000_000)
    }

    #[test]
    fn a_healthy_peer_is_good_in_the_reference_formats() {
        let viewed = peer(&node(), &healthy(), NOW);
        let link = viewed.node_info.link.unwrap();
        assert_eq!(viewed.summary, "GOOD");
        assert!(viewed.cluster_errors.is_none());
        assert_eq!(link.replay_lsn, "0/50D6ED0");
        assert_eq!(link.replay_lag, "00:00:00.000873");
        assert_eq!(link.uptime.as_deref(), Some("00:03:42.332005"));
        assert_eq!(link.catchup_interval, "00:00:00");
        assert_eq!(link.flush_lag_size, "0 bytes");
    }

    fn failed(trouble: Trouble) -> Result<(), Failure> {
        Err(Failure {
            trouble,
            text: "10.0.0.2:5432 cannot be reached: connection refused".to_owned(),
            hint: None,
            detail: "connection refused: os error 111".to_owned(),
        })
    }

    /// The one error of a view.
    fn error_of(link: &LinkFacts) -> ClusterError {
        let errors = peer(&node(), link, NOW).cluster_errors.unwrap();
        assert_eq!(errors.len(), 1);
        errors[0].clone()
    }

    #[test]
    fn a_silent_peer_is_down_with_the_words_of_the_last_attempt() {
        let link = LinkFacts {
            heard: Some(ago(9)),
            connected_since: None,
            reached: Some(failed(Trouble::Unreachable)),
            ..healthy()
        };
        let viewed = peer(&node(), &link, NOW);
        assert_eq!(viewed.summary, "BAD:node is inactive");
        assert_eq!(viewed.node_info.status.code, "d");
        assert!(viewed.node_info.status.reason.unwrap().contains("refused"));
        let shown = viewed.node_info.link.unwrap();
        assert!(!shown.connected && shown.connect_time.is_none() && shown.uptime.is_none());
        let error = error_of(&link);
        assert!(error.error_message.contains("refused"));
        assert_eq!(error.error_time, ago(9).to_utc().unwrap());
        assert_eq!(error.cause, Trouble::Unreachable);
        assert_eq!(error.detail.as_deref(), Some("connection refused: os error 111"));
    }

    #[test]
    fn a_peer_whose_postgresql_answers_and_that_is_silent_has_no_agent() {
        let link = LinkFacts {
            heard: Some(ago(9)),
            reached: Some(Ok(())),
            ..healthy()
        };
        assert_eq!(error_of(&link).cause, Trouble::AgentSilent);
        let deaf = LinkFacts {
            receiving: false,
            ..link.clone()
        };
        assert_eq!(error_of(&deaf).cause, Trouble::NotReceiving);
        let resyncing = LinkFacts {
            resyncing: true,
            ..deaf
        };
        assert_eq!(error_of(&resyncing).cause, Trouble::Resynchronising);
    }

    #[test]
    fn a_peer_whose_changes_cannot_be_applied_here_is_not_called_inactive() {
        let link = LinkFacts {
            heard: Some(ago(9)),
            reached: Some(Ok(())),
            failing: true,
            ..healthy()
        };
        let viewed = peer(&node(), &link, NOW);
        assert_eq!(viewed.summary, "BAD:replication is blocked");
        assert_eq!(viewed.node_info.status.code, "r");
        assert_eq!(error_of(&link).cause, Trouble::NotApplying);
        let gone = LinkFacts {
            reached: Some(failed(Trouble::Unreachable)),
            ..link
        };
        assert_eq!(error_of(&gone).cause, Trouble::Unreachable);
    }

    #[test]
    fn one_way_silence_is_down_too() {
        let deaf = LinkFacts {
            connected_since: None,
            ..healthy()
        };
        assert_eq!(status(&node(), &deaf, NOW).code(), "d");
        assert_eq!(error_of(&deaf).cause, Trouble::NotFetching);
    }

    #[test]
    fn a_peer_that_reconnects_at_once_was_never_down() {
        let since = |let_go| LinkFacts {
            connected_since: None,
            let_go: Some(let_go),
            ..healthy()
        };
        assert_eq!(status(&node(), &since(ago(2)), NOW).code(), "r");
        assert_eq!(status(&node(), &since(ago(4)), NOW).code(), "d");
    }

    #[test]
    fn a_peer_that_is_down_is_not_connected_though_its_postgresql_is() {
        let link = LinkFacts {
            heard: Some(ago(9)),
            reached: Some(Ok(())),
            ..healthy()
        };
        let viewed = peer(&node(), &link, NOW);
        assert_eq!(viewed.node_info.status.code, "d");
        let shown = viewed.node_info.link.unwrap();
        assert!(!shown.connected && shown.connect_time.is_none() && shown.uptime.is_none());
        assert_eq!(connected_since(&healthy(), NOW), healthy().connected_since);
    }

    #[test]
    fn the_clock_of_a_peer_is_shown_and_does_not_make_it_bad() {
        let link = LinkFacts {
            skew: Some(Skew::measured(NOW, Micros(0), Micros(NOW.0 + 3_600_000_000))),
            ..healthy()
        };
        let viewed = peer(&node(), &link, NOW);
        assert_eq!(viewed.summary, "GOOD");
        assert_eq!(viewed.node_info.link.unwrap().clock_ahead_millis, Some(3_600_000));
    }

    #[test]
    fn connected_but_stuck_is_bad() {
        let stuck = LinkFacts {
            stuck_since: Some(ago(31)),
            replay: 0,
            ..healthy()
        };
        let viewed = peer(&node(), &stuck, NOW);
        assert_eq!(viewed.summary, "BAD:replication is blocked");
    }

    #[test]
    fn sizes_and_spans_read_as_postgresql_writes_them() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(10_239), "10239 bytes");
        assert_eq!(size(10_240), "10 kB");
        assert_eq!(size(64 << 20), "64 MB");
        assert_eq!(interval(Micros(3_661_500_000)), "01:01:01.5");
        assert_eq!(lsn(0x1_0000_0010), "1/10");
    }
}
