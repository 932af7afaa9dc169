//! The exchange of the cluster's authority, without a moment in which two members refuse each other.
//!
//! A new authority stands beside the old one until everybody has what it needs:
//!
//! 1. every live node believes both; the old one signs;
//! 2. the new one signs, and every live node renews its certificate;
//! 3. the old one goes.
//!
//! Nothing steers this. Each step follows from what the nodes say of themselves ([`Told`]), so it may be interrupted
//! anywhere, waits for a node that is away for as long as it takes, and needs no majority. A node that is removed is not
//! waited for.

use std::collections::BTreeMap;

use super::Told;
use crate::id::NodeId;
use crate::member::roster::{Member, Roster};

/// What is known of the authorities.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The fingerprints of the authorities, the oldest first.
    authorities: Vec<String>,
    /// What the nodes say that are in or on their way in; `None` of one that has not said anything.
    live: Vec<(NodeId, Option<Told>)>,
}

/// What a node must do before the exchange goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Believe the new authority.
    Trust,
    /// Get a certificate from it.
    Renewal,
}

impl Exchange {
    /// From the authorities' fingerprints, the oldest first, and what the nodes of `roster` say.
    pub fn new(authorities: Vec<String>, roster: &Roster, told: &BTreeMap<NodeId, Told>) -> Self {
        let of = |node: &Member| (node.id.clone(), told.get(&node.id).cloned());
        Self {
            authorities,
            live: roster.live().map(of).collect(),
        }
    }

    /// Are there two authorities?
    pub fn is_running(&self) -> bool {
        self.authorities.len() > 1
    }

    /// The authority that issues certificates: the newest that every live node believes.
    ///
    /// One that has issued a certificate to a live node was believed by all then, so it stays: a node that has joined
    /// since does not turn the others back.
    pub fn signing(&self) -> Option<&str> {
        let signs = |authority: &&String| {
            let issued = |told: &Told| told.authority == **authority;
            self.all_believe(authority) || self.live.iter().any(|(_, told)| told.as_ref().is_some_and(issued))
        };
        let newest = self.authorities.iter().rev().find(signs);
        newest.or(self.authorities.first()).map(String::as_str)
    }

    /// Whom the exchange waits for, and for what; nobody when none runs.
    pub fn waits_for(&self) -> Vec<(NodeId, Wanted)> {
        let Some(newest) = self.authorities.last().filter(|_| self.is_running()) else {
            return Vec::new();
        };
        let wanted = |told: Option<&Told>| match told {
            Some(told) if told.authority == *newest => None,
            Some(told) if told.trusts.contains(newest) => Some(Wanted::Renewal),
            _ => Some(Wanted::Trust),
        };
        let waiting = |(id, told): &(NodeId, Option<Told>)| wanted(told.as_ref()).map(|wanted| (id.clone(), wanted));
        self.live.iter().filter_map(waiting).collect()
    }

    /// The authorities that nobody needs any more.
    pub fn outlived(&self) -> &[String] {
        match self.authorities.split_last() {
            Some((_, former)) if self.waits_for().is_empty() => former,
            _ => &[],
        }
    }

