//! What people are told of lost links and roll-backs. Decides the words and nothing else.
//!
//! Alarms about them are raised and cleared here and nowhere else: each function says which. Telling again does no harm.

use keystead::member::roster::Member;
use keystead::replication::resync::Reason;

/// All rows of a peer are going to be read anew. Raises the alarm about this link.
pub(super) fn lost(peer: &Member, reason: Reason) {
    tracing::warn!(
        peer = %peer.id, address = %peer.address, %reason,
        "the link from a peer has lost something; all its rows are read anew"
    );
}

/// Everything of the peer is here. Clears the alarm about this link.
pub(super) fn mended(peer: &Member, rows: u64) {
    tracing::info!(
        peer = %peer.id, address = %peer.address, rows,
        "the rows of a peer were read anew; its changes are taken again"
    );
}

/// This node serves nobody. Raises the alarm about its roll-back.
pub(super) fn rolled_back() {
    tracing::error!(
        "this node was rolled back to an old copy of its database; it serves nobody until it has caught up"
    );
}

/// It does not get over this by itself: one of two machines is a copy. Raises the alarm about its roll-back, told anew.
pub(super) fn twin() {
    tracing::error!(
        "another machine runs as this node: one of them is a copy; stop it, this one serves nobody until then"
    );
}

/// It does not get over this by itself. Raises the alarm about its roll-back, told anew.
pub(super) fn too_old() {
    tracing::error!(
        "this node was rolled back too far to catch up: the others no longer remember what was deleted since; \
         remove it and join it again"
    );
}

/// This node serves again. Clears the alarm about its roll-back.
pub(super) fn caught_up() {
    tracing::info!("this node has caught up after its roll-back and serves again");
}
