//! Which measures there are, made from what was observed.
//!
//! Those between nodes are told by each node of each other, with the label `host`, under the names that dashboards for
//! such clusters know. Those of a node alone begin with `keystead_`.

use super::{Kind, Number, Page, Sample, labelled, plain};
use crate::alarm::judge::{Certificate, Disk, Retention};
use crate::clock::Micros;
use crate::join::progress::Progress;
use crate::summary::{LinkFacts, connected_since};

/// What was observed.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Now.
    pub now: Micros,
    /// When the agent was started.
    pub started: Micros,
    /// The product's version.
    pub version: String,
    /// What the node is called.
    pub node: String,
    /// The join that runs or has failed.
    pub join: Option<Progress>,
    /// How many members there are.
    pub members: Option<u64>,
    /// What was written before it is on every member.
    pub horizon: Option<Micros>,
    /// The others.
    pub peers: Vec<Peer>,
    /// Bytes of what is to leave and what has left and was not emptied yet.
    pub outbox_bytes: Option<i64>,
    /// The disk under the data.
    pub disk: Option<Disk>,
    /// What ends.
    pub certificates: Vec<Certificate>,
    /// How many alarms of all nodes are on, by severity.
    pub alarms: Option<Vec<(String, i64)>>,
    /// Of each syslog server its id, the bytes that wait, and the messages dropped.
    pub syslogs: Vec<(String, u64, u64)>,
}

/// Another member.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// Where it is.
    pub host: String,
    /// The link to it.
    pub link: LinkFacts,
    /// It is connected and applies nothing.
    pub blocked: bool,
    /// Rows this node wrote that it does not have.
    pub rows_behind: i64,
    /// The slot kept for it.
    pub retention: Option<Retention>,
}

/// All measures.
pub fn page(facts: &Facts) -> Page {
    let mut page = Page::default();
    node(&mut page, facts);
    told(&mut page, facts);
    join(&mut page, facts.join.as_ref());
    cluster(&mut page, facts);
    peers(&mut page, facts);
    lags(&mut page, &facts.peers);
    rows_behind(&mut page, &facts.peers);
    kept(&mut page, &facts.peers);
    page
}

fn node(page: &mut Page, facts: &Facts) {
    let info = Sample {
        labels: vec![("version", facts.version.clone()), ("node", facts.node.clone())],
        value: Number::Whole(1),
    };
    page.add(
        Kind::Gauge,
        "keystead_info",
        "always 1; the version and the name of the node",
        [info],
    );
    let up = Micros(facts.now.0 - facts.started.0);
    page.add(
        Kind::Gauge,
        "keystead_uptime_seconds",
        "seconds since the agent was started",
        [plain(up)],
    );
    let of_disk = |value: fn(&Disk) -> u64| facts.disk.iter().map(value).map(plain).collect::<Vec<_>>();
    page.add(
        Kind::Gauge,
        "keystead_disk_used_bytes",
        "bytes used of the disk under the data",
        of_disk(|disk| disk.used),
    );
    page.add(
        Kind::Gauge,
        "keystead_disk_free_bytes",
        "bytes left of it",
        of_disk(|disk| disk.free),
    );
    let left = facts
        .certificates
        .iter()
        .map(|one| labelled("certificate", one.name, one.days_left(facts.now)));
    page.add(
        Kind::Gauge,
        "keystead_certificate_days_left",
        "whole days until it ends; negative when it has ended",
        left,
    );
}

fn told(page: &mut Page, facts: &Facts) {
    let on = facts.alarms.iter().flatten();
    let on = on.map(|(severity, count)| labelled("severity", severity, *count));
    page.add(Kind::Gauge, "keystead_alarms", "alarms of all nodes that are on", on);
    let waiting = facts
        .syslogs
        .iter()
        .map(|(id, waiting, _)| labelled("id", id, *waiting));
    page.add(
        Kind::Gauge,
        "keystead_syslog_waiting_bytes",
        "bytes that wait for a syslog server",
        waiting,
    );
    let dropped = facts
        .syslogs
        .iter()
        .map(|(id, _, dropped)| labelled("id", id, *dropped));
    page.add(
        Kind::Counter,
        "keystead_syslog_dropped_total",
        "messages for a syslog server that were dropped",
        dropped,
    );
}

