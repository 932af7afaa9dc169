//! Which hosts mean the machine that reads them, or no machine at all: loopback and unspecified addresses, in every way
//! that they can be written.
//!
//! Such a host, given as the address of a node, means another machine on every member. Names are taken as they are
//! written: nothing is looked up. Next: `request.rs`, which checks what else a host may be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{Error, Result};

/// Names that machines have for themselves.
const NAMES: [&str; 5] = [
    "localhost",
    "localhost.localdomain",
    "localhost6.localdomain6",
    "ip6-localhost",
    "ip6-loopback",
];

/// Refuses a host, given as `field`, that means the machine that reads it.
///
/// # Errors
/// [`crate::Kind::InvalidParam`], with the way out.
pub fn refuse(field: &str, host: &str) -> Result<()> {
    if !means_the_reader(host) {
        return Ok(());
    }
    Err(Error::invalid_param(format!(
        "{field} means another machine on every node: {host:.80} is a loopback or unspecified address"
    ))
    .with_hint(
        "give the address at which the other nodes reach this one; for nodes that are all on one machine set \
         cluster.allow_loopback in the configuration of each",
    ))
}

/// Does `host` mean the machine that reads it, or none?
fn means_the_reader(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    match name.parse::<IpAddr>().ok().or_else(|| number(&name).map(IpAddr::V4)) {
        Some(IpAddr::V4(address)) => is_own_v4(address),
        Some(IpAddr::V6(address)) => is_own_v6(address),
        None => NAMES.contains(&name.as_str()) || name.ends_with(".localhost"),
    }
}

/// 127.0.0.0/8, and 0.0.0.0/8: "this host on this network".
fn is_own_v4(address: Ipv4Addr) -> bool {
    matches!(address.octets(), [0 | 127, ..])
}

/// `::1`, `::`, and the addresses of IPv4 within those of IPv6: mapped, compatible, and translated (RFC 6052).
fn is_own_v6(address: Ipv6Addr) -> bool {
    if address.is_loopback() || address.is_unspecified() {
        return true;
    }
    let within = match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => {
            let [.., a, b, c, d] = address.octets();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    };
    within.is_some_and(is_own_v4)
}

/// An IPv4 address as resolvers take it beside the usual form: one to four numbers, decimal, octal or hexadecimal, of which
/// the last fills what is left.
fn number(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(part).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    let left = 32 - 8 * u32::try_from(first.len()).ok()?;
    if left < 32 && *last >> left != 0 {
        return None;
    }
    let high = first.iter().zip([24, 16, 8]).map(|(part, shift)| part << shift);
    Some(Ipv4Addr::from(high.fold(*last, |all, part| all | part)))
}

fn part(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some("") => Some(0),
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8).ok(),
        None => text
            .bytes()
            .all(|digit| digit.is_ascii_digit())
            .then(|| text.parse().ok())?,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_this_machine_is_seen() {
        for host in [
            "127.0.0.1",
            "127.8.9.10",
            "0.0.0.0",
            "0.1.2.3",
            "::1",
            "::",
            "0:0:0:0:0:0:0:1",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "::127.0.0.1",
            "::ffff:0.0.0.0",
            "64:ff9b::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "127.1",
            "127.0.1",
            "0",
            "0x7f000001",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "0X7F.0.0.1",
            "127.0.0.1.",
            "localhost",
            "LocalHost",
            "localhost.",
            "a.localhost",
            "localhost.localdomain",
            "ip6-localhost",
            "0x",
        ] {
            let refused = refuse("localNodeHost", host).unwrap_err();
            assert_eq!(refused.kind(), crate::Kind::InvalidParam, "{host}");
            assert!(
                refused
                    .hint()
                    .is_some_and(|hint| hint.contains("cluster.allow_loopback"))
            );
        }
    }

    #[test]
    fn other_machines_are_not() {
        for host in [
            "10.0.0.1",
            "128.0.0.1",
            "1.127.0.0",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "node1.example.com",
            "localhost.example.com",
            "notlocalhost",
            "0x7f000001.example.com",
            "1.2.3.4.5",
            "4294967296",
            "127.0.0.0.1",
            "1.16777216",
            "256.0.0.1",
            "0x7g.1",
            "08.0.0.1",
            "",
        ] {
            assert!(refuse("localNodeHost", host).is_ok(), "{host}");
        }
    }
}
