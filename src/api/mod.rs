//! The words on the wire: what clients send and what nodes answer, the same types on both sides.
//!
//! Shapes only, no rules. Names are those of the clients that exist (`docs/api/` has the document made from them).
//! Fields a client may leave out or send as `""`, `0` or `null` are `Option` or defaulted; unknown fields are ignored.
//! Next: the routes in `appliance/src/api`, one file per resource, as here.

pub mod alarm;
pub mod auth;
pub mod backup;
pub mod certificate;
pub mod cluster;
pub mod error;
pub mod key;
pub mod links;
pub mod list;
pub mod metrics;
pub mod node;
pub mod orphan;
pub mod preflight;
pub mod secret;
pub mod summary;
pub mod syslog;
pub mod system;
pub mod verify;
pub mod wait;

use serde::{Deserialize, Deserializer};

/// Reads a text that clients leave out, send as `null` or send empty: all three mean "not given".
pub(crate) fn blank_as_none<'de, D, T>(input: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + AsRef<str>,
{
    Ok(Option::<T>::deserialize(input)?.filter(|text| !text.as_ref().trim().is_empty()))
}

/// Reads a port that clients leave out, send as `null` or as 0: all three mean "the default".
pub(crate) fn zero_as_none<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u16>, D::Error> {
    Ok(Option::<u16>::deserialize(input)?.filter(|port| *port != 0))
}

/// Reads a value that clients send as `null` when they mean its default.
pub(crate) fn null_as_default<'de, D, T>(input: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}
