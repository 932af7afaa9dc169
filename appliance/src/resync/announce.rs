//! What people are told of lost links and roll-backs. Decides the words and nothing else.
//!
//! Alarms about them are raised and cleared here and nowhere else: each function says which. Telling again does no harm.

use keystead::NodeId;
use keystead::alarm::Alarm;
use keystead::member::roster::Member;
use keystead::replication::resync::Reason;

use crate::agent::Agent;

/// All rows of a peer are going to be read anew. Raises the alarm about this link.
pub(super) fn lost(agent: &Agent, peer: &Member, reason: Reason) {
    let text = format!("all rows of the member at {} are read anew: {reason}", peer.address);
    agent.alarms.raise(Alarm::Resync, peer.id.as_str(), text);
    tracing::warn!(
        peer = %peer.id, address = %peer.address, %reason,
        "the link from a peer has lost something; all its rows are read anew"
    );
}

/// Everything of the peer is here. Clears the alarm about this link.
pub(super) fn mended(agent: &Agent, peer: &Member, rows: u64) {
    agent.alarms.clear(Alarm::Resync, peer.id.as_str());
    tracing::info!(
        peer = %peer.id, address = %peer.address, rows,
        "the rows of a peer were read anew; its changes are taken again"
    );
}

/// This node serves nobody. It raises no alarm: what a fenced node writes counts for nothing until it has caught up.
pub(super) fn rolled_back() {
    tracing::error!(
        "this node was rolled back to an old copy of its database; it serves nobody until it has caught up"
    );
}

/// It does not get over this by itself: one of two machines is a copy.
pub(super) fn twin() {
    tracing::error!(
        "another machine runs as this node: one of them is a copy; stop it, this one serves nobody until then"
    );
}

/// It does not get over this by itself.
pub(super) fn too_old() {
    tracing::error!(
        "this node was rolled back too far to catch up: the others no longer remember what was deleted since; \
         remove it and join it again"
    );
}

/// This node serves again. Leaves an alarm behind that is over, so that it is known what happened.
pub(super) fn caught_up(agent: &Agent, me: &NodeId) {
    let text = "this node was rolled back to an old copy of its database, and has caught up";
    agent.alarms.note(Alarm::DuplicateIdentity, me.as_str(), text);
    tracing::info!("this node has caught up after its roll-back and serves again");
}
