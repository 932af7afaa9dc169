//! What clients do, decided by the seed alone. Which keys there are when it is done, is not known here: a step that
//! needs one carries a number, and whoever takes the step picks by it among the keys there are.

use super::dice::Dice;

/// Keys that everybody writes all the time.
pub(super) const HOT_KEYS: usize = 10;

/// Keys that everybody rotates, and does nothing else to.
pub(super) const ROTATED_KEYS: usize = 3;

/// A key that a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// One that everybody writes.
    Hot(usize),
    /// One of those made a moment ago.
    Young(u64),
}

/// How a key ends, or gets nearer to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Delete,
    Deactivate,
    Compromise,
    /// Revokes first if it must.
    Destroy,
}

const ENDINGS: [Ending; 4] = [Ending::Delete, Ending::Deactivate, Ending::Compromise, Ending::Destroy];

/// What a client does next, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Makes a key, and shows it to the others if there is a number.
    Create { node: usize, shown: Option<u64> },
    /// Makes two keys of one name on two nodes at once.
    Twins { node: usize, other: usize },
    /// Rotates the key with this number, and looks on the other node which version is current.
    Rotate { node: usize, other: usize, number: usize },
    /// Does something with a key that there is.
    Do { node: usize, target: Target, act: Act },
}

/// What is done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Read,
    Change,
    End(Ending),
    /// Reads it, waits until the other node has what was read, and changes it there.
    ReadThenChange {
        other: usize,
    },
    /// Deletes it and looks for it everywhere.
    DeleteAndLook,
    /// Ends it while the other node changes it.
    Race {
        other: usize,
        ending: Ending,
    },
}

/// How often each kind of step is taken, of [`TOTAL`].
const WEIGHTS: [usize; 9] = [37, 4, 20, 15, 8, 5, 5, 2, 4];
const TOTAL: usize = 100;

/// The steps of one client, without end.
pub(super) struct Steps {
    dice: Dice,
    nodes: usize,
}

impl Steps {
    /// Those of the client with this number.
    pub(super) fn new(seed: u64, client: u64, nodes: usize) -> Self {
        Self {
            dice: Dice::new(seed, client),
            nodes,
        }
    }

    fn young(&mut self) -> Target {
        Target::Young(self.dice.roll())
    }

    fn any(&mut self) -> Target {
        if self.dice.below(2) == 0 {
            Target::Hot(self.dice.below(HOT_KEYS))
        } else {
            self.young()
        }
    }

    fn kind(&mut self) -> usize {
        let mut roll = self.dice.below(TOTAL);
        WEIGHTS
            .iter()
            .position(|weight| {
                let here = roll < *weight;
                roll = roll.saturating_sub(*weight);
                here
            })
            .unwrap_or(0)
    }
}

impl Iterator for Steps {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let kind = self.kind();
        let node = self.dice.below(self.nodes);
        let other = self.dice.below_but(self.nodes, node);
        let (target, act) = match kind {
            0 => {
                let shown = Some(self.dice.roll()).filter(|roll| roll % 2 == 0);
                return Some(Step::Create { node, shown });
            }
            1 => return Some(Step::Twins { node, other }),
            2 => (Target::Hot(self.dice.below(HOT_KEYS)), Act::Change),
            3 => (self.any(), Act::ReadThenChange { other }),
            4 => (self.young(), Act::DeleteAndLook),
            5 => {
                let ending = self.dice.one_of(&ENDINGS);
                (self.young(), Act::Race { other, ending })
            }
            6 => (self.young(), Act::End(self.dice.one_of(&ENDINGS))),
            7 => {
                let number = self.dice.below(ROTATED_KEYS);
                return Some(Step::Rotate { node, other, number });
            }
            _ => (self.any(), Act::Read),
        };
        Some(Step::Do { node, target, act })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_are_parts_of_a_whole() {
        assert_eq!(WEIGHTS.iter().sum::<usize>(), TOTAL);
    }

    #[test]
    fn a_seed_gives_the_same_steps_again_and_every_kind_of_them() {
        let steps = |seed| Steps::new(seed, 3, 3).take(500).collect::<Vec<_>>();
        assert_eq!(steps(1), steps(1));
        assert_ne!(steps(1), steps(2));
        let creates = steps(1)
            .iter()
            .filter(|step| matches!(step, Step::Create { .. }))
            .count();
        assert!((120..260).contains(&creates), "{creates}");
        assert!(
            steps(1)
                .iter()
                .any(|step| matches!(step, Step::Twins { node, other } if node != other))
        );
    }
}
