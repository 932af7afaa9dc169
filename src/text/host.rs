//! What may be the address of a machine: it stands in certificates, in connection strings of PostgreSQL, and on screens.

use crate::error::{Error, Result};

/// The longest name in DNS, in bytes.
const MOST: usize = 253;

/// The host that was given for `field`: an IP address or a DNS name. It is not looked up.
///
/// # Errors
/// `field` is named when it is anything else, and when a port stands behind it.
pub fn checked(field: &str, host: String) -> Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || host.len() > MOST || !host.chars().all(plain) {
        return Err(
            Error::invalid_param(format!("{field} is not a host name or an IP address: {host:.80}"))
                .with_hint("give it without scheme, port and path, for example 10.0.0.1 or node1.example.com"),
        );
    }
    if host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err() {
        return Err(Error::invalid_param(format!("{field} carries a port: {host:.80}"))
            .with_hint("give the port in the port field or flag"));
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_name_is_taken_as_it_is() {
        for host in ["10.0.0.1", "node-1.example.com", "fe80::1", "::1", "n_1"] {
            assert_eq!(checked("host", host.to_owned()).unwrap(), host);
        }
    }

    #[test]
    fn what_could_not_stand_in_a_certificate_or_a_connection_string_is_refused_and_named() {
        let long = "a".repeat(254);
        for host in [
            "",
            "a b",
            "http://x",
            "a\nb",
            "a' or 1=1",
            "10.0.0.1:5432",
            "caf\u{e9}",
            "a\u{202e}",
            &long,
        ] {
            let refused = checked("host", host.to_owned()).unwrap_err();
            assert!(refused.to_string().starts_with("host "), "{refused}");
            assert!(refused.hint().is_some(), "{refused}");
        }
    }
}
