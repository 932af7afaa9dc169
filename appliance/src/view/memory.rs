//! What must be remembered between two looks: when a peer was last heard of, since when it stands still or is gone, how
//! fast it applies, and how far its clock is ahead.
//!
//! Kept by a clock that nobody sets, and told as times of the clock on the wall: a clock that is wrong, here or there,
//! makes no peer look silent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keystead::NodeNumber;
use keystead::clock::{Micros, Skew};
use keystead::replication::horizon::Seen;
use keystead::summary::LinkFacts;
use tokio::time::Instant;

/// How long a measured skew counts: six rounds of asking.
const SKEW_COUNTS: Duration = Duration::from_secs(30);

/// PostgreSQL tries twice a second to apply what fails: it is over when it has not failed for this long.
const FAILS: Duration = Duration::from_secs(5);

/// Of so many measures of one clock the one that is most certain counts.
const SKEWS: usize = 3;

/// What this node remembers of every other.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    peers: Mutex<BTreeMap<NodeNumber, Peer>>,
}

#[derive(Debug, Default)]
struct Peer {
    /// The time that its newest heartbeat carried, and when it arrived.
    beat: Option<(Micros, Instant)>,
    replay: Option<Replay>,
    /// Whether it was ever connected, and since when it is not.
    was_connected: bool,
    let_go: Option<Instant>,
    /// Errors of applying what it sends, and when there was one more.
    errors: Option<i64>,
    failed: Option<Instant>,
    skews: VecDeque<(Skew, Instant)>,
}

/// How far a peer had applied at a look.
#[derive(Debug, Clone, Copy)]
struct Replay {
    position: u64,
    looked: Instant,
    stuck_since: Option<Instant>,
    rate: i64,
}

impl Memory {
    /// Takes note of the newest heartbeats that are here, and of the links to the others.
    pub(super) fn note(&self, heartbeats: &Seen, links: &BTreeMap<NodeNumber, LinkFacts>, now: Instant) {
        let mut peers = self.peers();
        peers.retain(|number, _| links.contains_key(number));
        for (number, link) in links {
            let peer = peers.entry(*number).or_default();
            if let Some(at) = heartbeats.get(number) {
                peer.hear(*at, now);
            }
            peer.replay = Some(replay(peer.replay, link, now));
            peer.was_connected |= link.connected_since.is_some();
            if link.connected_since.is_some() {
                peer.let_go = None;
            } else if peer.was_connected {
                peer.let_go.get_or_insert(now);
            }
            if peer.errors.is_some_and(|before| link.apply_errors > before) {
                peer.failed = Some(now);
            }
            peer.errors = Some(link.apply_errors);
        }
    }

    /// Fills in what is remembered of each link.
    pub(super) fn recall(&self, links: &mut BTreeMap<NodeNumber, LinkFacts>, times: Times) {
        let peers = self.peers();
        for (number, link) in links {
            let Some(peer) = peers.get(number) else { continue };
            link.heard = peer.beat.map(|(_, arrived)| times.of(arrived));
            link.let_go = peer.let_go.map(|since| times.of(since));
            link.failing = peer.failed.is_some_and(|at| times.now.duration_since(at) < FAILS);
            link.stuck_since = peer
                .replay
                .and_then(|replay| replay.stuck_since)
                .map(|since| times.of(since));
            link.apply_rate = peer.replay.map_or(0, |replay| replay.rate);
            link.skew = peer.skew(times.now);
        }
    }

    /// When the newest heartbeat of each peer arrived.
    pub(super) fn heard(&self, times: Times) -> Seen {
        let peers = self.peers();
        let heard = peers
            .iter()
            .filter_map(|(number, peer)| Some((*number, times.of(peer.beat?.1))));
        heard.collect()
    }

    /// Takes note of how far a peer's clock is ahead.
    pub(crate) fn measured(&self, number: NodeNumber, skew: Skew) {
        // A peer that no look has met yet is measured again in a moment.
        if let Some(peer) = self.peers().get_mut(&number) {
            peer.skews.push_front((skew, Instant::now()));
            peer.skews.truncate(SKEWS);
        }
    }

    /// How far the peers' clocks are ahead, as far as that was measured lately.
    pub(crate) fn skews(&self) -> BTreeMap<NodeNumber, Skew> {
        let (peers, now) = (self.peers(), Instant::now());
        let skews = peers
            .iter()
            .filter_map(|(number, peer)| Some((*number, peer.skew(now)?)));
        skews.collect()
    }

