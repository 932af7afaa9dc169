//! When members may change: only under a lease that a majority of the members has granted.
//!
//! Two majorities share a node, so two changes cannot run at once and no number is given twice. A minority side of a
//! partition cannot add or remove, and neither can a half: a node that is being removed has no vote and is counted all the
//! same. Next: `appliance/src/cluster/lease.rs`, which asks the members.

use crate::error::{Error, Result};

/// How many of `members` must grant: more than half.
pub fn majority(members: usize) -> usize {
    members / 2 + 1
}

/// How many of `members` must grant the removal of one of them, which itself has no vote.
///
/// Of two, each may remove the other, for nobody else could remove a dead one.
pub fn majority_for_removal(members: usize) -> usize {
    if members == 2 { 1 } else { majority(members) }
}

/// What the members said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Votes {
    /// How many members there are.
    pub members: usize,
    /// How many must grant.
    pub needed: usize,
    /// How many granted.
    pub granted: usize,
    /// How many have granted it to somebody else.
    pub busy: usize,
    /// Has the other one of two members granted it to somebody else, or does it not take the asking one for a member? Its
    /// vote is not needed, its no is heard: two that remove each other at once must not both succeed.
    pub vetoed: bool,
}

/// Decides whether the lease is held.
///
/// # Errors
/// [`crate::Kind::ConsensusDown`], so that clients try again.
pub fn decide(votes: Votes) -> Result<()> {
    let Votes { needed, vetoed, .. } = votes;
    if votes.granted >= needed && !vetoed {
        return Ok(());
    }
    let why = if votes.busy > 0 || vetoed {
        "another change of members is running".to_owned()
    } else {
        format!(
            "{} of {} members answer, {needed} are needed",
            votes.granted, votes.members
        )
    };
    Err(Error::consensus_down(why).with_hint("try again in a few seconds; `ksctl cluster summary` shows who is away"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_majorities_always_share_a_member() {
        for members in 1..=20 {
            assert!(2 * majority(members) > members, "{members}");
        }
    }

    fn votes(members: usize, needed: usize, granted: usize, busy: usize) -> Votes {
        Votes {
            members,
            needed,
            granted,
            busy,
            vetoed: false,
        }
    }

    #[test]
    fn the_sides_of_a_partition_cannot_both_remove_a_node_of_the_other() {
        for members in 3..=20 {
            for side in 1..members {
                let may = |side: usize| side >= majority_for_removal(members);
                assert!(!(may(side) && may(members - side)), "{side} of {members}");
            }
            let removals = majority_for_removal(members);
            assert!(
                removals + majority(members) > members,
                "a join beside a removal: {members}"
            );
            assert!(removals < members, "one dead node can be removed: {members}");
        }
    }

    #[test]
    fn of_two_members_the_living_one_removes_the_dead_one_and_not_while_it_is_itself_being_removed() {
        let alone = votes(2, majority_for_removal(2), 1, 0);
        decide(alone).unwrap();
        let vetoed = Votes { vetoed: true, ..alone };
        let refused = decide(vetoed).unwrap_err().to_string();
        assert!(refused.contains("another change"), "{refused}");
    }

    #[test]
    fn a_minority_is_refused_with_the_numbers() {
        let refused = decide(votes(5, 3, 2, 0)).unwrap_err().to_string();
        assert_eq!(refused, "consensus is down: 2 of 5 members answer, 3 are needed");
        decide(votes(5, 3, 3, 2)).unwrap();
    }

    #[test]
    fn one_change_waits_for_the_other() {
        let refused = decide(votes(3, 2, 1, 2)).unwrap_err().to_string();
        assert!(refused.contains("another change"), "{refused}");
    }
}
