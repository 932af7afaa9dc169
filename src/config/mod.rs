//! What the configuration file of a node may say, and what is meant when it says nothing.
//!
//! This room turns the text of one TOML file into a [`NodeConfig`], or into a list of what is wrong with it, each with
//! file, line and the nearest key that exists. It never opens the file (`appliance/src/cli.rs`) and never looks
//! whether a path exists (the part of `appliance` that uses it).
//!
//! Next: [`node`], every key with its default; `document.rs` and `values.rs`, how a value is read;
//! [`reserved`], the settings of PostgreSQL that are not for the file to choose. For people: `docs/configuration.md`.

mod document;
pub mod node;
mod parse;
pub mod reserved;
mod suggest;
#[cfg(test)]
mod tests;
mod values;

pub use node::{Admin, Clock, Cluster, DatabaseUrl, Log, LogFormat, NodeConfig, Postgres, Replication, Rest};
pub use reserved::is_reserved;
pub use suggest::nearest;
