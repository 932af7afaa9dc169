//! How many of a thing users can pile up by calls, and what they are told when they have.
//!
//! Each of these costs every node, or the node that it is on, something that does not come back by itself: a task and a
//! spool, a file, a role in PostgreSQL. Keys are not among them: they are what a node is for, and the disk bounds them. A
//! bound is looked at where something is made. What arrives from other nodes is taken whatever the bound says, or nodes would
//! differ; so two nodes that are apart may together make more than the bound.

use crate::error::{Error, Result};

/// A thing that is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Syslog servers of a cluster.
    SyslogServers,
    /// Backups on a node.
    Backups,
    /// Backup keys on a node.
    BackupKeys,
    /// Tickets that a member has given and no join has begun with.
    Tickets,
}

/// What there is to say of one.
struct Bound {
    most: usize,
    things: &'static str,
    way_out: &'static str,
}

impl Quota {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SyslogServers, Self::Backups, Self::BackupKeys, Self::Tickets];

    fn bound(self) -> Bound {
        let (most, things, way_out) = match self {
            Self::SyslogServers => (
                16,
                "syslog servers in this cluster",
                "every node keeps and sends messages for each: delete one that is not needed, DELETE /v1/configs/syslogs/{id}",
            ),
            Self::Backups => (
                200,
                "backups on this node",
                "download what is to be kept, then delete what is old: `ksctl backup delete`",
            ),
            Self::BackupKeys => (
                100,
                "backup keys on this node",
                "delete one that opens no backup any more: `ksctl backupkeys delete`",
            ),
            Self::Tickets => (
                60,
                "tickets of this member that no join has begun with",
                "each ends by itself 15 minutes after it was given; wait, or sign at another member",
            ),
        };
        Bound { most, things, way_out }
    }

    /// How many there may be.
    pub fn most(self) -> usize {
        self.bound().most
    }

    /// May one more be made where there are so many?
    ///
    /// # Errors
    /// A conflict that names the bound, and what to do about it.
    pub fn admits(self, there: usize) -> Result<()> {
        let Bound { most, things, way_out } = self.bound();
        if there < most {
            return Ok(());
        }
        Err(Error::conflict(format!("there are {there} {things}, and {most} is the most")).with_hint(way_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn one_is_made_up_to_the_bound_and_the_next_is_told_the_bound_and_the_way_out() {
        for quota in Quota::ALL {
            let most = quota.most();
            assert!(quota.admits(most - 1).is_ok());
            // More than the bound may have come from elsewhere.
            for there in [most, most + 5] {
                let refused = quota.admits(there).unwrap_err();
                assert_eq!(refused.kind(), Kind::Conflict);
                assert!(
                    refused.to_string().contains(&format!("{most} is the most")),
                    "{refused}"
                );
                assert!(refused.hint().is_some_and(|hint| !hint.is_empty()));
            }
        }
    }

    #[test]
    fn the_bounds_are_those_that_the_documentation_tells() {
        let told = include_str!("../docs/operations.md");
        for quota in Quota::ALL {
            let Bound { most, things, .. } = quota.bound();
            assert!(told.contains(&format!("| {things} | {most} |")), "{things}: {most}");
        }
    }
}
