//! Trust: the cluster's certificate authority, requests to it, checks of what it issued, and the sealing of a secret
//! to one node.
//!
//! This file is the front door and decides nothing. The room knows nothing of clusters beyond the names passed in; time
//! comes in as unix seconds; nothing is read from or written to a disk.
//!
//! The way of a joining node, in order:
//!
//! 1. [`NodeKey::generate`] and [`NodeKey::request`] on the joiner (`node_key.rs`),
//! 2. [`CheckedRequest::parse`] on the member: takes the public key and nothing else (`request.rs`),
//! 3. [`Authority::issue`] decides every word of the certificate (`authority.rs`),
//! 4. [`seal()`] puts the master key into an envelope only that joiner opens (`seal/`),
//! 5. [`check_issued`] and [`open`] on the joiner refuse everything that is not meant for it (`chain.rs`, `seal/`).

mod authority;
mod certificate;
mod chain;
mod ending;
mod error;
mod identity;
mod node_key;
mod pem;
mod placeholder;
mod public_key;
mod request;
mod revocation;
mod seal;
mod subject;
mod validity;

pub use authority::{Authority, NodeTemplate};
pub use chain::{chain_hash, check_issued, fingerprints, plain_chain};
pub use ending::{certificate_ends, revocation_list_ends};
pub use error::{Error, Result};
pub use identity::Identity;
pub use node_key::NodeKey;
pub use placeholder::self_signed;
pub use public_key::{hex, unhex};
pub use request::CheckedRequest;
pub use revocation::unchecked_authorities;
pub use seal::{SealHeader, open, seal};
pub use subject::node_name;

/// The most bytes a certificate request may have: twenty times what a request of ours needs.
pub const REQUEST_LIMIT: usize = 16 * 1024;
/// The most bytes a certificate, a chain or a private key in PEM may have.
pub const CERTIFICATE_LIMIT: usize = 64 * 1024;
/// The most bytes revocation lists in PEM may have: some 50,000 certificates.
pub const LISTS_LIMIT: usize = 4 * 1024 * 1024;
/// The most bytes a sealed secret may have.
pub const SEAL_LIMIT: usize = 8 * 1024;
