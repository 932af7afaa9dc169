//! The promises of the room of trust, from outside: what is refused, what is issued, what opens.
//!
//! `fixture.rs` makes an authority and a node with fixed times; every other file proves one part of the way of a joining
//! node. `openssl.rs` asks somebody else's eyes.

mod authority;
mod chain;
mod fixture;
mod openssl;
mod request;
mod seal;
