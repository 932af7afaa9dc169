//! Numbers that look random and are the same for the same seed. Each user of them has a stream of its own, so that what
//! one does never changes what another gets.

/// A stream of numbers (splitmix64, whose constants these are).
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    /// The stream with this number of this seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut start = Self {
            state: seed ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93),
        };
        start.state = start.roll();
        start
    }

    /// The next number.
    pub(crate) fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to and without `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = end.max(1);
        usize::try_from(self.roll() % end as u64).unwrap_or(0)
    }

    /// One of these.
    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A number below `end` that is not `other`; `other` itself when there is nothing else.
    pub(crate) fn below_but(&mut self, end: usize, other: usize) -> usize {
        if end < 2 {
            return other;
        }
        (other + 1 + self.below(end - 1)) % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_another_stream_gives_others() {
        let some = |seed, stream| {
            let mut dice = Dice::new(seed, stream);
            (0..5).map(|_| dice.roll()).collect::<Vec<_>>()
        };
        assert_eq!(some(7, 1), some(7, 1));
        assert_ne!(some(7, 1), some(7, 2));
        assert_ne!(some(7, 1), some(8, 1));
    }

    #[test]
    fn another_number_is_never_the_same() {
        let mut dice = Dice::new(1, 1);
        assert!((0..100).all(|_| dice.below_but(3, 1) != 1));
        assert_eq!(dice.below_but(1, 0), 0);
    }
}
