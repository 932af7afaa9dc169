//! Who may open a connection more at the door for users: how many there may be, in all and of one source.
//!
//! Decides by counts alone. A source is an IPv4 address, or the /64 of an IPv6 address, which one machine can use as a whole.
//! Connections that have not yet said hello by TLS are counted apart, for they cost the most and prove the least. The
//! sockets are in `appliance/src/api/admission.rs`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of all sources together.
    pub total: usize,
    /// Of one source.
    pub per_source: usize,
}

impl Limits {
    /// How many of them may be in their handshake: a quarter, which is plenty for those who mean it.
    fn in_handshake(self) -> Self {
        Self {
            total: self.total.div_ceil(4),
            per_source: self.per_source.div_ceil(4),
        }
    }
}

/// Why there may not be one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// There are as many as there may be.
    Total,
    /// This source has as many as it may have.
    Source,
}

/// Counts the connections that there are.
#[derive(Debug)]
pub struct Ledger {
    limits: Limits,
    all: Held,
    sources: HashMap<IpAddr, Held>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Held {
    open: usize,
    in_handshake: usize,
}

impl Held {
    fn add(&mut self) {
        self.open += 1;
        self.in_handshake += 1;
    }
}

impl Ledger {
    /// Nobody is connected.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            all: Held::default(),
            sources: HashMap::new(),
        }
    }

    /// Counts one more connection of this address, whose handshake begins.
    ///
    /// # Errors
    /// When there may not be one more; nothing is counted then.
    pub fn admit(&mut self, address: IpAddr) -> Result<(), Full> {
        let (limits, handshakes) = (self.limits, self.limits.in_handshake());
        if self.all.open >= limits.total || self.all.in_handshake >= handshakes.total {
            return Err(Full::Total);
        }
        let source = source(address);
        let held = self.sources.get(&source).copied().unwrap_or_default();
        if held.open >= limits.per_source || held.in_handshake >= handshakes.per_source {
            return Err(Full::Source);
        }
        self.all.add();
        self.sources.entry(source).or_default().add();
        Ok(())
    }

    /// The handshake of a connection of this address has ended, well or not.
    pub fn shook_hands(&mut self, address: IpAddr) {
        self.all.in_handshake = self.all.in_handshake.saturating_sub(1);
        if let Some(held) = self.sources.get_mut(&source(address)) {
            held.in_handshake = held.in_handshake.saturating_sub(1);
        }
    }

    /// A connection of this address, whose handshake has ended, is gone.
    pub fn leave(&mut self, address: IpAddr) {
        let source = source(address);
        self.all.open = self.all.open.saturating_sub(1);
        if let Some(held) = self.sources.get_mut(&source) {
            held.open = held.open.saturating_sub(1);
            if held.open == 0 {
                self.sources.remove(&source);
            }
        }
    }
}

/// Whom an address belongs to.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        total: 16,
        per_source: 8,
    };

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// As many connections as are admitted, each through its handshake at once.
    fn fill(ledger: &mut Ledger, from: IpAddr) -> (usize, Full) {
        let mut admitted = 0;
        loop {
            if let Err(full) = ledger.admit(from) {
                return (admitted, full);
            }
            ledger.shook_hands(from);
            admitted += 1;
        }
    }

    #[test]
    fn a_source_has_its_share_and_leaves_the_rest_to_others() {
        let mut ledger = Ledger::new(LIMITS);
        assert_eq!(fill(&mut ledger, address("10.0.0.1")), (8, Full::Source));
        assert_eq!(fill(&mut ledger, address("10.0.0.2")), (8, Full::Total));
        ledger.leave(address("10.0.0.1"));
        assert_eq!(fill(&mut ledger, address("10.0.0.3")), (1, Full::Total));
    }

    #[test]
    fn of_those_who_say_nothing_a_quarter_is_enough() {
        let mut ledger = Ledger::new(LIMITS);
        let (silent, other) = (address("10.0.0.1"), address("10.0.0.2"));
        for _ in 0..2 {
            ledger.admit(silent).unwrap();
        }
        assert_eq!(ledger.admit(silent), Err(Full::Source));
        for _ in 0..2 {
            ledger.admit(other).unwrap();
        }
        assert_eq!(ledger.admit(address("10.0.0.3")), Err(Full::Total));
        ledger.shook_hands(silent);
        assert_eq!(ledger.admit(address("10.0.0.3")), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_ipv4_is_itself_however_it_is_written() {
        assert_eq!(source(address("2001:db8:1:2:3::4")), source(address("2001:db8:1:2::1")));
        assert_ne!(source(address("2001:db8:1:2::1")), source(address("2001:db8:1:3::1")));
        assert_eq!(source(address("::ffff:10.0.0.1")), address("10.0.0.1"));
    }

    proptest! {
        /// Whatever comes and goes, in the end nothing is counted and nobody is remembered.
        #[test]
        fn nothing_is_left_of_those_who_are_gone(steps in proptest::collection::vec((0_u8..4, any::<bool>()), 0..200)) {
            let mut ledger = Ledger::new(LIMITS);
            let mut there = Vec::new();
            for (last, arrives) in steps {
                let from = IpAddr::from([10, 0, 0, last]);
                if arrives {
                    if ledger.admit(from).is_ok() {
                        there.push(from);
                    }
                } else if let Some(one) = there.pop() {
                    ledger.shook_hands(one);
                    ledger.leave(one);
                }
                prop_assert!(ledger.all.open == there.len() && there.len() <= LIMITS.total);
            }
            for one in there.drain(..) {
                ledger.shook_hands(one);
                ledger.leave(one);
            }
            prop_assert_eq!(ledger.all, Held::default());
            prop_assert!(ledger.sources.is_empty());
        }
    }
}
