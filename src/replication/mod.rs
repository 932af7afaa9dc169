//! Replication between nodes: what things are called, how far everybody is.
//!
//! The mechanism itself is SQL: `sql/migrations` (the kit) and `docs/replication.md`.

pub mod horizon;
pub mod names;
