//! How fast something goes and how long the rest takes.
//!
//! Pure arithmetic on what was seen; the clock is the caller's. Used by [`crate::printer::progress`].

use std::time::Duration;

/// Sooner than this after the start a rate is only noise.
const SETTLED: Duration = Duration::from_millis(500);

/// The start of a measurement: so many bytes had been done at that time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    start_at: Duration,
    start_bytes: u64,
}

impl Pace {
    /// Begins with `bytes` done at `at`, a time since anything.
    pub(crate) fn start(at: Duration, bytes: u64) -> Self {
        Self {
            start_at: at,
            start_bytes: bytes,
        }
    }

    /// Bytes per second since the start, or `None` while that says nothing.
    pub(crate) fn rate(&self, at: Duration, bytes: u64) -> Option<u64> {
        let elapsed = at.checked_sub(self.start_at).filter(|elapsed| *elapsed >= SETTLED)?;
        let done = u128::from(bytes.checked_sub(self.start_bytes)?);
        u64::try_from(done.saturating_mul(1000) / elapsed.as_millis().max(1)).ok()
    }
}

/// How long `bytes` take at `rate` bytes per second, or `None` when nothing moves.
pub(crate) fn time_left(bytes: u64, rate: u64) -> Option<Duration> {
    bytes.checked_div(rate).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_counts_from_the_start_of_the_measurement() {
        let pace = Pace::start(Duration::from_secs(10), 1_000);
        assert_eq!(pace.rate(Duration::from_secs(14), 9_000), Some(2_000));
    }

    #[test]
    fn there_is_no_rate_before_it_means_something() {
        let pace = Pace::start(Duration::from_secs(10), 1_000);
        assert_eq!(pace.rate(Duration::from_millis(10_100), 9_000), None);
        assert_eq!(
            pace.rate(Duration::from_secs(14), 0),
            None,
            "a count that went back gives no rate"
        );
    }

    #[test]
    fn nothing_is_promised_while_nothing_moves() {
        assert_eq!(time_left(4_000, 2_000), Some(Duration::from_secs(2)));
        assert_eq!(time_left(4_000, 0), None);
    }
}
