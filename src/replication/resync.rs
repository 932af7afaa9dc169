//! What makes a link lose something, and when a node that was rolled back may serve again.
//!
//! Facts in, verdicts out. The looking is `appliance/src/resync/look.rs`, the mending `appliance/src/resync/mend.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::id::NodeNumber;

/// How a peer finds the slot it keeps for this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Where this node left it.
    Kept,
    /// There is none.
    Missing,
    /// It was behind by more WAL than is kept.
    Lost,
    /// It is not where this node left it: moved, consumed, or dropped and made again.
    Moved,
}

impl Kept {
    /// The value with this name in the database.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "kept" => Some(Self::Kept),
            "missing" => Some(Self::Missing),
            "lost" => Some(Self::Lost),
            "moved" => Some(Self::Moved),
            _ => None,
        }
    }

    /// Why the peer's rows must be read anew, if they must.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Kept => None,
            Self::Missing => Some(Reason::Missing),
            Self::Lost => Some(Reason::Lost),
            Self::Moved => Some(Reason::Moved),
        }
    }
}

/// Why all rows of a peer must be read anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its slot for this node is gone.
    Missing,
    /// Its slot for this node has lost its WAL.
    Lost,
    /// Its slot for this node was moved.
    Moved,
    /// Its heartbeats have a gap, so something between them is missing too.
    Gap,
    /// This node was rolled back.
    RolledBack,
}

impl Reason {
    const ALL: [Self; 5] = [Self::Missing, Self::Lost, Self::Moved, Self::Gap, Self::RolledBack];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Lost => "lost",
            Self::Moved => "moved",
            Self::Gap => "gap",
            Self::RolledBack => "rolled_back",
        }
    }

    /// The reason with this name in the database.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "its slot for this node is gone",
            Self::Lost => "its slot for this node was behind by more WAL than is kept",
            Self::Moved => "its slot for this node was moved",
            Self::Gap => "its heartbeats have a gap",
            Self::RolledBack => "this node was rolled back",
        })
    }
}

/// Peers whose rows must be read anew.
pub type Needs = BTreeMap<NodeNumber, Reason>;

/// The peers that show that this node was rolled back, beyond those from which it is catching up on that already.
///
/// `forgotten` are those that have heard what this node does not remember.
pub fn witnesses(forgotten: &BTreeSet<NodeNumber>, needs: &Needs) -> Vec<NodeNumber> {
    let known = |peer: &NodeNumber| needs.get(peer) == Some(&Reason::RolledBack);
    forgotten.iter().filter(|peer| !known(peer)).copied().collect()
}

/// May a node that was rolled back serve again?
///
/// When it has caught up with every one of `members` that answers, and with one at least: those that do not answer are
/// caught up with when they do, as after a partition. Alone, there is nobody to catch up with.
pub fn may_serve(members: &BTreeSet<NodeNumber>, answering: &BTreeSet<NodeNumber>, needs: &Needs) -> bool {
    let open = |peer: &NodeNumber| needs.get(peer) == Some(&Reason::RolledBack);
    let caught_up = members.iter().any(|peer| !open(peer));
    (members.is_empty() || caught_up) && !answering.iter().any(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[i32]) -> BTreeSet<NodeNumber> {
        numbers.iter().copied().map(NodeNumber).collect()
    }

    fn needs(rows: &[(i32, Reason)]) -> Needs {
        rows.iter().map(|(peer, reason)| (NodeNumber(*peer), *reason)).collect()
    }

    #[test]
    fn every_slot_but_a_good_one_is_a_reason_and_reasons_keep_their_names() {
        for name in ["missing", "lost", "moved"] {
            let reason = Kept::from_name(name).and_then(Kept::reason);
            assert_eq!(reason, Reason::from_name(name), "{name}");
            assert!(reason.is_some());
        }
        assert_eq!(Kept::from_name("kept").and_then(Kept::reason), None);
        for reason in Reason::ALL {
            assert_eq!(Reason::from_name(reason.as_str()), Some(reason));
        }
    }

    #[test]
    fn a_peer_that_is_being_caught_up_with_is_no_new_witness() {
        let needs = needs(&[(2, Reason::RolledBack), (3, Reason::Gap)]);
        assert_eq!(witnesses(&set(&[2, 3, 4]), &needs), [NodeNumber(3), NodeNumber(4)]);
    }

    #[test]
    fn a_rolled_back_node_serves_when_all_that_answer_are_caught_up_with() {
        let members = set(&[2, 3]);
        let open = needs(&[(2, Reason::RolledBack), (3, Reason::RolledBack)]);
        assert!(!may_serve(&members, &set(&[2, 3]), &open));
        assert!(!may_serve(&members, &set(&[]), &open), "nobody was caught up with");
        let one_left = needs(&[(3, Reason::RolledBack)]);
        assert!(!may_serve(&members, &set(&[2, 3]), &one_left));
        assert!(may_serve(&members, &set(&[2]), &one_left), "the other one is away");
        assert!(may_serve(&members, &set(&[2, 3]), &needs(&[(2, Reason::Gap)])));
        assert!(may_serve(&set(&[]), &set(&[]), &open), "all others were removed");
    }
}
