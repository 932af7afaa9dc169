//! Who is in the cluster, what a node's status is called, which links a node must have, when members may change.
//!
//! Decisions only; the reconciler that makes links real is `appliance/src/links`.

pub mod lanes;
pub mod lease;
pub mod links;
pub mod misuse;
pub mod numbers;
pub mod parts;
pub mod removal;
pub mod reset;
pub mod roster;
pub mod sessions;
pub mod status;
pub mod trouble;
pub mod versions;

/// The most nodes a cluster may have.
///
/// Source: the reference product's documentation; a full mesh of 20 was measured to run (`docs/architecture.md`).
pub const MAX_NODES: usize = 20;
