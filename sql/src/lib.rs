//! Keeps: the two databases of a node. Migrations, the replication kit, and one typed function per query.
//!
//! Every statement stands in `sql/queries/<topic>/<name>.sql` and is run by the function of that name in the module of
//! that topic. Nothing here decides; rows become the types of `keystead` and errors become [`Error`].
//!
//! Read next: `migrations/V1__replication.sql`, the kit that makes rows converge.

mod error;
mod peer;
mod pool;
mod query;
mod reserve;
mod side;

pub mod account;
pub mod alarm;
pub mod backup;
pub mod backup_key;
pub mod backup_operation;
pub mod bad_row;
pub mod call;
pub mod cluster_key;
pub mod copy;
pub mod database;
pub mod digest;
pub mod heartbeat;
pub mod identity;
pub mod key;
pub mod lane;
pub mod lease;
pub mod link;
pub mod listen;
pub mod master_key;
pub mod migrate;
pub mod misuse;
pub mod node;
pub mod node_certificate;
pub mod node_view;
pub mod orphan;
pub mod property;
pub mod replication;
pub mod resync;
pub mod server;
pub mod session;
pub mod stat;
pub mod syslog;
pub mod ticket;
pub mod verify;
pub mod version;
pub mod wait;

pub use error::{Error, Result};
pub use peer::{Again, Hears, Peer, Way};
pub use pool::{Connection, Pool, Pooled, connect, drive};
pub use side::Side;
