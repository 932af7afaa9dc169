//! How secrets are wrapped, so that PostgreSQL, its WAL and a stolen disk see wrapped bytes alone.
//!
//! The order of keys, each wrapping the next:
//!
//! 1. the root of trust, this node's own (`root_of_trust.rs`), wraps
//! 2. the cluster's master key (MKEK), the same on every member, which wraps
//! 3. the key-encryption keys (KEK, one an epoch), the token-signing key and the authority's key, which replicate
//!    (`keyring/`); the key-encryption keys wrap
//! 4. the material of the users' keys.
//!
//! All wrapping is one format in one place (`wrapping.rs`). This room never stores anything but the root of trust's file;
//! rows are the business of `sql`. A member gets the master key sealed by `certs`, never through PostgreSQL.

mod keyring;
mod root_of_trust;
mod wrapping;

pub(crate) use keyring::{Keyring, TokenKey};
pub(crate) use root_of_trust::RootOfTrust;
pub(crate) use wrapping::WrappingKey;
