//! Who may be removed, by whom, and who may leave.
//!
//! Next: `appliance/src/cluster/removal.rs` carries a removal out.

use super::roster::{NodeState, Roster};
use super::status::NodeStatus;
use crate::error::{Error, Result};
use crate::id::NodeId;

/// Decides whether `me` may remove `id`.
///
/// # Errors
/// Removing oneself, a node that is not there or already gone, and being removed oneself.
pub fn may_remove(roster: &Roster, me: &NodeId, id: &NodeId) -> Result<()> {
    if me == id {
        return Err(Error::conflict("a node cannot remove itself")
            .with_hint("run the command on another member, or `ksctl cluster delete` on the last node"));
    }
    if roster.find(me).is_none_or(|node| node.state >= NodeState::Removing) {
        return Err(Error::conflict("this node was removed from its cluster").with_hint("run the command on a member"));
    }
    match roster.find(id).map(|node| node.state) {
        Some(NodeState::Joining | NodeState::Ready | NodeState::Removing) => Ok(()),
        Some(NodeState::Removed) | None => Err(Error::not_found(format_args!("no node {id} in this cluster"))),
    }
}

/// Decides whether a node with `status` may drop its cluster configuration.
///
/// # Errors
/// A member of a cluster that has other nodes must be removed by another member first.
pub fn may_leave(status: &NodeStatus, roster: &Roster, me: &NodeId) -> Result<()> {
    match status {
        // A fenced node serves nobody: the others see it as down, and remove it.
        NodeStatus::Killed(_) | NodeStatus::Removed | NodeStatus::Fenced(_) => Ok(()),
        NodeStatus::NotClustered => Err(Error::conflict("this node is not in a cluster")),
        NodeStatus::Joining(_) | NodeStatus::Waiting(_) => Err(still_joining()),
        NodeStatus::Ready | NodeStatus::Down(_) | NodeStatus::Removing => match roster.peers(me).count() {
            0 => Ok(()),
            others => Err(
                Error::conflict(format!("this node is a member of a cluster with {others} other nodes"))
                    .with_hint("remove it on another member first: `ksctl cluster nodes delete --id …`"),
            ),
        },
    }
}

/// Nothing else is done to a node while its join runs.
pub fn still_joining() -> Error {
    Error::conflict("this node is joining a cluster").with_hint("`ksctl cluster delete` on it ends the join")
}

#[cfg(test)]
mod tests {
    use super::super::roster::Member;
    use super::*;
    use crate::id::NodeNumber;
    use crate::join::request::Address;

    fn id(n: i32) -> NodeId {
        format!("{n:032x}").parse().unwrap()
    }

    fn roster(states: &[NodeState]) -> Roster {
        let member = |(n, state): (i32, &NodeState)| Member {
            id: id(n),
            number: NodeNumber(n),
            address: Address {
                host: "h".to_owned(),
                port: 5432,
            },
            public_address: String::new(),
            state: *state,
            stage: crate::join::stage::Stage::Creating,
            serial: String::new(),
            row_version: 1,
        };
        Roster {
            nodes: (1..).zip(states).map(member).collect(),
        }
    }

    #[test]
    fn a_node_does_not_remove_itself_nor_one_that_is_gone() {
        let roster = roster(&[NodeState::Ready, NodeState::Removed]);
        assert_eq!(
            may_remove(&roster, &id(1), &id(1)).unwrap_err().kind(),
            crate::Kind::Conflict
        );
        assert_eq!(
            may_remove(&roster, &id(1), &id(2)).unwrap_err().kind(),
            crate::Kind::NotFound
        );
    }

    #[test]
    fn a_node_that_is_being_removed_removes_nobody() {
        for state in [NodeState::Removing, NodeState::Removed] {
            let refused = may_remove(&roster(&[state, NodeState::Ready]), &id(1), &id(2)).unwrap_err();
            assert_eq!(refused.kind(), crate::Kind::Conflict, "{state:?}");
        }
    }

    #[test]
    fn a_half_joined_node_can_be_removed() {
        may_remove(&roster(&[NodeState::Ready, NodeState::Joining]), &id(1), &id(2)).unwrap();
    }

    #[test]
    fn only_the_last_node_may_dissolve_the_cluster() {
        let two = roster(&[NodeState::Ready, NodeState::Ready]);
        assert!(may_leave(&NodeStatus::Ready, &two, &id(1)).is_err());
        may_leave(
            &NodeStatus::Ready,
            &roster(&[NodeState::Ready, NodeState::Removed]),
            &id(1),
        )
        .unwrap();
    }
}
