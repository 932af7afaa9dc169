//! Joining a cluster: which stages there are, what moves a join on, what a client sees of it.
//!
//! Decisions only. The work of each stage is in `appliance/src/join/stages`, one file per stage; the loop that saves,
//! acts and reports is `appliance/src/join/driver.rs`.
//!
//! Read [`stage`] first.

pub mod own_machine;
pub mod preflight;
pub mod progress;
pub mod request;
pub mod retry;
pub mod silence;
pub mod stage;

#[cfg(test)]
mod docs;
