//! Addresses of its own for every test, so that tests run beside each other on the ports that nodes have in life.
//!
//! Decides which part of 127.0.0.0/8 a test gets. A listener held for as long as the test runs keeps others away.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, Result};

/// Held by whoever uses the network; nothing else listens here.
const RESERVED: u16 = 5431;

/// 254 addresses that no other test uses.
pub(crate) struct Network {
    second: u8,
    third: u8,
    _reserved: TcpListener,
}

impl Network {
    /// Takes the first free network, beginning at a place that differs from test to test.
    pub(crate) fn take() -> Result<Self> {
        let start = std::process::id();
        let mut candidates = (0..1000).map(|step| start.wrapping_mul(31).wrapping_add(step));
        candidates
            .find_map(Self::reserve)
            .context("no free network in 127.0.0.0/8")
    }

    fn reserve(candidate: u32) -> Option<Self> {
        let [.., second, third] = candidate.to_be_bytes();
        // 127.0 is for everybody, and 127.255 ends in a broadcast address.
        let second = second.clamp(1, 254);
        let reserved = TcpListener::bind((Ipv4Addr::new(127, second, third, 1), RESERVED)).ok()?;
        Some(Self {
            second,
            third,
            _reserved: reserved,
        })
    }

    /// The address of the node with this number, from 1.
    pub(crate) fn address(&self, node: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.second, self.third, node)
    }
}
