//! What goes wrong between hosts: packets that are lost, one way or both, and connections that are refused.
//!
//! Decides which packets a host takes; what the nodes on them make of that is for the tests to say. Every fault stays
//! until it is healed, and asking for it again changes nothing. The test's own packets always arrive.

use std::net::Ipv4Addr;

use anyhow::Result;

use super::hosts::Hosts;

impl Hosts {
    /// Loses every packet that `from` sends to `to`; those of the other way arrive.
    pub(crate) fn cut(&self, from: impl Into<Ipv4Addr>, to: impl Into<Ipv4Addr>) -> Result<()> {
        let from = from.into();
        self.at(to.into())?
            .filter(&format!("add element ip faults lost {{ {from} }}"))
    }

    /// Loses every packet between two hosts.
    pub(crate) fn cut_both(&self, one: impl Into<Ipv4Addr>, other: impl Into<Ipv4Addr>) -> Result<()> {
        let (one, other) = (one.into(), other.into());
        self.cut(one, other)?;
        self.cut(other, one)
    }

    /// Loses every packet between a host and all others that there are now.
    pub(crate) fn isolate(&self, one: impl Into<Ipv4Addr>) -> Result<()> {
        let one = one.into();
        for other in self.every() {
            if other.address != one {
                self.cut_both(one, other.address)?;
            }
        }
        Ok(())
    }

    /// Resets connections between two hosts, those that there are and those that are tried.
    pub(crate) fn reset(&self, one: impl Into<Ipv4Addr>, other: impl Into<Ipv4Addr>) -> Result<()> {
        let (one, other) = (one.into(), other.into());
        for (from, to) in [(one, other), (other, one)] {
            self.at(to)?
                .filter(&format!("add element ip faults refused {{ {from} }}"))?;
        }
        Ok(())
    }

    /// Ends every fault between two hosts.
    pub(crate) fn heal_between(&self, one: impl Into<Ipv4Addr>, other: impl Into<Ipv4Addr>) -> Result<()> {
        let (one, other) = (one.into(), other.into());
        for (from, to) in [(one, other), (other, one)] {
            // Added first, because what is not there cannot be deleted.
            let end = |set: &str| {
                let element = format!("element ip faults {set} {{ {from} }}");
                format!("add {element}; delete {element};")
            };
            self.at(to)?.filter(&(end("lost") + &end("refused")))?;
        }
        Ok(())
    }

    /// Ends every fault.
    pub(crate) fn heal(&self) -> Result<()> {
        for host in self.every() {
            host.filter("flush set ip faults lost; flush set ip faults refused")?;
        }
        Ok(())
    }
}
