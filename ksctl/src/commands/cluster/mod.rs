//! `ksctl cluster …`: one file for each command, and what joins share.

pub(crate) mod ack;
pub(crate) mod certificates;
pub(crate) mod clashes;
pub(crate) mod csr;
pub(crate) mod delete;
pub(crate) mod errors;
pub(crate) mod follow;
pub(crate) mod fulljoin;
pub(crate) mod info;
pub(crate) mod join;
pub(crate) mod lanes;
pub(crate) mod links;
pub(crate) mod new;
pub(crate) mod orphans;
mod patience;
pub(crate) mod preflight;
pub(crate) mod reading;
pub(crate) mod summary;
pub(crate) mod ticket;
pub(crate) mod verify;
pub(crate) mod wait;

/// What is said before a node's data is deleted by a join.
pub(crate) const JOIN_WARNING: &str = "When you add a node to a cluster, the existing data of the node is deleted.";

/// What is asked then.
pub(crate) const JOIN_QUESTION: &str = "Are you sure want to join?";

/// What is asked before anything else is destroyed.
pub(crate) const QUESTION: &str = "Are you really sure you want to continue?";
