//! When every member has what one node had written up to a time, and since when each of them has it.

use std::collections::BTreeMap;

use super::horizon::{Heartbeats, seen_by_all};
use crate::clock::Micros;
use crate::id::NodeNumber;

/// Remembers who has what `origin` had written up to `up_to`, over several looks.
#[derive(Debug)]
pub struct Barrier {
    origin: NodeNumber,
    up_to: Micros,
    members: BTreeMap<NodeNumber, Option<Micros>>,
}

impl Barrier {
    /// Nobody is known to have it yet.
    pub fn new(origin: NodeNumber, up_to: Micros) -> Self {
        Self {
            origin,
            up_to,
            members: BTreeMap::new(),
        }
    }

    /// Looks at `members`, of which there may be more or fewer than at the last look, at the time `now`. True when all
    /// have it.
    pub fn look(
        &mut self,
        members: impl IntoIterator<Item = NodeNumber>,
        heartbeats: &Heartbeats,
        now: Micros,
    ) -> bool {
        let before = std::mem::take(&mut self.members);
        for member in members {
            let had = before.get(&member).copied().flatten();
            let has = || seen_by_all(heartbeats, &[member], self.origin, self.up_to).then_some(now);
            self.members.insert(member, had.or_else(has));
        }
        self.members.values().all(Option::is_some)
    }

    /// The time up to which everything is waited for.
    pub fn up_to(&self) -> Micros {
        self.up_to
    }

    /// Since when a member is known to have it; `None` when it is not.
    pub fn had_by(&self, member: NodeNumber) -> Option<Micros> {
        self.members.get(&member).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(rows: &[(i32, i64)]) -> Heartbeats {
        rows.iter()
            .map(|(viewer, at)| (NodeNumber(*viewer), BTreeMap::from([(NodeNumber(1), Micros(*at))])))
            .collect()
    }

    #[test]
    fn it_opens_when_the_last_member_has_it_and_remembers_when_each_had_it() {
        let (two, three) = (NodeNumber(2), NodeNumber(3));
        let mut barrier = Barrier::new(NodeNumber(1), Micros(100));
        assert!(!barrier.look([two, three], &seen(&[(2, 100), (3, 99)]), Micros(110)));
        assert!(barrier.look([two, three], &seen(&[(2, 101), (3, 100)]), Micros(120)));
        assert_eq!(barrier.had_by(two), Some(Micros(110)));
        assert_eq!(barrier.had_by(three), Some(Micros(120)));
    }

    #[test]
    fn a_member_that_was_removed_is_not_waited_for_and_one_that_came_is() {
        let mut barrier = Barrier::new(NodeNumber(1), Micros(100));
        assert!(!barrier.look([NodeNumber(2)], &seen(&[]), Micros(110)));
        assert!(barrier.look([], &seen(&[]), Micros(120)), "alone");
        assert!(!barrier.look([NodeNumber(3)], &seen(&[]), Micros(130)));
    }
}
