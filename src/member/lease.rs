//! When members may change: only under a lease that a majority of the members has granted.
//!
//! Two majorities share a node, so two changes cannot run at once and no number is given twice. A minority side of a
//! partition cannot add or remove. Next: `appliance/src/cluster/lease.rs`, which asks the members.

use crate::error::{Error, Result};

/// How many of `members` must grant: more than half.
pub fn majority(members: usize) -> usize {
    members / 2 + 1
}

/// What the members said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Votes {
    /// How many members there are, the asking one included and a node that is being removed not.
    pub members: usize,
    /// How many granted.
    pub granted: usize,
    /// How many have granted it to somebody else.
    pub busy: usize,
}

/// Decides whether the lease is held.
///
/// # Errors
/// [`crate::Kind::ConsensusDown`], so that clients try again.
pub fn decide(votes: Votes) -> Result<()> {
    let needed = majority(votes.members);
    if votes.granted >= needed {
        return Ok(());
    }
    let why = if votes.busy > 0 {
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

    #[test]
    fn a_minority_is_refused_with_the_numbers() {
        let refused = decide(Votes {
            members: 5,
            granted: 2,
            busy: 0,
        })
        .unwrap_err()
        .to_string();
        assert_eq!(refused, "consensus is down: 2 of 5 members answer, 3 are needed");
        decide(Votes {
            members: 5,
            granted: 3,
            busy: 2,
        })
        .unwrap();
    }

    #[test]
    fn one_change_waits_for_the_other() {
        let refused = decide(Votes {
            members: 3,
            granted: 1,
            busy: 2,
        })
        .unwrap_err()
        .to_string();
        assert!(refused.contains("another change"), "{refused}");
    }
}
