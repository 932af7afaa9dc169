//! What the members have heard of this node's lives, from round to round.
//!
//! A node that does not remember a life of its own waits until nothing more of it is heard: else another machine runs as
//! this node, and the two would take each other's links for ever. Decided in `keystead::replication::past`.

use std::collections::{BTreeMap, BTreeSet};

use keystead::NodeNumber;
use keystead::replication::past::{Past, Still};

use super::announce;
use super::look::Sightings;
use crate::agent::{Agent, Standing};

/// What the members have heard of this node's lives, and whether more of one that it does not remember is still coming.
#[derive(Default)]
pub(super) struct Lives {
    still: BTreeMap<NodeNumber, Still>,
    over: BTreeSet<NodeNumber>,
    told: bool,
}

impl Lives {
    /// Takes note of what the members said just now. A life that is in this node's `past` is its own: one that has served
    /// again is heard of by members that were away.
    pub(super) fn note(&mut self, agent: &Agent, seen: &Sightings, past: &Past) {
        let (now, fenced) = (agent.clock.now(), agent.standing() == Standing::Fenced);
        self.told &= fenced;
        for (number, sighting) in seen {
            let Some(heard) = sighting.heard.clone() else {
                self.over.insert(*number);
                continue;
            };
            let before = self.still.get(number);
            let moved = before.is_some_and(|before| before.heard != heard);
            let is_own = past.knows(&heard);
            let still = Still::after(before, heard, now);
            if is_own || still.is_over(now) {
                self.over.insert(*number);
            } else {
                self.over.remove(number);
            }
            self.still.insert(*number, still);
            if moved && fenced && !std::mem::replace(&mut self.told, true) {
                announce::twin(agent);
            }
        }
    }

    /// Is all that this member has heard of this node over?
    pub(super) fn over(&self, number: NodeNumber) -> bool {
        self.over.contains(&number)
    }
}
