//! What people are told of lost links and roll-backs: the one place where alarms about them are raised and cleared.
//!
//! Decides the words and nothing else. Telling again does no harm.

use keystead::NodeId;
use keystead::alarm::Alarm;
use keystead::member::roster::Member;
use keystead::replication::resync::Reason;

use crate::agent::Agent;

/// All rows of a peer are going to be read anew.
pub(super) fn lost(agent: &Agent, peer: &Member, reason: Reason) {
    tracing::warn!(
        peer = %peer.id, address = %peer.address, %reason,
        "the link from a peer has lost something; all its rows are read anew"
    );
    let text = format!("all rows of the member at {} are read anew: {reason}", peer.address);
    agent.alarms.raise(Alarm::Resync, peer.id.as_str(), text);
}

/// Everything of the peer is here.
pub(super) fn mended(agent: &Agent, peer: &Member, rows: u64) {
    tracing::info!(
        peer = %peer.id, address = %peer.address, rows,
        "the rows of a peer were read anew; its changes are taken again"
    );
    over(agent, &peer.id);
}

/// There is nothing to be read from the peer any more.
pub(super) fn over(agent: &Agent, peer: &NodeId) {
    agent.alarms.end(Alarm::Resync, peer.as_str());
}

/// This node serves nobody.
pub(super) fn rolled_back(agent: &Agent) {
    about_itself(
        agent,
        "this node was rolled back to an old copy of its database; it serves nobody until it has caught up",
    );
}

/// It does not get over this by itself: one of two machines is a copy.
pub(super) fn twin(agent: &Agent) {
    about_itself(
        agent,
        "another machine runs as this node: one of them is a copy; stop it, this one serves nobody until then",
    );
}

/// It does not get over this by itself.
pub(super) fn too_old(agent: &Agent) {
    about_itself(
        agent,
        "this node was rolled back too far to catch up: the others no longer remember what was deleted since; \
         remove it and join it again",
    );
}

fn about_itself(agent: &Agent, text: &str) {
    tracing::error!("{text}");
    if let Ok(me) = agent.identity() {
        agent.alarms.raise(Alarm::DuplicateIdentity, me.node_id.as_str(), text);
    }
}

/// This node serves again.
pub(super) fn caught_up(agent: &Agent) {
    tracing::info!("this node has caught up after its roll-back and serves again");
    if let Ok(me) = agent.identity() {
        agent.alarms.end(Alarm::DuplicateIdentity, me.node_id.as_str());
    }
}
