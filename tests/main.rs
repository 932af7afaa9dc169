//! The promises of whole clusters: real agents, each with a real PostgreSQL, on addresses of this machine.
//!
//! `harness/` makes the nodes; every other file proves one thing about them. `docs/testing.md` says how to run them.

mod harness;

mod access;
mod attached;
mod crash;
mod refusals;
mod restart;
mod three_nodes;
mod three_step;
