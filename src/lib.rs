//! Keystead: the decisions of a multi-master cluster of key managers.
//!
//! This file is the map of the house. It decides nothing itself; each room does one thing:
//!
//! | room | crate | does | never |
//! |---|---|---|---|
//! | `src/` | `keystead` | thinks: the join's transition table, who is a member, what a summary says, wire types, errors | I/O, async, clocks |
//! | `certs/` | `certs` | trusts: the cluster's CA, requests, chains, sealing of the master key | knows of clusters |
//! | `sql/` | `sql` | keeps: migrations, the replication kit, one typed function per query | decides |
//! | `appliance/` | `keysteadd` | does: REST, the join driver, the child PostgreSQL, talks to peers | writes SQL text |
//! | `ksctl/` | `ksctl` | asks: the command line | links PostgreSQL |
//!
//! `ksctl` depends on `src` and `certs`; `sql` on `src`; `appliance` on `src`, `sql` and `certs`. `src` and
//! `certs` depend on no other room.
//!
//! A request reads front to back: the `ksctl` command, the wire type in [`api`], the route in
//! `appliance/src/api`, the decision here, the query in `sql/queries`, the work in `appliance`.
//!
//! Read next: [`join::stage`], the table of every legal move of a join, then `docs/architecture.md`.

pub mod admission;
pub mod alarm;
pub mod api;
pub mod backup;
pub mod certificate;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod error;
pub mod firewall;
pub mod id;
pub mod join;
pub mod key;
pub mod login;
pub mod member;
pub mod metrics;
pub mod password;
pub mod peer;
pub mod quota;
pub mod replication;
pub mod server_version;
pub mod summary;
pub mod syslog;
pub mod text;
pub mod verify;

pub use error::{Error, Kind, Result};
pub use id::{NodeId, NodeNumber};

/// The version of the product, the same for all its programs. Members must run equal versions to join.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
