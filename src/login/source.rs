//! Where a log-in comes from: the address of the TCP connection, as coarse as one attacker is.
//!
//! An IPv6 source is a network of 64 bits, for that is what one machine is given; an IPv4 source is one address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an IPv6 address and its neighbours have in common.
const NETWORK: u128 = !(u64::MAX as u128);

/// A source of log-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Source(IpAddr);

impl Source {
    /// The source that a peer belongs to.
    pub fn of(peer: IpAddr) -> Self {
        Self(match peer.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

impl FromStr for Source {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_suffix("/64").unwrap_or(text).parse().map(Self::of)
    }
}

impl TryFrom<String> for Source {
    type Error = std::net::AddrParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str) -> Source {
        Source::of(address.parse().unwrap())
    }

    #[test]
    fn an_ipv6_source_is_its_network_and_an_ipv4_source_its_address() {
        assert_eq!(source("2001:db8:1:2::7"), source("2001:db8:1:2:ffff::1"));
        assert_ne!(source("2001:db8:1:2::7"), source("2001:db8:1:3::7"));
        assert_ne!(source("10.0.0.1"), source("10.0.0.2"));
        assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
    }

    #[test]
    fn a_source_is_read_as_it_was_written() {
        for (address, shown) in [("2001:db8:1:2::7", "2001:db8:1:2::/64"), ("10.0.0.1", "10.0.0.1")] {
            assert_eq!(source(address).to_string(), shown);
            assert_eq!(shown.parse::<Source>().unwrap(), source(address));
        }
        assert!("nowhere".parse::<Source>().is_err());
    }
}
