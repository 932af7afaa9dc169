//! Texts that somebody else has chosen: what may be in a name, how any text is shown, and where a body hides a NUL.
//!
//! Nothing here prints or reads a request. Next: [`escape`] for the characters that are never shown as they are, [`host`] and [`name`]
//! for what identifies a thing, [`nul`] for what PostgreSQL cannot keep.

pub mod escape;
pub mod host;
pub mod name;
pub mod nul;
