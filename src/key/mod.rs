//! Keys: what a request may ask for and how a key's state moves.
//!
//! Nothing here sees key material; that is `appliance/src/keys` and `appliance/src/vault`.

pub mod request;
pub mod state;
pub mod transition;