    /// This node is in no cluster any more: numbers mean other nodes in the next one.
    pub(super) fn clear(&self) {
        self.peers().clear();
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<NodeNumber, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peer {
    fn hear(&mut self, at: Micros, now: Instant) {
        if self.beat.is_none_or(|(before, _)| before != at) {
            self.beat = Some((at, now));
        }
    }

    fn skew(&self, now: Instant) -> Option<Skew> {
        let counts = |(_, measured): &&(Skew, Instant)| now.duration_since(*measured) < SKEW_COUNTS;
        let lately = self.skews.iter().filter(counts).map(|(skew, _)| *skew);
        lately.min_by_key(|skew| skew.within)
    }
}

fn replay(before: Option<Replay>, link: &LinkFacts, now: Instant) -> Replay {
    let position = link.replay;
    let Some(before) = before else {
        return Replay {
            position,
            looked: now,
            stuck_since: None,
            rate: 0,
        };
    };
    let stands_still = position == before.position && position < link.current;
    let bytes = i64::try_from(position.saturating_sub(before.position)).unwrap_or(i64::MAX);
    let millis = i64::try_from(now.duration_since(before.looked).as_millis()).unwrap_or(i64::MAX);
    Replay {
        position,
        looked: now,
        stuck_since: stands_still.then(|| before.stuck_since.unwrap_or(before.looked)),
        rate: bytes.saturating_mul(1000) / millis.max(1),
    }
}

/// One moment by both clocks: turns what is remembered into times that people read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// By the clock that nobody sets.
    pub(super) now: Instant,
    /// By the clock on the wall.
    pub(super) wall: Micros,
}

impl Times {
    fn of(self, earlier: Instant) -> Micros {
        let ago = i64::try_from(self.now.duration_since(earlier).as_micros()).unwrap_or(i64::MAX);
        Micros(self.wall.0.saturating_sub(ago))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: NodeNumber = NodeNumber(2);
    const WALL: Micros = Micros(1_700_000_000_000_000);

    fn link(replay: u64) -> LinkFacts {
        LinkFacts {
            current: 1000,
            replay,
            ..LinkFacts::default()
        }
    }

    /// What is recalled after these looks, each at a second, with a heartbeat and a link.
    fn recalled(looks: &[(u64, i64, LinkFacts)]) -> LinkFacts {
        let (memory, start) = (Memory::default(), Instant::now());
        let mut times = Times { now: start, wall: WALL };
        for (second, beat, link) in looks {
            times.now = start + Duration::from_secs(*second);
            let links = BTreeMap::from([(PEER, link.clone())]);
            memory.note(&Seen::from([(PEER, Micros(*beat))]), &links, times.now);
        }
        let mut links = BTreeMap::from([(PEER, looks.last().unwrap().2.clone())]);
        memory.recall(&mut links, times);
        links.remove(&PEER).unwrap()
    }

    fn ago(seconds: i64) -> Micros {
        Micros(WALL.0 - seconds * 1_000_000)
    }

    #[test]
    fn speed_is_measured_between_two_looks() {
        assert_eq!(recalled(&[(0, 1, link(100)), (2, 2, link(700))]).apply_rate, 300);
    }

    #[test]
    fn a_standstill_is_dated_from_its_beginning_and_ends_with_the_first_move() {
        let still = [(0, 1, link(100)), (1, 2, link(100)), (5, 3, link(100))];
        assert_eq!(recalled(&still).stuck_since, Some(ago(5)));
        let moved = [(0, 1, link(100)), (1, 2, link(100)), (5, 3, link(101))];
        assert_eq!(recalled(&moved).stuck_since, None);
    }

    #[test]
    fn a_heartbeat_counts_from_its_arrival_whatever_time_it_carries() {
        let year = 31_536_000_000_000;
        let looks = [
            (0, WALL.0 - year, link(0)),
            (3, WALL.0 + year, link(0)),
            (7, WALL.0 + year, link(0)),
        ];
        assert_eq!(recalled(&looks).heard, Some(ago(4)));
    }

    #[test]
    fn a_peer_has_let_go_since_it_was_connected_last() {
        let connected = LinkFacts {
            connected_since: Some(WALL),
            ..link(0)
        };
        let never = [(0, 1, link(0)), (9, 2, link(0))];
        assert_eq!(recalled(&never).let_go, None);
        let gone = [(0, 1, connected.clone()), (2, 2, link(0)), (9, 3, link(0))];
        assert_eq!(recalled(&gone).let_go, Some(ago(7)));
        let back = [(0, 1, connected.clone()), (2, 2, link(0)), (9, 3, connected)];
        assert_eq!(recalled(&back).let_go, None);
    }
}
