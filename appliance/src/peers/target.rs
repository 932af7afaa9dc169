//! Where a node is, and which one must answer there.

use keystead::NodeId;
use keystead::join::request::Address;
use keystead::member::roster::Member;

/// An address, and the node that is expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: Address,
    /// `None` where no more is known than that it is a node of the cluster.
    pub(crate) id: Option<NodeId>,
}

impl Target {
    /// The node `id` at `address`.
    pub(crate) fn new(address: &Address, id: &NodeId) -> Self {
        Self {
            address: address.clone(),
            id: Some(id.clone()),
        }
    }

    /// A node of the list of nodes.
    pub(crate) fn of(member: &Member) -> Self {
        Self::new(&member.address, &member.id)
    }
}
