//! What PostgreSQL is told of whom a waiting commit waits for: the value of `synchronous_standby_names`.
//!
//! Decides who is named, and how one value is exchanged for another so that no commit is let go by fewer than it was to
//! wait for. It writes no file: that is `appliance/src/acknowledge/standbys.rs`.

use std::collections::BTreeSet;

use super::names;
use crate::member::roster::{Member, Roster};

/// Nobody is called so. The value is never empty: with an empty one PostgreSQL would not wait at all, and say nothing.
const NOBODY: &str = "keystead_nobody";

/// Any `quorum` of these links must have confirmed a commit that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standbys {
    quorum: u8,
    links: BTreeSet<String>,
}

/// How a value is exchanged for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// It is the wanted one.
    None,
    /// In one step: what the old one lets go, the new one would too.
    AtOnce,
    /// First nobody is named, then the wanted ones. Each process of PostgreSQL reads its settings when it gets to it; in
    /// between, one that still has the old value could let a commit go that the new one would hold.
    ThroughNobody,
}

impl Standbys {
    /// Nobody can let a commit go.
    pub fn nobody() -> Self {
        Self {
            quorum: 1,
            links: BTreeSet::from([NOBODY.to_owned()]),
        }
    }

    /// Any `quorum` of the members beside `me`. A node that joins or leaves does not count: its disk may be wiped.
    pub fn of(roster: &Roster, me: &Member, quorum: u8) -> Self {
        let links: BTreeSet<String> = roster
            .ready_peers(&me.id)
            .map(|peer| names::link(me.number, peer.number))
            .collect();
        if links.is_empty() {
            return Self::nobody();
        }
        Self {
            quorum: quorum.max(1),
            links,
        }
    }

    /// The value as PostgreSQL has it.
    pub fn value(&self) -> String {
        let links: Vec<String> = self.links.iter().map(|link| format!("\"{link}\"")).collect();
        format!("ANY {} ({})", self.quorum, links.join(", "))
    }

    /// Reads a value back. `None` for one that is not of ours.
    pub fn parse(value: &str) -> Option<Self> {
        let (quorum, links) = value.strip_prefix("ANY ")?.strip_suffix(')')?.split_once(" (")?;
        let link = |quoted: &str| Some(quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned());
        Some(Self {
            quorum: quorum.parse().ok()?,
            links: links.split(", ").map(link).collect::<Option<_>>()?,
        })
    }

    /// How this value is exchanged for `wanted`.
    pub fn exchange(current: Option<&Self>, wanted: &Self) -> Exchange {
        match current {
            Some(current) if current == wanted => Exchange::None,
            // It may be the first half of an exchange that was cut off, so its end is not known to have been reached.
            Some(current) if *current == Self::nobody() => Exchange::ThroughNobody,
            Some(current) if current.is_no_weaker_than(wanted) => Exchange::AtOnce,
            _ => Exchange::ThroughNobody,
        }
    }

    fn is_no_weaker_than(&self, wanted: &Self) -> bool {
        self.quorum >= wanted.quorum && self.links.is_subset(&wanted.links)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::NodeNumber;
    use crate::join::request::Address;
    use crate::join::stage::Stage;
    use crate::member::roster::NodeState;

    fn standbys(quorum: u8, links: &[&str]) -> Standbys {
        Standbys {
            quorum,
            links: links.iter().map(|link| (*link).to_owned()).collect(),
        }
    }

    #[test]
    fn the_value_is_as_postgresql_reads_it() {
        let value = standbys(1, &["keystead_1_to_2", "keystead_1_to_3"]).value();
        assert_eq!(value, r#"ANY 1 ("keystead_1_to_2", "keystead_1_to_3")"#);
        assert_eq!(Standbys::parse("*"), None);
        assert_eq!(Standbys::parse(""), None);
        assert_eq!(Standbys::parse("ANY 1 (a)"), None);
    }

    fn node(n: i32, state: NodeState) -> Member {
        Member {
            id: format!("{n:032x}").parse().unwrap(),
            number: NodeNumber(n),
            address: Address {
                host: format!("h{n}"),
                port: 5432,
            },
            public_address: String::new(),
            state,
            stage: Stage::Ready,
            serial: String::new(),
            row_version: 1,
        }
    }

    #[test]
    fn members_count_and_those_that_join_or_leave_do_not() {
        let states = [
            NodeState::Ready,
            NodeState::Ready,
            NodeState::Joining,
            NodeState::Removing,
            NodeState::Removed,
        ];
        let roster = Roster {
            nodes: (1..).zip(states).map(|(n, state)| node(n, state)).collect(),
        };
        let of_first = Standbys::of(&roster, &node(1, NodeState::Ready), 1);
        assert_eq!(of_first, standbys(1, &["keystead_1_to_2"]));
    }

    #[test]
    fn a_node_without_others_waits_for_nobody_rather_than_not_at_all() {
        let roster = Roster {
            nodes: vec![node(1, NodeState::Ready)],
        };
        let alone = Standbys::of(&roster, &node(1, NodeState::Ready), 1);
        assert_eq!(alone.value(), r#"ANY 1 ("keystead_nobody")"#);
    }

    #[test]
    fn what_only_grows_is_exchanged_at_once_and_what_could_let_go_too_early_is_not() {
        let (two, three) = (standbys(1, &["a"]), standbys(1, &["a", "b"]));
        assert_eq!(Standbys::exchange(Some(&two), &two), Exchange::None);
        assert_eq!(Standbys::exchange(Some(&two), &three), Exchange::AtOnce, "one more");
        assert_eq!(
            Standbys::exchange(Some(&standbys(2, &["a", "b"])), &three),
            Exchange::AtOnce,
            "fewer to wait for"
        );
        assert_eq!(
            Standbys::exchange(Some(&three), &two),
            Exchange::ThroughNobody,
            "one that left"
        );
        assert_eq!(
            Standbys::exchange(Some(&three), &standbys(2, &["a", "b"])),
            Exchange::ThroughNobody,
            "more to wait for"
        );
    }

    #[test]
    fn an_exchange_that_was_cut_off_is_gone_through_again() {
        let wanted = standbys(1, &["a"]);
        assert_eq!(
            Standbys::exchange(Some(&Standbys::nobody()), &wanted),
            Exchange::ThroughNobody
        );
        assert_eq!(Standbys::exchange(None, &wanted), Exchange::ThroughNobody);
    }

    /// Would these let a commit go that exactly `have` have?
    fn lets_go(standbys: &Standbys, have: &BTreeSet<String>) -> bool {
        standbys.links.intersection(have).count() >= usize::from(standbys.quorum)
    }

    fn any_standbys() -> impl Strategy<Value = Standbys> {
        let links = proptest::sample::subsequence(vec!["a", "b", "c", "d"], 1..=4);
        (1..=4_u8, links).prop_map(|(quorum, links)| standbys(quorum, &links))
    }

    proptest! {
        #[test]
        fn a_value_is_read_back_as_it_was_written(one in any_standbys()) {
            prop_assert_eq!(Standbys::parse(&one.value()), Some(one));
        }

        #[test]
        fn during_an_exchange_at_once_nothing_is_let_go_that_the_new_one_would_hold(
            old in any_standbys(), new in any_standbys(),
            have in proptest::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4),
        ) {
            let have = have.into_iter().map(str::to_owned).collect();
            if Standbys::exchange(Some(&old), &new) == Exchange::AtOnce {
                prop_assert!(!lets_go(&old, &have) || lets_go(&new, &have));
            }
        }
    }
}
