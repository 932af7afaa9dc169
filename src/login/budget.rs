//! How many wrong passwords somebody may try: some are free, then each costs a pause that is twice as long as the one
//! before, up to a longest one. Whoever stops trying is forgotten.
//!
//! What is remembered is bounded. When there is no room those with the fewest wrong ones are forgotten first, so that
//! many names or addresses that are tried once do not make room for the one that is tried again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Micros;

/// What a budget is.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    /// Wrong passwords without a pause.
    pub free: u32,
    /// The first pause.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
    /// Whoever has not tried for so long begins anew. Longer than the longest pause.
    pub forgotten_after: Duration,
    /// How many are remembered.
    pub entries: usize,
}

/// Budgets of whoever `K` is.
#[derive(Debug, Clone)]
pub struct Budgets<K> {
    pauses: Pauses,
    spent: BTreeMap<K, Spent>,
}

#[derive(Debug, Clone, Copy)]
struct Spent {
    wrong: u32,
    last: Micros,
}

impl<K: Ord + Clone> Budgets<K> {
    /// Nobody has tried anything.
    pub fn new(pauses: Pauses) -> Self {
        Self {
            pauses,
            spent: BTreeMap::new(),
        }
    }

    /// How long `who` has to wait yet.
    pub fn pause(&self, who: &K, now: Micros) -> Option<Duration> {
        let spent = self.spent.get(who)?;
        let over = spent.wrong.checked_sub(self.pauses.free)?.checked_sub(1)?;
        let doubled = 1u32.checked_shl(over).unwrap_or(u32::MAX);
        let pause = self.pauses.first.saturating_mul(doubled).min(self.pauses.longest);
        let left = pause.checked_sub(since(spent.last, now)?)?;
        (!left.is_zero()).then_some(left)
    }

    /// Counts a wrong password of `who`.
    pub fn charge(&mut self, who: K, now: Micros) {
        let is_forgotten =
            |spent: &Spent| since(spent.last, now).is_none_or(|past| past >= self.pauses.forgotten_after);
        let before = self.spent.get(&who).filter(|spent| !is_forgotten(spent));
        let wrong = before.map_or(0, |spent| spent.wrong).saturating_add(1);
        if !self.spent.contains_key(&who) && self.spent.len() >= self.pauses.entries {
            self.spent
                .retain(|_, spent| since(spent.last, now).is_some_and(|past| past < self.pauses.forgotten_after));
            self.make_room();
        }
        self.spent.insert(who, Spent { wrong, last: now });
    }

    /// Forgets the wrong passwords of `who`.
    pub fn forgive(&mut self, who: &K) {
        self.spent.remove(who);
    }

    /// Who of those that tried within `lately` has the most wrong passwords, and how many.
    pub fn worst(&self, lately: Duration, now: Micros) -> Option<(&K, u32)> {
        let tried = |spent: &Spent| since(spent.last, now).is_some_and(|past| past < lately);
        let recent = self.spent.iter().filter(|(_, spent)| tried(spent));
        recent
            .map(|(who, spent)| (who, spent.wrong))
            .max_by_key(|(_, wrong)| *wrong)
    }

    fn make_room(&mut self) {
        if self.spent.len() < self.pauses.entries {
            return;
        }
        let least = self.spent.iter().min_by_key(|(_, spent)| (spent.wrong, spent.last));
        if let Some(least) = least.map(|(who, _)| who.clone()) {
            self.spent.remove(&least);
        }
    }
}

/// `None` when the clock was set back: nobody waits for a time that may come much later.
fn since(last: Micros, now: Micros) -> Option<Duration> {
    let past = now.0.saturating_sub(last.0);
    u64::try_from(past).ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSES: Pauses = Pauses {
        free: 2,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(5),
        forgotten_after: Duration::from_mins(1),
        entries: 3,
    };

    fn at(seconds: i64) -> Micros {
        Micros(1_800_000_000_000_000 + seconds * 1_000_000)
    }

    fn tried(times: u32) -> Budgets<&'static str> {
        let mut budgets = Budgets::new(PAUSES);
        for _ in 0..times {
            budgets.charge("a", at(0));
        }
        budgets
    }

    #[test]
    fn some_are_free_and_then_pauses_double_up_to_the_longest() {
        let pauses: Vec<u64> = (0..8)
            .map(|times| tried(times).pause(&"a", at(0)).map_or(0, |left| left.as_secs()))
            .collect();
        assert_eq!(pauses, [0, 0, 0, 1, 2, 4, 5, 5]);
        assert!(tried(u32::from(u16::MAX)).pause(&"a", at(0)).is_some());
    }

    #[test]
    fn a_pause_passes_and_concerns_nobody_else() {
        let budgets = tried(4);
        assert_eq!(budgets.pause(&"a", at(1)), Some(Duration::from_secs(1)));
        assert_eq!(budgets.pause(&"a", at(2)), None);
        assert_eq!(budgets.pause(&"b", at(0)), None);
    }

    #[test]
    fn whoever_stops_begins_anew_and_whoever_goes_on_does_not() {
        let mut budgets = tried(6);
        budgets.charge("a", at(59));
        assert_eq!(budgets.pause(&"a", at(59)), Some(Duration::from_secs(5)));
        budgets.charge("a", at(119));
        assert_eq!(budgets.pause(&"a", at(119)), None);
    }

    #[test]
    fn a_clock_that_was_set_back_pauses_nobody() {
        assert_eq!(tried(8).pause(&"a", at(-3600)), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_worst_is_not_pushed_out() {
        let names: Vec<String> = (0..1000).map(|number| format!("n{number:03}")).collect();
        let mut budgets = Budgets::new(PAUSES);
        for _ in 0..5 {
            budgets.charge("worst", at(0));
        }
        for name in &names {
            budgets.charge(name, at(1));
        }
        assert_eq!(budgets.spent.len(), PAUSES.entries);
        assert_eq!(budgets.worst(Duration::from_secs(2), at(1)), Some((&"worst", 5)));
        assert_eq!(
            budgets.worst(Duration::from_secs(1), at(1)).map(|(_, wrong)| wrong),
            Some(1)
        );
        assert!(budgets.pause(&"worst", at(1)).is_some());
    }

    #[test]
    fn whoever_is_forgiven_has_tried_nothing() {
        let mut budgets = tried(8);
        budgets.forgive(&"a");
        assert_eq!(budgets.pause(&"a", at(0)), None);
    }
}
