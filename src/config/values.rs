//! Turns one TOML value into one type, or into the end of a sentence that begins with the key's name.
//!
//! This file decides what a well-formed address, size, path or setting is. It never looks at the machine.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::node::{DatabaseUrl, LogFormat, data_dir};
use super::reserved::{is_reserved, own_key};
use crate::member::MAX_NODES;
use crate::text::escape::is_hidden;

/// A value, or what is wrong with it.
type Read<T> = Result<T, String>;

/// Text that is not empty and has no line break.
pub(super) fn text(value: &DeValue<'_>) -> Read<String> {
    let text = value
        .as_str()
        .ok_or_else(|| format!("must be text in quotes, not {}", value.type_str()))?;
    if text.trim().is_empty() || text.chars().any(is_hidden) {
        return Err("must be one line of text that is not empty, without control or format characters".to_owned());
    }
    Ok(text.to_owned())
}

/// An absolute path: a relative one would mean another file for a service than for a shell.
pub(super) fn path(value: &DeValue<'_>) -> Read<PathBuf> {
    let path = PathBuf::from(text(value)?);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err("must be an absolute path".to_owned())
    }
}

/// The folder of a node.
pub(super) fn data_folder(value: &DeValue<'_>) -> Read<PathBuf> {
    let path = PathBuf::from(text(value)?);
    data_dir(&path).map(|()| path)
}

/// An address with a port.
pub(super) fn socket(value: &DeValue<'_>) -> Read<SocketAddr> {
    let text = text(value)?;
    text.parse()
        .map_err(|_| format!("must be an address and a port, as in \"0.0.0.0:443\", not \"{text}\""))
}

/// A list of addresses, which may be empty.
pub(super) fn addresses(value: &DeValue<'_>) -> Read<Vec<IpAddr>> {
    let wrong = || "must be a list of addresses, as in [\"10.0.0.1\", \"::1\"]".to_owned();
    let list = value.as_array().ok_or_else(wrong)?;
    list.iter()
        .map(|entry| {
            entry
                .get_ref()
                .as_str()
                .and_then(|text| text.parse().ok())
                .ok_or_else(wrong)
        })
        .collect()
}

/// A port that can be listened at.
pub(super) fn port(value: &DeValue<'_>) -> Read<u16> {
    let number = number(value, 1, u64::from(u16::MAX))?;
    u16::try_from(number).map_err(|_| "must be a port".to_owned())
}

/// Yes or no.
pub(super) fn flag(value: &DeValue<'_>) -> Read<bool> {
    value
        .as_bool()
        .ok_or_else(|| format!("must be true or false, not {}", value.type_str()))
}

/// A number of bytes for a request body, from 1 KiB to 64 MiB.
pub(super) fn body_bytes(value: &DeValue<'_>) -> Read<usize> {
    let number = number(value, 1024, 64 * 1024 * 1024)?;
    usize::try_from(number).map_err(|_| "is too large for this machine".to_owned())
}

/// A number of connections: a program opens a few at once, and each costs memory.
pub(super) fn connections(value: &DeValue<'_>) -> Read<usize> {
    let number = number(value, 16, 65_536)?;
    usize::try_from(number).map_err(|_| "is too large for this machine".to_owned())
}

/// How long a write may wait, in seconds: less than clients do.
pub(super) fn ack_seconds(value: &DeValue<'_>) -> Read<Duration> {
    number(value, 1, 20).map(Duration::from_secs)
}

/// How far clocks may be apart, in milliseconds: from 10 ms, which is near what asking can tell, to an hour.
pub(super) fn skew_millis(value: &DeValue<'_>) -> Read<i64> {
    let number = number(value, 10, 3_600_000)?;
    i64::try_from(number).map_err(|_| "must be a number of milliseconds".to_owned())
}

/// How many nodes a cluster may have.
pub(super) fn nodes(value: &DeValue<'_>) -> Read<usize> {
    let number = number(value, 1, MAX_NODES as u64)?;
    usize::try_from(number).map_err(|_| "must be a number of nodes".to_owned())
}

