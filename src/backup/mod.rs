//! Backups: what a file says of itself, what may be asked, and which file may be restored where.
//!
//! A backup holds the users' data of one node at one moment: accounts, keys, syslog servers, and the key-encryption keys that
//! open them. It does not hold what makes a cluster: members, certificates, the master key. So it is restored on a node that
//! is in none. Pure: files and rows are the business of `appliance/src/backup`.

mod header;
mod request;
mod version;

pub use header::{Header, MAGIC};
pub use request::NewBackup;
pub use version::may_restore;
