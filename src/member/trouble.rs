//! What is wrong with the link to a peer, by name, with the words and the way out.
//!
//! Pure: [`crate::summary`] decides which one it is, from what `appliance/src/view/` observed.

use serde::{Deserialize, Serialize};

/// What is wrong with a link. Programs compare the names, so they are never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Trouble {
    /// Nothing of it arrives, and what an attempt to reach it comes to is not known yet.
    Silent,
    /// No connection to it can be made.
    Unreachable,
    /// One of the two does not believe the other's certificate, or does not admit it.
    Refused,
    /// Its PostgreSQL answers, and nothing new of it arrives here: its agent does not run, or what it sends stands still.
    AgentSilent,
    /// Its PostgreSQL answers, and this node's subscription to it does not work.
    NotReceiving,
    /// Its PostgreSQL answers and sends, and what it sends cannot be applied here: the fault is this node's.
    NotApplying,
    /// Something of it was lost, and all its rows are read anew: until then its heartbeats do not count.
    Resynchronising,
    /// It is heard, and does not fetch this node's changes.
    NotFetching,
    /// It is connected, behind, and applies nothing.
    ReplicationBlocked,
    /// This node itself was removed.
    Removed,
    /// What an older version saw, in words only.
    #[serde(other)]
    Unknown,
}

impl Trouble {
    /// What is wrong, in words, when no attempt to reach the peer has better ones.
    pub fn words(self) -> &'static str {
        match self {
            Self::Silent => "no heartbeat of it has arrived for 8 seconds",
            Self::Unreachable => "it cannot be reached",
            Self::Refused => "it and this node do not believe each other",
            Self::AgentSilent => {
                "its PostgreSQL answers, and no heartbeat of it arrives: its keysteadd does not run, or what it sends stands still"
            }
            Self::NotReceiving => "this node does not receive its changes, although its PostgreSQL answers",
            Self::NotApplying => "this node cannot apply its changes, which wait and are not skipped",
            Self::Resynchronising => "some of its changes were lost: all its rows are read anew",
            Self::NotFetching => "it does not fetch this node's changes",
            Self::ReplicationBlocked => "it is connected and does not apply this node's changes",
            Self::Removed => "this node was removed from the cluster",
            Self::Unknown => "it is down",
        }
    }

    /// The way out.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Silent | Self::Unreachable => {
                "check that the node is up and that no firewall blocks its port in either direction"
            }
            Self::Refused => {
                "one of the two may have been removed: `ksctl cluster nodes list` on both; check both clocks and when \
                 the certificates end"
            }
            Self::AgentSilent => "check `systemctl status keysteadd` on it",
            Self::NotReceiving => {
                "read pg-log/ on this node, which says why its subscription fails; `ksctl cluster links` shows its parts"
            }
            Self::NotApplying => {
                "`ksctl alarms list --state on` names what refuses them: undo what was done to this node's tables"
            }
            Self::Resynchronising => "nothing; `ksctl alarms list --state on` shows that it goes on",
            Self::NotFetching => {
                "read pg-log/ on it, and check that it reaches this node: a firewall may block one direction"
            }
            Self::ReplicationBlocked => {
                "read pg-log/ on it: its disk is full, or an apply worker fails and starts again"
            }
            Self::Removed => {
                "run `ksctl cluster delete` on it, then it can join again; `ksctl cluster orphans` shows what only it has"
            }
            Self::Unknown => "`ksctl cluster summary` on both nodes says more",
        }
    }
}

/// How an attempt to reach a peer failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it was.
    pub trouble: Trouble,
    /// In words.
    pub text: String,
    /// The way out.
    pub hint: Option<String>,
    /// The whole chain of causes, as the programs below said it.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_programs_compare_do_not_change() {
        let names: Vec<String> = [
            Trouble::Silent,
            Trouble::Unreachable,
            Trouble::Refused,
            Trouble::AgentSilent,
            Trouble::NotReceiving,
            Trouble::NotApplying,
            Trouble::Resynchronising,
            Trouble::NotFetching,
            Trouble::ReplicationBlocked,
            Trouble::Removed,
        ]
        .iter()
        .map(|trouble| serde_json::to_string(trouble).unwrap())
        .collect();
        assert_eq!(
            names.join(" "),
            r#""silent" "unreachable" "refused" "agentSilent" "notReceiving" "notApplying" "resynchronising" "notFetching" "replicationBlocked" "removed""#
        );
        let newer: Trouble = serde_json::from_str("\"somethingNewer\"").unwrap();
        assert_eq!(newer, Trouble::Unknown);
    }
}
