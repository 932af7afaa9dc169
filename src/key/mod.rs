//! Keys: what a request may ask for and how a key's state moves.
//!
//! Material is read and written here, and kept nowhere: that is `appliance/src/keys` and `appliance/src/vault`.

pub mod material;
pub mod request;
pub mod state;
pub mod transition;
pub mod uuid;
