//! What goes wrong, when and to whom, decided by the seed alone: one fault at a time, each healed before the next.
//!
//! Deciding is here; doing it is in `strike.rs`.

use std::time::Duration;

use super::dice::Dice;

/// From the beginning of a fault to that of the next, at the least.
pub(super) const FAULT_EVERY: Duration = Duration::from_secs(10);

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Packets of one node to another are lost, those of the other way arrive.
    CutOneWay,
    /// All packets between two nodes are lost.
    CutBothWays,
    /// All packets of a node to and from all others are lost.
    Isolate,
    /// Connections between two nodes are reset, again and again.
    Reset,
    /// An agent stands still.
    HaltAgent,
    /// A PostgreSQL stands still.
    HaltPostgres,
    /// An agent dies.
    KillAgent,
    /// A PostgreSQL dies; its agent starts it again.
    KillPostgres,
    /// An agent dies with its PostgreSQL.
    KillBoth,
    /// A clock is ten minutes ahead or behind, and then right again.
    Skew,
    /// Everything on all nodes dies.
    KillAll,
    /// A slot is dropped while its reader is away.
    DropSlot,
}

impl Kind {
    /// All kinds, with the names that `FAULTS` takes.
    pub(super) const ALL: [(&str, Self); 12] = [
        ("cut-one-way", Self::CutOneWay),
        ("cut-both-ways", Self::CutBothWays),
        ("isolate", Self::Isolate),
        ("reset", Self::Reset),
        ("halt-agent", Self::HaltAgent),
        ("halt-postgres", Self::HaltPostgres),
        ("kill-agent", Self::KillAgent),
        ("kill-postgres", Self::KillPostgres),
        ("kill-both", Self::KillBoth),
        ("skew", Self::Skew),
        ("kill-all", Self::KillAll),
        ("drop-slot", Self::DropSlot),
    ];

    /// Those that happen when nobody chooses.
    pub(super) fn usual() -> Vec<Self> {
        Self::ALL.map(|(_, kind)| kind).to_vec()
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }

    /// The kind with this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| kind)
    }
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strike {
    pub(super) kind: Kind,
    pub(super) node: usize,
    /// The other node, of those that need two.
    pub(super) other: usize,
    /// How long it lasts. Killed programs stay away so long.
    pub(super) lasts: Duration,
    /// Seconds that a clock is ahead.
    pub(super) ahead: i64,
}

/// Faults without end. Every kind comes once before one comes again.
pub(super) struct Strikes {
    dice: Dice,
    nodes: usize,
    kinds: Vec<Kind>,
    left: Vec<Kind>,
}

/// The stream of numbers of the nemesis.
const STREAM: u64 = 1 << 32;

impl Strikes {
    /// Those of a seed, of these kinds.
    pub(super) fn new(seed: u64, nodes: usize, kinds: Vec<Kind>) -> Self {
        Self {
            dice: Dice::new(seed, STREAM),
            nodes,
            kinds,
            left: Vec::new(),
        }
    }
}

impl Iterator for Strikes {
    type Item = Strike;

    fn next(&mut self) -> Option<Strike> {
        if self.left.is_empty() {
            self.left.clone_from(&self.kinds);
        }
        if self.left.is_empty() {
            return None;
        }
        let kind = self.left.swap_remove(self.dice.below(self.left.len()));
        let node = self.dice.below(self.nodes);
        Some(Strike {
            kind,
            node,
            other: self.dice.below_but(self.nodes, node),
            lasts: Duration::from_millis(2000 + self.dice.roll() % 4000),
            ahead: self.dice.one_of(&[-600, 600]),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_of_fault_comes_before_one_comes_again() {
        let kinds = Kind::usual();
        let strikes: Vec<Strike> = Strikes::new(3, 3, kinds.clone()).take(kinds.len() * 2).collect();
        for round in strikes.chunks(kinds.len()) {
            assert_eq!(
                round.iter().map(|strike| strike.kind).collect::<HashSet<_>>().len(),
                kinds.len()
            );
        }
        assert!(strikes.iter().all(|strike| strike.node != strike.other));
        assert_eq!(
            strikes,
            Strikes::new(3, 3, kinds).take(strikes.len()).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_fault_is_found_by_its_name() {
        for (name, kind) in Kind::ALL {
            assert_eq!((Kind::from_name(name), kind.name()), (Some(kind), name));
        }
    }
}
