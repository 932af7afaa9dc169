//! Lines in the log that anybody can cause at no cost are bounded: so many in a while, the others are counted.
//!
//! Log-ins whose password was checked are all logged, for checking bounds them. Those that were put off, or show a token
//! that is not good, are not bounded by anything else.

use std::time::Duration;

use crate::clock::Micros;

/// So many lines …
const LINES: u32 = 50;

/// … in so long.
const WHILE: Duration = Duration::from_secs(10);

/// What was logged lately.
#[derive(Debug, Clone, Default)]
pub struct Quiet {
    since: Micros,
    lines: u32,
    left_out: u64,
}

impl Quiet {
    /// May there be a line now? If so, how many were left out before it.
    pub fn may_log(&mut self, now: Micros) -> Option<u64> {
        let past = u64::try_from(now.0.saturating_sub(self.since.0));
        if past.map_or(true, |past| Duration::from_micros(past) >= WHILE) {
            (self.since, self.lines) = (now, 0);
        }
        if self.lines >= LINES {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_few_lines_and_a_count() {
        let mut quiet = Quiet::default();
        let at = |seconds: i64| Micros(1_800_000_000_000_000 + seconds * 1_000_000);
        let lines = (0..1000).filter_map(|_| quiet.may_log(at(0))).count();
        assert_eq!(lines, 50);
        assert_eq!(quiet.may_log(at(9)), None);
        assert_eq!(quiet.may_log(at(10)), Some(951));
        assert_eq!(quiet.may_log(at(10)), Some(0));
    }
}
