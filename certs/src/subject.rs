//! What a certificate of ours may say of its owner: names, addresses, serial number.
//!
//! Names go into PostgreSQL's ident lines and addresses into `verify-full`, so both are checked here, once.

use std::net::IpAddr;

use aws_lc_rs::rand;
use rcgen::{DistinguishedName, DnType, SanType, SerialNumber};
use rustls_pki_types::DnsName;

use crate::error::{Error, Result};
use crate::public_key::unhex;

/// Under this every node has a name of its own. `.internal` is nobody's on the Internet.
const NODE_DOMAIN: &str = ".node.keystead.internal";

/// With the words before it in the authority's name it stays under the 64 characters of RFC 5280's `ub-common-name`.
const NAME_LIMIT: usize = 40;
/// RFC 5280 4.1.2.2.
const SERIAL_LIMIT: usize = 20;

/// A subject with a common name and, when given, an organization.
pub(crate) fn distinguished(common: String, organization: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    name
}

/// Refuses a node id or cluster id that could mean something else to whoever reads the certificate.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=NAME_LIMIT).contains(&name.len()) && name.chars().all(plain) {
        Ok(())
    } else {
        Err(Error::BadName { name: name.to_owned() })
    }
}

/// A host as clients will look for it: an IP address, or else a DNS name by the rules rustls has for one.
pub(crate) fn alternative_name(host: &str) -> Result<SanType> {
    let bad = || Error::BadHost { host: host.to_owned() };
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    // With a final dot the name is good for a resolver, and equal to nothing a client compares it with.
    if host.ends_with('.') || DnsName::try_from(host).is_err() {
        return Err(bad());
    }
    Ok(SanType::DnsName(host.try_into().map_err(|_| bad())?))
}

/// The name that the node `node_id` alone has in its certificate, beside its address: a DNS name that no resolver knows,
/// for clients that can check a host's name and nothing else. See docs/decisions/0038.
pub fn node_name(node_id: &str) -> String {
    format!("{}{NODE_DOMAIN}", node_id.to_ascii_lowercase())
}

/// Refuses a host that is, or could be taken for, the name of a node.
pub(crate) fn check_no_node_name(host: &str) -> Result<()> {
    if host.to_ascii_lowercase().ends_with(NODE_DOMAIN) {
        return Err(Error::NameOfNode { host: host.to_owned() });
    }
    Ok(())
}

/// 16 random bytes whose first is 0x40 to 0x7f, so that every serial number has 32 digits and no sign.
pub(crate) fn random_serial() -> Result<SerialNumber> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).map_err(|_| Error::Crypto {
        doing: "making a serial number",
    })?;
    let [first, ..] = &mut bytes;
    *first = *first & 0x3f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// A serial number from its hexadecimal digits.
pub(crate) fn serial(digits: &str) -> Result<SerialNumber> {
    unhex(digits)
        .filter(|bytes| (1..=SERIAL_LIMIT).contains(&bytes.len()))
        .map(SerialNumber::from)
        .ok_or_else(|| Error::BadSerial {
            serial: digits.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_addresses_or_dns_names() {
        for good in [
            "127.0.0.2",
            "::1",
            "2001:db8::7",
            "node-1.example.com",
            "localhost",
            "db_1",
        ] {
            assert!(alternative_name(good).is_ok(), "{good:?} was refused");
        }
        for bad in [
            "",
            ".",
            "a..b",
            "https://a",
            "a:5432",
            "[::1]",
            "fe80::1%eth0",
            "*.example.com",
            "a b",
            "a.",
            "1.2.3",
        ] {
            assert!(
                matches!(alternative_name(bad), Err(Error::BadHost { .. })),
                "{bad:?} was accepted"
            );
        }
    }

    #[test]
    fn no_host_is_the_name_of_a_node() {
        let name = node_name("78F3");
        assert_eq!(name, "78f3.node.keystead.internal");
        for host in [name.as_str(), "a.NODE.keystead.internal"] {
            assert!(
                matches!(check_no_node_name(host), Err(Error::NameOfNode { .. })),
                "{host:?}"
            );
        }
        assert!(check_no_node_name("node.keystead.internal.example.com").is_ok());
        assert!(alternative_name(&name).is_ok(), "clients can check it");
    }

    #[test]
    fn names_cannot_carry_anything_but_themselves() {
        assert!(check_name("78f3f9e6b0c14f1e9d52a3c7be713c01").is_ok());
        for bad in ["", "a,O=b", "a b", "a\n", "ä", &"a".repeat(41)] {
            assert!(
                matches!(check_name(bad), Err(Error::BadName { .. })),
                "{bad:?} was accepted"
            );
        }
    }

    #[test]
    fn serial_numbers_differ_and_have_32_digits() {
        let (one, two) = (random_serial().unwrap(), random_serial().unwrap());
        assert_ne!(one, two);
        assert!((0x40..0x80).contains(&one.to_bytes()[0]));
    }
}
