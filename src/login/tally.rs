//! How many log-ins went wrong lately: what the alarm `failed-logins` is judged by.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Micros;

/// One count is for a minute, in microseconds.
const MINUTE: i64 = 60_000_000;

/// So many minutes are looked back.
pub const MINUTES: usize = 5;

/// The same as a time.
pub const LATELY: Duration = Duration::from_mins(MINUTES as u64);

/// What went wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    /// Passwords that were checked and wrong.
    pub wrong: u64,
    /// Attempts that were refused unchecked.
    pub put_off: u64,
}

/// Counts by the minute.
#[derive(Debug, Clone, Default)]
pub struct Tally(VecDeque<(i64, Failures)>);

impl Tally {
    /// Counts something that went wrong.
    pub fn add(&mut self, failures: Failures, now: Micros) {
        let minute = now.0.div_euclid(MINUTE);
        match self.0.back_mut() {
            Some((last, sum)) if *last == minute => {
                sum.wrong = sum.wrong.saturating_add(failures.wrong);
                sum.put_off = sum.put_off.saturating_add(failures.put_off);
            }
            _ => self.0.push_back((minute, failures)),
        }
        while self.0.len() > MINUTES {
            self.0.pop_front();
        }
    }

    /// What went wrong in the last [`MINUTES`].
    pub fn lately(&self, now: Micros) -> Failures {
        let minute = now.0.div_euclid(MINUTE);
        let span = i64::try_from(MINUTES).unwrap_or(i64::MAX);
        let is_recent = |of: i64| (0..span).contains(&minute.saturating_sub(of));
        let recent = self.0.iter().filter(|(of, _)| is_recent(*of));
        recent.fold(Failures::default(), |sum, (_, one)| Failures {
            wrong: sum.wrong.saturating_add(one.wrong),
            put_off: sum.put_off.saturating_add(one.put_off),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_five_minutes_does_not_count() {
        let mut tally = Tally::default();
        let at = |minute: i64| Micros(1_800_000_000_000_000 + minute * MINUTE);
        let wrong = Failures { wrong: 1, put_off: 2 };
        for minute in 0..20 {
            tally.add(wrong, at(minute));
            tally.add(wrong, at(minute));
        }
        assert_eq!(tally.0.len(), MINUTES);
        assert_eq!(tally.lately(at(19)), Failures { wrong: 10, put_off: 20 });
        assert_eq!(tally.lately(at(22)), Failures { wrong: 4, put_off: 8 });
        assert_eq!(tally.lately(at(24)), Failures::default());
    }
}
