//! Talking to other nodes, over PostgreSQL's port and nothing else.
//!
//! A connection is TLS 1.3 with both certificates checked; questions are rows (see `keystead::peer`).

mod answer;
pub(crate) mod call;
pub(crate) mod calls;
mod client;
#[cfg(test)]
mod client_tests;
mod connect;
pub(crate) mod refusal;
pub(crate) mod tls;
mod unanswered;

pub(crate) use client::PeerClient;
