//! The packet filter before a node: who reaches which port, and how many connections one source may have.
//!
//! Decides the rules and writes them as nftables reads them, with the unit that loads them. It opens nothing and runs
//! nothing. `PostgreSQL` has a place for each connection before it knows whose it is, so this is the only bound that comes
//! early enough. Next: `rules.nft` and `keystead-nftables.service` beside this file.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::error::{Error, Result};

const TEMPLATE: &str = include_str!("rules.nft");

/// The unit that loads the rules before the node starts.
pub const UNIT: &str = include_str!("keystead-nftables.service");

/// Where the unit looks for the rules.
pub const RULES_PATH: &str = "/etc/keystead/keystead.nft";

/// What the rules depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firewall {
    /// Who may reach `PostgreSQL`; everybody when there is none.
    pub members: Vec<Network>,
    /// The port between nodes.
    pub postgres: Bound,
    /// The port of users.
    pub rest: Bound,
}

/// A port, and how many connections one source may have to it. So many may it also begin in a second, and twice as many at
/// once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The TCP port.
    pub port: u16,
    /// Connections of one source.
    pub per_source: u16,
}

impl Default for Firewall {
    fn default() -> Self {
        Self {
            members: Vec::new(),
            // A member has 16 at the most, in whatever direction.
            postgres: Bound {
                port: 5432,
                per_source: 64,
            },
            rest: Bound {
                port: 443,
                per_source: 256,
            },
        }
    }
}

/// An address, or a network of them: `10.0.0.1`, `10.0.0.0/24`, `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: Option<u8>,
}

impl FromStr for Network {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::invalid_param(format!("{text:?} is neither an address nor a network"))
                .with_hint("as in 10.0.0.1, 10.0.0.0/24 or 2001:db8::/32; names are not taken, for they can change")
        };
        let (address, prefix) = text.split_once('/').map_or((text, None), |(one, two)| (one, Some(two)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => None,
            Some(digits) => Some(
                digits
                    .parse::<u8>()
                    .ok()
                    .filter(|bits| *bits <= longest)
                    .ok_or_else(wrong)?,
            ),
        };
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        self.prefix.map_or(Ok(()), |bits| write!(f, "/{bits}"))
    }
}

impl Firewall {
    /// The rules, as `nft -f` reads them.
    pub fn rules(&self) -> String {
        let of = |is_ipv4: bool| {
            let all = self.members.iter().filter(|one| one.address.is_ipv4() == is_ipv4);
            let all: Vec<String> = all.map(ToString::to_string).collect();
            if all.is_empty() {
                String::new()
            } else {
                format!("\n        elements = {{ {} }}", all.join(", "))
            }
        };
        let strangers = if self.members.is_empty() {
            "# No members were named, so everybody reaches this port: name them with --members."
        } else {
            "ip saddr != @members4 counter drop\n        ip6 saddr != @members6 counter drop"
        };
        TEMPLATE
            .replace("{members4}", &of(true))
            .replace("{members6}", &of(false))
            .replace("{strangers}", strangers)
            .replace("{postgres_port}", &self.postgres.port.to_string())
            .replace("{postgres_count}", &self.postgres.per_source.to_string())
            .replace(
                "{postgres_burst}",
                &(u32::from(self.postgres.per_source) * 2).to_string(),
            )
            .replace("{rest_port}", &self.rest.port.to_string())
            .replace("{rest_count}", &self.rest.per_source.to_string())
            .replace("{rest_burst}", &(u32::from(self.rest.per_source) * 2).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(all: &[&str]) -> Firewall {
        Firewall {
            members: all.iter().map(|one| one.parse().unwrap()).collect(),
            ..Firewall::default()
        }
    }

    #[test]
    fn members_alone_reach_postgresql_when_they_are_named() {
        let rules = members(&["10.0.0.1", "10.1.0.0/16", "2001:db8::/32"]).rules();
        for line in [
            "elements = { 10.0.0.1, 10.1.0.0/16 }",
            "elements = { 2001:db8::/32 }",
            "ip saddr != @members4 counter drop",
            "ip6 saddr != @members6 counter drop",
        ] {
            assert!(rules.contains(line), "{line} is not in {rules}");
        }
        assert!(!Firewall::default().rules().contains("drop\n        ip6 saddr !="));
    }

    #[test]
    fn nothing_of_the_template_stays() {
        let rules = members(&["10.0.0.1"]).rules();
        let left = ["{members", "{strangers", "{postgres", "{rest"].map(|start| rules.contains(start));
        assert_eq!(left, [false; 4], "{rules}");
        assert!(rules.contains("ct count over 64") && rules.contains("limit rate over 256/second burst 512 packets"));
    }

    #[test]
    fn what_is_no_address_never_becomes_a_rule() {
        for text in [
            "",
            "node-1",
            "10.0.0.1/33",
            "10.0.0.0/",
            "::1/129",
            "10.0.0.1 }; flush ruleset; {",
            "1.2.3.4\n",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_unit_loads_the_rules_from_where_they_are_said_to_be() {
        assert!(UNIT.contains(&format!("ExecStart=/usr/sbin/nft -f {RULES_PATH}\n")));
    }
}
