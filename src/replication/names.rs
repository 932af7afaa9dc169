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

/// The node that reads from a slot with this name on `from`; `None` when no slot of `from` has such a name.
pub fn reader(from: NodeNumber, slot: &str) -> Option<NodeNumber> {
    let of_link = |name: &str| name.strip_prefix(&format!("{LINK_PREFIX}{from}_to_"))?.parse().ok();
    let number = of_link(slot).or_else(|| of_link(&link_of_lane(slot)?))?;
    let to = NodeNumber(number);
    (slot == link(from, to) || (1..=3).any(|number| slot == lane(from, to, number))).then_some(to)
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
    fn a_slot_tells_who_reads_from_it() {
        let me = NodeNumber(3);
        assert_eq!(reader(me, "keystead_3_to_12"), Some(NodeNumber(12)));
        assert_eq!(reader(me, "lane_3_to_12_1"), Some(NodeNumber(12)));
        for foreign in [
            "mine",
            "keystead_4_to_3",
            "keystead_3_to_",
            "keystead_3_to_x",
            "keystead_3_to_+12",
            "keystead_3_to_012",
            "keystead_3_to_12_1",
            "lane_3_to_12",
            "lane_3_to_12_4",
            "lane_3_to_12_1_1",
            "lane_4_to_12_1",
        ] {
            assert_eq!(reader(me, foreign), None, "{foreign}");
        }
    }

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
