//! What a node's status is called: one table of codes and texts.
//!
//! Source of the pairs: the status codes that current clients compare and the texts of the reference document. `m` and
//! `v` have no published text; ours say what they are. `f` is ours too.

use crate::api::cluster::Status;
use crate::join::stage::Stage;

/// A node's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeStatus {
    /// Not in a cluster.
    NotClustered,
    /// A member that takes every operation.
    Ready,
    /// A member that was rolled back to an old copy of its database and serves nobody yet, and what to do.
    Fenced(&'static str),
    /// Becoming a member.
    Joining(Stage),
    /// Recorded as a joining node while others are before it, and its place among them.
    Waiting(String),
    /// A member that this node cannot reach, and why.
    Down(String),
    /// A join that ended badly, and why.
    Killed(String),
    /// Being removed.
    Removing,
    /// No longer a member.
    Removed,
}

impl NodeStatus {
    /// The status of a node that was rolled back; `too_old` when it cannot catch up.
    pub fn fenced(too_old: bool) -> Self {
        Self::Fenced(if too_old {
            "this node was rolled back to a copy of its database that is too old to catch up: remove it on another \
             member, run `ksctl cluster delete` on it, then join it again"
        } else {
            "this node was rolled back to an old copy of its database; it reads what it lacks from the members that \
             answer, and then serves again by itself"
        })
    }

    /// The status of a node that joins: `place` counts from 1, whose turn it is.
    pub fn joining(stage: Stage, place: Option<usize>) -> Self {
        match place {
            Some(place @ 2..) if stage == Stage::Creating => {
                Self::Waiting(format!("waiting: place {place} among the nodes that join"))
            }
            _ => Self::Joining(stage),
        }
    }

    /// The short form that programs compare.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotClustered | Self::Joining(Stage::Idle) => "none",
            Self::Ready | Self::Joining(Stage::Ready) => "r",
            Self::Fenced(_) => "f",
            Self::Joining(Stage::Creating) | Self::Waiting(_) => "creating",
            Self::Joining(Stage::Bootstrapping) => "b",
            Self::Joining(Stage::InitialSync) => "i",
            Self::Joining(Stage::CatchingUp) => "c",
            Self::Joining(Stage::Completing) => "o",
            Self::Down(_) => "d",
            Self::Killed(_) | Self::Joining(Stage::Killed) => "k",
            Self::Removing => "m",
            Self::Removed => "v",
        }
    }

    /// The long form that people read.
    pub fn description(&self) -> &'static str {
        match self.code() {
            "r" => "ready",
            "creating" => "joining: creating (1/5)",
            "b" => "joining: bootstrapping (2/5)",
            "i" => "joining: initial sync (3/5)",
            "c" => "joining: catching up (4/5)",
            "o" => "joining: completing (5/5)",
            "d" => "down",
            "f" => "fenced",
            "k" => "killed",
            "m" => "removing",
            "v" => "removed",
            _ => "not clustered",
        }
    }

    /// Why, when the status is not a good one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Down(reason) | Self::Killed(reason) | Self::Waiting(reason) => Some(reason),
            Self::Fenced(reason) => Some(reason),
            Self::Removed => Some(
                "this node was removed from its cluster; run `ksctl cluster delete` on it, then it can join again or \
                 make a cluster of its own; `ksctl cluster orphans` shows what only it has",
            ),
            Self::NotClustered | Self::Ready | Self::Joining(_) | Self::Removing => None,
        }
    }
}

impl From<NodeStatus> for Status {
    fn from(status: NodeStatus) -> Self {
        Self {
            code: status.code().to_owned(),
            description: status.description().to_owned(),
            reason: status.reason().map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_those_of_the_reference() {
        let pairs = [
            (NodeStatus::NotClustered, "none", "not clustered"),
            (NodeStatus::Ready, "r", "ready"),
            (
                NodeStatus::Joining(Stage::Creating),
                "creating",
                "joining: creating (1/5)",
            ),
            (
                NodeStatus::Joining(Stage::Bootstrapping),
                "b",
                "joining: bootstrapping (2/5)",
            ),
            (
                NodeStatus::Joining(Stage::InitialSync),
                "i",
                "joining: initial sync (3/5)",
            ),
            (
                NodeStatus::Joining(Stage::CatchingUp),
                "c",
                "joining: catching up (4/5)",
            ),
            (NodeStatus::Joining(Stage::Completing), "o", "joining: completing (5/5)"),
            (NodeStatus::Down(String::new()), "d", "down"),
            (NodeStatus::Killed(String::new()), "k", "killed"),
            (NodeStatus::fenced(false), "f", "fenced"),
            (
                NodeStatus::joining(Stage::Creating, Some(2)),
                "creating",
                "joining: creating (1/5)",
            ),
        ];
        for (status, code, text) in pairs {
            assert_eq!((status.code(), status.description()), (code, text));
        }
    }

    #[test]
    fn a_node_that_waits_for_its_turn_says_its_place() {
        let waiting = NodeStatus::joining(Stage::Creating, Some(3));
        assert!(
            waiting
                .reason()
                .is_some_and(|reason| reason.starts_with("waiting: place 3"))
        );
        for (stage, place) in [
            (Stage::Creating, Some(1)),
            (Stage::Creating, None),
            (Stage::InitialSync, Some(2)),
        ] {
            assert_eq!(NodeStatus::joining(stage, place).reason(), None);
        }
    }
}