fn join(page: &mut Page, join: Option<&Progress>) {
    let of_join = |value: fn(&Progress) -> u64| join.map(value).map(plain);
    let stage = join.map(|join| labelled("stage", &join.stage, 1_u8));
    page.add(
        Kind::Gauge,
        "keystead_join",
        "1 while a join runs or has failed, with its stage",
        stage,
    );
    page.add(
        Kind::Gauge,
        "keystead_join_rows_done",
        "rows copied",
        of_join(|join| join.rows_done),
    );
    page.add(
        Kind::Gauge,
        "keystead_join_rows_total",
        "rows to copy",
        of_join(|join| join.rows_total),
    );
    page.add(
        Kind::Gauge,
        "keystead_join_bytes_done",
        "bytes copied",
        of_join(|join| join.bytes_done),
    );
    page.add(
        Kind::Gauge,
        "keystead_join_bytes_total",
        "bytes to copy",
        of_join(|join| join.bytes_total),
    );
    let lag = join.and_then(|join| join.lag_bytes).map(plain);
    page.add(
        Kind::Gauge,
        "keystead_join_lag_bytes",
        "bytes still to be applied while catching up",
        lag,
    );
}

fn cluster(page: &mut Page, facts: &Facts) {
    page.add(
        Kind::Gauge,
        "keystead_members",
        "members of the cluster",
        facts.members.map(plain),
    );
    let age = facts.horizon.map(|horizon| plain(Micros(facts.now.0 - horizon.0)));
    page.add(
        Kind::Gauge,
        "keystead_horizon_age_seconds",
        "everything written longer ago is on every member",
        age,
    );
    page.add(
        Kind::Gauge,
        "keystead_outbox_bytes",
        "bytes in outboxes, most of which have left already",
        facts.outbox_bytes.map(plain),
    );
}

fn peers(page: &mut Page, facts: &Facts) {
    let connected = |peer: &Peer| connected_since(&peer.link, facts.now);
    let of_peers = |value: &dyn Fn(&Peer) -> bool| -> Vec<Sample> {
        let sample = |peer: &Peer| labelled("host", &peer.host, u8::from(value(peer)));
        facts.peers.iter().map(sample).collect()
    };
    page.add(
        Kind::Gauge,
        "ciphertrust_cluster_connected",
        "1 while changes go both ways",
        of_peers(&|peer| connected(peer).is_some()),
    );
    page.add(
        Kind::Gauge,
        "ciphertrust_cluster_replication_blocked",
        "1 while it is connected and applies nothing",
        of_peers(&|peer| peer.blocked),
    );
    let since = |of: fn(Micros, Micros) -> Micros| -> Vec<Sample> {
        let sample = |peer: &Peer| Some(labelled("host", &peer.host, of(connected(peer)?, facts.now)));
        facts.peers.iter().filter_map(sample).collect()
    };
    page.add(
        Kind::Gauge,
        "ciphertrust_cluster_connect_time",
        "when it connected, in seconds since 1970",
        since(|since, _| since),
    );
    page.add(
        Kind::Gauge,
        "ciphertrust_cluster_uptime",
        "seconds since it connected",
        since(|since, now| Micros(now.0 - since.0)),
    );
    let heard = facts.peers.iter().filter_map(|peer| {
        let age = Micros(facts.now.0 - peer.link.heard?.0);
        Some(labelled("host", &peer.host, age))
    });
    page.add(
        Kind::Gauge,
        "keystead_heartbeat_age_seconds",
        "seconds since its newest heartbeat arrived here",
        heard,
    );
    let ahead = facts.peers.iter().filter_map(|peer| {
        let skew = peer.link.skew?;
        Some(labelled("host", &peer.host, skew.ahead))
    });
    page.add(
        Kind::Gauge,
        "keystead_clock_ahead_seconds",
        "how far its clock is ahead of this node's; negative when it is behind",
        ahead,
    );
}