    fn all_believe(&self, authority: &String) -> bool {
        let believes = |told: &Told| told.trusts.contains(authority);
        self.live.iter().all(|(_, told)| told.as_ref().is_some_and(believes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::NodeNumber;
    use crate::join::request::Address;
    use crate::join::stage::Stage;
    use crate::member::roster::NodeState;

    fn id(n: i32) -> NodeId {
        format!("{n:032x}").parse().unwrap()
    }

    fn roster(states: &[NodeState]) -> Roster {
        let node = |(n, state): (i32, &NodeState)| Member {
            id: id(n),
            number: NodeNumber(n),
            address: Address {
                host: format!("h{n}"),
                port: 5432,
            },
            public_address: String::new(),
            state: *state,
            stage: Stage::Ready,
            serial: String::new(),
            row_version: 1,
        };
        Roster {
            nodes: (1..).zip(states).map(node).collect(),
        }
    }

    /// Nodes 1, 2 and so on, each with the issuer of its certificate and whom it believes.
    fn told(nodes: &[(&str, &[&str])]) -> BTreeMap<NodeId, Told> {
        let told = |(n, (authority, trusts)): (i32, &(&str, &[&str]))| {
            let told = Told {
                serial: n.to_string(),
                authority: (*authority).to_owned(),
                not_before: 0,
                not_after: 100,
                renewed_from: 50,
                trusts: trusts.iter().map(|&name| name.to_owned()).collect(),
                names_node: true,
                former: Vec::new(),
            };
            (id(n), told)
        };
        (1..).zip(nodes).map(told).collect()
    }

    fn exchange(authorities: &[&str], states: &[NodeState], nodes: &[(&str, &[&str])]) -> Exchange {
        let authorities = authorities.iter().map(|&name| name.to_owned()).collect();
        Exchange::new(authorities, &roster(states), &told(nodes))
    }

    const OLD: (&str, &[&str]) = ("old", &["old"]);
    const BOTH: (&str, &[&str]) = ("old", &["old", "new"]);
    const RENEWED: (&str, &[&str]) = ("new", &["old", "new"]);
    const TWO: [NodeState; 2] = [NodeState::Ready; 2];

    #[test]
    fn without_an_exchange_the_one_authority_signs_and_nobody_is_waited_for() {
        let alone = exchange(&["old"], &TWO, &[OLD]);
        assert_eq!(alone.signing(), Some("old"));
        assert!(!alone.is_running() && alone.waits_for().is_empty() && alone.outlived().is_empty());
    }

    #[test]
    fn the_new_authority_signs_when_every_node_believes_it() {
        let waits = exchange(&["old", "new"], &TWO, &[BOTH, OLD]);
        assert_eq!(waits.signing(), Some("old"));
        assert_eq!(
            waits.waits_for(),
            [(id(1), Wanted::Renewal), (id(2), Wanted::Trust)],
            "the first goes on as soon as the second believes"
        );
        assert_eq!(exchange(&["old", "new"], &TWO, &[BOTH, BOTH]).signing(), Some("new"));
    }

    #[test]
    fn the_old_authority_goes_when_every_node_has_renewed_and_not_before() {
        let waits = exchange(&["old", "new"], &TWO, &[RENEWED, BOTH]);
        assert_eq!(waits.waits_for(), [(id(2), Wanted::Renewal)]);
        assert!(waits.outlived().is_empty());
        assert_eq!(exchange(&["old", "new"], &TWO, &[RENEWED, RENEWED]).outlived(), ["old"]);
    }

    #[test]
    fn a_node_that_has_said_nothing_is_waited_for_unless_it_was_removed() {
        let joining = [NodeState::Ready, NodeState::Joining];
        let waits = exchange(&["old", "new"], &joining, &[BOTH]);
        assert_eq!((waits.signing(), waits.outlived().len()), (Some("old"), 0));
        let removed = [NodeState::Ready, NodeState::Removed];
        assert_eq!(exchange(&["old", "new"], &removed, &[BOTH]).signing(), Some("new"));
    }

    #[test]
    fn a_node_that_comes_in_later_does_not_turn_the_others_back() {
        let joining = [NodeState::Ready, NodeState::Joining];
        let goes_on = exchange(&["old", "new"], &joining, &[RENEWED]);
        assert_eq!(goes_on.signing(), Some("new"));
        assert!(
            goes_on.outlived().is_empty(),
            "it may hold a certificate of the old one"
        );
    }

    /// Whatever order the nodes act in, no two of them ever refuse each other, and the old authority goes in the end.
    #[test]
    fn in_every_order_of_steps_each_node_believes_every_certificate() {
        fn go(states: &[(bool, bool)]) -> usize {
            let nodes: Vec<(&str, &[&str])> = states
                .iter()
                .map(|state| match state {
                    (false, _) => OLD,
                    (true, false) => BOTH,
                    (true, true) => RENEWED,
                })
                .collect();
            let now = exchange(&["old", "new"], &[NodeState::Ready; 3], &nodes);
            for (_, one) in told(&nodes) {
                for (_, other) in told(&nodes) {
                    let believed = other.trusts.contains(&one.authority);
                    assert!(believed, "{states:?}");
                }
            }
            let mut ends = usize::from(!now.outlived().is_empty());
            for node in 0..states.len() {
                let mut next = states.to_vec();
                match next[node] {
                    (false, _) => next[node].0 = true,
                    (true, false) if now.signing() == Some("new") => next[node].1 = true,
                    _ => continue,
                }
                ends += go(&next);
            }
            ends
        }
        // 3! orders of believing, then 3! of renewing; each ends with the old one gone.
        assert_eq!(go(&[(false, false); 3]), 36);
    }
}
