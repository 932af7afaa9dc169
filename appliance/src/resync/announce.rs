//! What people are told of lost links and roll-backs. Decides the words and nothing else.
//!
//! This is the one place where an alarm about them is raised and cleared.

use keystead::member::roster::Member;
use keystead::replication::resync::Reason;

/// Something that people should know.
pub(super) enum Announcement<'a> {
    /// All rows of a peer are going to be read anew. The alarm is raised.
    Lost(&'a Member, Reason),
    /// Everything of the peer is here. The alarm is cleared.
    Mended(&'a Member, u64),
    /// This node was rolled back and serves nobody. The alarm is raised.
    RolledBack,
    /// Somebody else goes on as this node: one of the two is a copy. Neither catches up while both run.
    Twin,
    /// It does not get over this by itself: it was rolled back further than others remember deletions.
    TooOld,
    /// This node has caught up and serves again. The alarm is cleared.
    CaughtUp,
}

/// Tells people.
pub(super) fn announce(what: &Announcement<'_>) {
    match what {
        Announcement::Lost(peer, reason) => tracing::warn!(
            peer = %peer.id, address = %peer.address, %reason,
            "the link from a peer has lost something; all its rows are read anew"
        ),
        Announcement::Mended(peer, rows) => tracing::info!(
            peer = %peer.id, address = %peer.address, rows,
            "the rows of a peer were read anew; its changes are taken again"
        ),
        Announcement::RolledBack => tracing::error!(
            "this node was rolled back to an old copy of its database; it serves nobody until it has caught up"
        ),
        Announcement::Twin => tracing::error!(
            "another machine runs as this node: one of them is a copy; stop it, this one serves nobody until then"
        ),
        Announcement::TooOld => tracing::error!(
            "this node was rolled back too far to catch up: the others no longer remember what was deleted since; \
             remove it and join it again"
        ),
        Announcement::CaughtUp => tracing::info!("this node has caught up after its roll-back and serves again"),
    }
}