fn number(value: &DeValue<'_>, least: u64, most: u64) -> Read<u64> {
    let wrong = || format!("must be a whole number from {least} to {most}");
    let digits = value.as_integer().ok_or_else(wrong)?;
    match u64::from_str_radix(digits.as_str(), digits.radix()) {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(wrong()),
    }
}

/// An amount of memory or disk as PostgreSQL writes it, at least 1 of its unit.
pub(super) fn size(value: &DeValue<'_>) -> Read<String> {
    let text = text(value).map_err(|_| size_wrong())?;
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let number: Result<u32, _> = digits.parse();
    match number {
        Ok(1..) if ["kB", "MB", "GB", "TB"].contains(&unit) => Ok(text),
        _ => Err(size_wrong()),
    }
}

/// What such an amount is in bytes.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text.get(digits.len()..)? {
        "kB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

fn size_wrong() -> String {
    "must be a whole number with its unit (kB, MB, GB or TB), as in \"4GB\"".to_owned()
}

/// A time span of at least a second, with its unit.
pub(super) fn duration(value: &DeValue<'_>) -> Read<Duration> {
    let wrong = || "must be a whole number with its unit (s, min, h or d), as in \"24h\"".to_owned();
    let text = text(value).map_err(|_| wrong())?;
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds: u64 = match text.get(digits.len()..).unwrap_or_default() {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    match digits.parse::<u32>() {
        Ok(number @ 1..) => Ok(Duration::from_secs(u64::from(number) * seconds)),
        _ => Err(wrong()),
    }
}

/// The name of an account of the machine that PostgreSQL may run as.
pub(super) fn os_user(value: &DeValue<'_>) -> Read<String> {
    let name = text(value)?;
    if name == "root" {
        return Err("must not be root: PostgreSQL refuses to run as root".to_owned());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.chars().all(plain) && !name.starts_with('-') {
        Ok(name)
    } else {
        Err("must be the name of an account: letters, digits and any of _ - .".to_owned())
    }
}

/// The URL of a database. Its text may hold a password, so it is not repeated in the message.
pub(super) fn url(value: &DeValue<'_>) -> Read<DatabaseUrl> {
    let url = text(value)?;
    if ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        Ok(DatabaseUrl::new(url))
    } else {
        Err("must begin with postgres:// or postgresql://".to_owned())
    }
}

/// The shape of a log line.
pub(super) fn log_format(value: &DeValue<'_>) -> Read<LogFormat> {
    match value.as_str() {
        Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        _ => Err("must be \"text\" or \"json\"".to_owned()),
    }
}

/// Further settings of PostgreSQL, none of which the product chooses itself.
pub(super) fn settings(value: &DeValue<'_>) -> Read<BTreeMap<String, String>> {
    let table = value.as_table().ok_or("must be a table of settings and their values")?;
    table
        .iter()
        .map(|(name, value)| {
            Ok((
                setting_name(name.get_ref())?,
                setting_value(name.get_ref(), value.get_ref())?,
            ))
        })
        .collect()
}

fn setting_name(name: &str) -> Read<String> {
    if let Some(key) = own_key(name) {
        return Err(format!("cannot set {name}: use {key}"));
    }
    if is_reserved(name) {
        return Err(format!(
            "cannot set {name}: replication and durability rest on the value that Keystead gives it"
        ));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(plain) {
        Ok(name.to_owned())
    } else {
        Err(format!("cannot set {name:?}: it is not the name of a setting"))
    }
}

fn setting_value(name: &str, value: &DeValue<'_>) -> Read<String> {
    match value {
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Boolean(flag) => Ok((if *flag { "on" } else { "off" }).to_owned()),
        DeValue::String(text) if !text.chars().any(char::is_control) => Ok(text.clone().into_owned()),
        _ => Err(format!(
            "cannot set {name}: its value must be one line of text, a number, true or false"
        )),
    }
}