fn lags(page: &mut Page, peers: &[Peer]) {
    let mut of_peers = |name, help, value: fn(&LinkFacts) -> Number| {
        let sample = |peer: &Peer| labelled("host", &peer.host, value(&peer.link));
        page.add(Kind::Gauge, name, help, peers.iter().map(sample));
    };
    of_peers(
        "ciphertrust_cluster_write_lag",
        "seconds it is behind in receiving",
        |link| link.write_lag.into(),
    );
    of_peers(
        "ciphertrust_cluster_flush_lag",
        "seconds it is behind in being durable",
        |link| link.flush_lag.into(),
    );
    of_peers(
        "ciphertrust_cluster_replay_lag",
        "seconds it is behind in applying",
        |link| link.replay_lag.into(),
    );
    of_peers("ciphertrust_cluster_sent_lag_bytes", "bytes not sent to it", |link| {
        behind(link, link.sent).into()
    });
    of_peers(
        "ciphertrust_cluster_write_lag_bytes",
        "bytes it has not received",
        |link| behind(link, link.write).into(),
    );
    of_peers(
        "ciphertrust_cluster_flush_lag_bytes",
        "bytes not durable on it",
        |link| behind(link, link.flush).into(),
    );
    of_peers(
        "ciphertrust_cluster_replay_lag_bytes",
        "bytes it has not applied",
        |link| behind(link, link.replay).into(),
    );
    of_peers(
        "ciphertrust_cluster_apply_rate",
        "bytes it applied in the last second",
        |link| link.apply_rate.into(),
    );
    of_peers(
        "ciphertrust_cluster_catchup_interval",
        "seconds the rest takes at that rate; 0 when nothing moves",
        |link| {
            let rate = link.apply_rate.max(0).unsigned_abs();
            behind(link, link.replay).checked_div(rate).unwrap_or_default().into()
        },
    );
}

fn rows_behind(page: &mut Page, peers: &[Peer]) {
    page.add(
        Kind::Gauge,
        "keystead_lag_rows",
        "rows written here that it does not have; 0 while it has what is older than 5 seconds",
        peers.iter().map(|peer| labelled("host", &peer.host, peer.rows_behind)),
    );
}

/// Bytes of this node's WAL beyond a position.
fn behind(link: &LinkFacts, position: u64) -> u64 {
    link.current.saturating_sub(position)
}

fn kept(page: &mut Page, peers: &[Peer]) {
    let of_slots = |value: fn(&Retention) -> Option<i64>| -> Vec<Sample> {
        let sample = |peer: &Peer| Some(labelled("host", &peer.host, value(peer.retention.as_ref()?)?));
        peers.iter().filter_map(sample).collect()
    };
    page.add(
        Kind::Gauge,
        "keystead_slot_kept_bytes",
        "bytes of changes kept for it",
        of_slots(|slot| Some(slot.kept)),
    );
    page.add(
        Kind::Gauge,
        "keystead_slot_left_bytes",
        "bytes that may still be written before those are given up",
        of_slots(|slot| slot.left),
    );
    page.add(
        Kind::Gauge,
        "keystead_slot_lost",
        "1 when changes it has not fetched are gone",
        of_slots(|slot| Some(i64::from(slot.lost))),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Skew;

    #[test]
    fn a_node_alone_says_what_it_can_and_leaves_out_the_rest() {
        let text = page(&Facts::default()).into_text();
        assert!(text.contains("keystead_info{version=\"\",node=\"\"} 1\n"), "{text}");
        assert!(
            !text.contains("ciphertrust_cluster") && !text.contains("keystead_join"),
            "{text}"
        );
    }

    #[test]
    fn a_peer_is_a_series_of_each_measure() {
        let link = LinkFacts {
            current: 5000,
            replay: 2000,
            replay_lag: Micros(1_500_000),
            apply_rate: 1000,
            connected_since: Some(Micros(1_000_000)),
            receiving: true,
            heard: Some(Micros(8_750_000)),
            skew: Some(Skew::measured(Micros(0), Micros(0), Micros(-20_000))),
            ..LinkFacts::default()
        };
        let peer = Peer {
            host: "10.0.0.2".to_owned(),
            link,
            rows_behind: 12,
            ..Peer::default()
        };
        let facts = Facts {
            now: Micros(9_000_000),
            peers: vec![peer],
            ..Facts::default()
        };
        let text = page(&facts).into_text();
        for line in [
            "ciphertrust_cluster_connected{host=\"10.0.0.2\"} 1",
            "ciphertrust_cluster_connect_time{host=\"10.0.0.2\"} 1.000000",
            "ciphertrust_cluster_uptime{host=\"10.0.0.2\"} 8.000000",
            "ciphertrust_cluster_replay_lag{host=\"10.0.0.2\"} 1.500000",
            "ciphertrust_cluster_replay_lag_bytes{host=\"10.0.0.2\"} 3000",
            "ciphertrust_cluster_catchup_interval{host=\"10.0.0.2\"} 3",
            "keystead_lag_rows{host=\"10.0.0.2\"} 12",
            "keystead_heartbeat_age_seconds{host=\"10.0.0.2\"} 0.250000",
            "keystead_clock_ahead_seconds{host=\"10.0.0.2\"} -0.020000",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
        }
    }
}
