//! Replication between nodes: what things are called, how far everybody is, who must have a write, what a link has lost, and
//! what a merge has to do.
//!
//! The mechanism itself is SQL: `sql/migrations` (the kit) and `docs/replication.md`. [`stamp`] and [`merge`] say in Rust
//! what the kit does to one row; tests prove them and compare them with the kit. Nothing of the product calls them.

pub mod ack;
pub mod barrier;
pub mod digest;
pub mod floor;
pub mod heartbeat;
pub mod horizon;
pub mod merge;
pub mod names;
pub mod past;
pub mod resync;
pub mod retention;
pub mod stamp;
pub mod standbys;

#[cfg(test)]
mod model;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod purging;
