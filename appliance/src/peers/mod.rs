//! Talking to other nodes, over PostgreSQL's port and nothing else.
//!
//! A connection is TLS 1.3 with both certificates checked, to the node that is meant; questions are rows (see
//! `keystead::peer`).

mod answer;
pub(crate) mod call;
pub(crate) mod calls;
mod client;
#[cfg(test)]
mod client_tests;
mod connect;
pub(crate) mod refusal;
mod sessions;
mod target;
#[cfg(test)]
mod tests;
pub(crate) mod tls;
mod unanswered;
mod verifier;

pub(crate) use client::PeerClient;
pub(crate) use target::Target;
