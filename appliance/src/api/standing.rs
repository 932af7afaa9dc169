//! Which calls a node takes, by its standing in a cluster. Next: `auth.rs`, which asks this for every call.

use keystead::member::status::NodeStatus;
use keystead::{Error, Result};

use crate::agent::Standing;
use crate::backup;

/// May this node answer from its accounts and keys? While it joins they are being exchanged for the cluster's.
pub(crate) fn may_read(standing: Standing) -> Result<()> {
    match standing {
        Standing::Joining => Err(Error::unavailable("this node is joining a cluster")
            .with_hint("`ksctl cluster info` shows how far it is; the members take every operation meanwhile")),
        Standing::Fenced => Err(rolled_back()),
        Standing::Restoring => Err(Error::unavailable("a backup is being restored on this node")
            .with_hint("`ksctl backup status` shows it; try again when it has ended")),
        Standing::Alone | Standing::Member | Standing::Killed | Standing::Removed => Ok(()),
    }
}

/// May users log in? On a node that was rolled back too, to see how it is, and on one that joins, to watch the join or to
/// end it: its data they do not see.
pub(crate) fn may_log_in(standing: Standing) -> Result<()> {
    match standing {
        Standing::Fenced | Standing::Joining | Standing::Restoring => Ok(()),
        other => may_read(other),
    }
}

/// What was deleted since is still there, and what was written since is not.
fn rolled_back() -> Error {
    Error::unavailable("this node was rolled back to an old copy of its data and has not caught up yet")
        .with_hint("`ksctl cluster info` on it says more; the other members take every operation meanwhile")
}

/// May this node change anything? What a removed node writes would reach nobody.
pub(crate) fn may_write(standing: Standing) -> Result<()> {
    may_read(standing)?;
    match standing {
        Standing::Removed => Err(Error::conflict("this node was removed from its cluster")
            .with_hint(NodeStatus::Removed.reason().unwrap_or_default())),
        Standing::Restoring
        | Standing::Joining
        | Standing::Fenced
        | Standing::Alone
        | Standing::Member
        | Standing::Killed => Ok(()),
    }
}

/// May this node be brought into a cluster? While its data is replaced it may not, and trying again does not help: whoever
/// began the restore decides what follows.
pub(crate) fn may_enter(standing: Standing) -> Result<()> {
    match standing {
        Standing::Restoring => Err(backup::restoring()),
        other => may_write(other),
    }
}

/// Is traffic of users to be sent here? Reads and writes on a killed node are on none of the members.
pub(crate) fn may_take_traffic(standing: Standing) -> Result<()> {
    may_write(standing)?;
    match standing {
        Standing::Killed => Err(Error::unavailable("this node's join has failed")
            .with_hint("`ksctl cluster info` shows why; join again, or clear it with `ksctl cluster delete`")),
        Standing::Restoring
        | Standing::Joining
        | Standing::Fenced
        | Standing::Removed
        | Standing::Alone
        | Standing::Member => Ok(()),
    }
}

/// Are tokens of the node's former life still good for watching? A join exchanges the token key under its user.
pub(crate) fn takes_former_tokens(standing: Standing) -> bool {
    matches!(standing, Standing::Joining | Standing::Killed)
}

#[cfg(test)]
mod tests {
    use keystead::Kind;

    use super::*;

    #[test]
    fn a_joining_node_takes_neither_reads_nor_writes_and_says_where_to_look() {
        for refused in [may_read(Standing::Joining), may_write(Standing::Joining)] {
            let refused = refused.unwrap_err();
            assert_eq!(refused.kind(), Kind::Unavailable);
            assert!(refused.hint().is_some_and(|hint| hint.contains("ksctl cluster info")));
        }
    }

    #[test]
    fn a_node_that_restores_serves_nobody_and_enters_no_cluster() {
        may_log_in(Standing::Restoring).unwrap();
        for refused in [may_read(Standing::Restoring), may_write(Standing::Restoring)] {
            assert_eq!(refused.unwrap_err().kind(), Kind::Unavailable);
        }
        assert_eq!(may_enter(Standing::Restoring).unwrap_err().kind(), Kind::Conflict);
        may_enter(Standing::Alone).unwrap();
    }

    #[test]
    fn a_rolled_back_node_and_a_joining_one_let_users_log_in_and_neither_read_nor_write() {
        may_log_in(Standing::Fenced).unwrap();
        for refused in [may_read(Standing::Fenced), may_write(Standing::Fenced)] {
            assert_eq!(refused.unwrap_err().kind(), Kind::Unavailable);
        }
        may_log_in(Standing::Joining).unwrap();
    }

    #[test]
    fn a_removed_node_takes_reads_alone_and_says_the_way_out() {
        may_read(Standing::Removed).unwrap();
        let refused = may_write(Standing::Removed).unwrap_err();
        assert_eq!(refused.kind(), Kind::Conflict);
        assert!(refused.hint().is_some_and(|hint| hint.contains("ksctl cluster delete")));
    }

    #[test]
    fn traffic_is_for_members_and_for_nodes_that_are_alone() {
        for (standing, takes) in [
            (Standing::Alone, true),
            (Standing::Member, true),
            (Standing::Restoring, false),
            (Standing::Joining, false),
            (Standing::Fenced, false),
            (Standing::Killed, false),
            (Standing::Removed, false),
        ] {
            assert_eq!(may_take_traffic(standing).is_ok(), takes, "{standing:?}");
        }
        // Its administrator goes on with it all the same.
        may_write(Standing::Killed).unwrap();
    }

    #[test]
    fn former_tokens_are_good_while_a_join_runs_or_has_failed() {
        let good: Vec<bool> = [
            Standing::Alone,
            Standing::Member,
            Standing::Removed,
            Standing::Joining,
            Standing::Killed,
        ]
        .map(takes_former_tokens)
        .to_vec();
        assert_eq!(good, [false, false, false, true, true]);
    }
}
