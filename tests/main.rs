//! The promises of whole clusters: real agents, each with a real PostgreSQL, on addresses of this machine.
//!
//! `harness/` makes the nodes; every other file proves one thing about them. `docs/testing.md` says how to run them.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON answers null for what is not there, and a node that is not there is a failed test"
)]

mod check;
mod harness;
mod joining_under_load;
mod load;

mod access;
mod acknowledgement;
mod alarms;
mod attached;
mod backups;
mod big;
mod certificates;
mod crash;
mod disks;
mod ended_joins;
mod endings;
mod faults;
mod floor;
mod full_disk;
mod fuzz_api;
mod hostile;
mod hosts;
mod input;
mod key_requests;
mod kills;
mod lanes;
mod links;
mod logins;
mod merging;
mod metrics;
mod preflight;
mod queue;
mod refusals;
mod removal;
mod removed_while_away;
mod reset;
mod restart;
mod resync;
mod revocation;
mod rotation;
mod secrets;
mod seeing;
mod standing_still;
mod standstill;
mod strangers;
mod survival;
mod syslog;
mod three_nodes;
mod three_step;
mod unprivileged;
mod upgrade;
mod verify;
mod versions;
