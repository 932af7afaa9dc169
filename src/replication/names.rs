//! What replication objects are called. One place, so that a name found on a server can be traced back.
//!
//! All names fit PostgreSQL's 63 bytes, start with letters and need no quoting.

use crate::id::{NodeId, NodeNumber};

/// The publication that carries new rows and outboxes; the same on every node.
pub const PUBLICATION: &str = "keystead";

/// The prefix of every slot and subscription of ours, of the first lane.
pub const LINK_PREFIX: &str = "keystead_";

/// The slot on `from` and the subscription on `to` that carry `from`'s changes to `to`.
///
/// Also the application name of the connection, so it must be unique over the whole cluster.
pub fn link(from: NodeNumber, to: NodeNumber) -> String {
    format!("{LINK_PREFIX}{from}_to_{to}")
}

/// The prefix of every slot and subscription of other lanes. Another one, so that what counts links does not count these.
pub const LANE_PREFIX: &str = "lane_";

/// The publication of one of the other lanes.
pub fn lane_publication(lane: i32) -> String {
    format!("{PUBLICATION}_lane_{lane}")
}

/// The slot on `from` and the subscription on `to` that carry what `from` sends in one of its other lanes.
pub fn lane(from: NodeNumber, to: NodeNumber, lane: i32) -> String {
    format!("{}{lane}", lanes(from, to))
}

/// What the names of all other lanes of one link begin with.
pub fn lanes(from: NodeNumber, to: NodeNumber) -> String {
    format!("{LANE_PREFIX}{from}_to_{to}_")
}

/// The link whose lane has this name.
pub fn link_of_lane(name: &str) -> Option<String> {
    let (link, _) = name.strip_prefix(LANE_PREFIX)?.rsplit_once('_')?;
    Some(format!("{LINK_PREFIX}{link}"))
}

/// The prefix of every peer's role.
pub const ROLE_PREFIX: &str = "peer_";

/// The role under which a node logs in to the others.
pub fn role(id: &NodeId) -> String {
    format!("{ROLE_PREFIX}{id}")
}

/// The node that logs in under `role`.
pub fn node_of_role(role: &str) -> Option<NodeId> {
    role.strip_prefix(ROLE_PREFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_names_fit() {
        let id: NodeId = "f".repeat(32).parse().unwrap();
        assert!(role(&id).len() <= 63);
        assert!(link(NodeNumber(i32::MAX), NodeNumber(i32::MAX)).len() <= 63);
        assert!(lane(NodeNumber(i32::MAX), NodeNumber(i32::MAX), 3).len() <= 63);
        let side = lane(NodeNumber(1), NodeNumber(12), 3);
        assert_eq!(link_of_lane(&side), Some(link(NodeNumber(1), NodeNumber(12))));
        assert_eq!(node_of_role(&role(&id)), Some(id));
    }
}
