//! The words on the wire: what clients send and what nodes answer, the same types on both sides.
//!
//! Shapes only, no rules. Names are those of the clients that exist (`docs/api/` has the document made from them).
//! Fields a client may leave out or send as `""`, `0` or `null` are `Option` or defaulted; unknown fields are ignored.
//! Next: the routes in `appliance/src/api`, one file per resource, as here.

pub mod alarm;
pub mod auth;
pub mod backup;
pub mod body;
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

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Number;

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
    Ok(whole(input)?.filter(|port| *port != 0))
}

/// Reads a whole number that may be left out. JSON knows one kind of number: `4.0` is one too.
pub(crate) fn whole<'de, D, T>(input: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    let Some(number) = Option::<Number>::deserialize(input)? else {
        return Ok(None);
    };
    let value = number.as_i64().or_else(|| exact(number.as_f64()?));
    let value = value.and_then(|value| T::try_from(value).ok());
    let wrong = || {
        D::Error::custom(format!(
            "{number} is not a whole number, or not one that is possible here"
        ))
    };
    value.map(Some).ok_or_else(wrong)
}

/// Reads a value that clients send as `null` when they mean its default.
pub(crate) fn null_as_default<'de, D, T>(input: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

/// The whole number that a float is, as far as floats tell one from the next.
fn exact(number: f64) -> Option<i64> {
    let exact = number.fract() == 0.0 && number.abs() <= f64::from(1 << 26) * f64::from(1 << 27);
    exact.then(|| format!("{number:.0}").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::key::NewKeyRequest;
    use super::syslog::SyslogRequest;

    #[test]
    fn a_whole_number_may_be_written_as_json_writes_numbers() {
        let size =
            |text: &str| serde_json::from_str::<NewKeyRequest>(&format!("{{\"size\":{text}}}")).map(|key| key.size);
        for (text, read) in [
            ("256", Some(256)),
            ("256.0", Some(256)),
            ("2.56e2", Some(256)),
            ("-1", Some(-1)),
            ("null", None),
        ] {
            assert_eq!(size(text).unwrap(), read, "{text}");
        }
        for text in ["256.5", "1e300", "-1e300", "2147483648", "\"256\"", "true"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_port_is_one_that_there_is_and_zero_is_none() {
        let port =
            |text: &str| serde_json::from_str::<SyslogRequest>(&format!("{{\"port\":{text}}}")).map(|one| one.port);
        assert_eq!(port("514.0").unwrap(), Some(514));
        assert_eq!(port("0").unwrap(), None);
        assert!(port("65536").is_err() && port("-1").is_err());
    }
}
