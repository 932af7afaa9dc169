//! Whole nodes for tests: real agents, real PostgreSQL, real TLS, on addresses of their own.
//!
//! Start reading at `cluster.rs`, which makes a cluster in one line; `node.rs` is one node and what can be done to it;
//! `cli.rs` and `rest.rs` ask it as users do. Everything a test makes is gone when it ends, however it ends, except the
//! logs: they are in `target/tmp/logs/<name of the test>/`. Nodes whose network or clock is to go wrong stand on hosts of
//! their own: `hosts.rs`, `faults.rs`. Small disks: `volumes.rs`.

pub(crate) mod cli;
pub(crate) mod clock;
pub(crate) mod cluster;
pub(crate) mod faults;
pub(crate) mod halts;
pub(crate) mod hosts;
pub(crate) mod network;
pub(crate) mod node;
pub(crate) mod postgres;
pub(crate) mod processes;
pub(crate) mod rest;
pub(crate) mod rsyslog;
pub(crate) mod run;
pub(crate) mod scratch;
pub(crate) mod slow;
pub(crate) mod strangers;
pub(crate) mod volumes;
pub(crate) mod wait;

pub(crate) use cluster::Cluster;
pub(crate) use node::Node;
