//! How long a peer may take to answer, and how much it may say: the terms on which a node asks another one.
//!
//! A peer's server may accept a connection and then stand still, or talk without end, because it is broken or because it
//! means harm. All numbers are here, each with its reason; `sql/src/peer/` holds a session to them, and there is no other
//! way to ask a peer anything.

use std::time::Duration;

/// What a question costs the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Answered from a few rows or from memory.
    Look,
    /// A slot is made, which waits for the end of every transaction that was open on the peer.
    Slot,
    /// The peer reads all of its data before the first row of the answer is there: digests, counts.
    Reading,
    /// Rows come as they are read, for as long as it takes.
    Copy,
}

/// How long to wait for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the whole answer; `None` where it may take as long as it progresses.
    pub total: Option<Duration>,
    /// Without a sign that it progresses; `None` where the total alone counts.
    pub standstill: Option<Duration>,
}

/// The terms of a session with a peer.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// For a connection, from the first packet to the server being ready.
    pub connect: Duration,
    /// For the answer to a [`Work::Look`].
    pub look: Duration,
    /// For the answer of a peer's agent, which may have to ask others.
    pub call: Duration,
    /// While [`Work::Slot`] is done, without the peer's word that it is at it.
    pub slot: Duration,
    /// For the answer to [`Work::Slot`] and [`Work::Reading`], whatever the peer says of its progress.
    pub reading: Duration,
    /// Without a byte of a copy; without a byte of a reading or the peer's word that it is at it.
    pub standstill: Duration,
    /// How much may come.
    pub sizes: Sizes,
}

/// How many bytes a peer may send.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// In answer to one question, and before the first one.
    pub answer: u64,
    /// In answer to all questions of a session that are not readings or copies, and unasked.
    pub session: u64,
    /// In answer to one [`Work::Reading`].
    pub reading: u64,
    /// Of a copy that was not taken off the connection yet; so the longest row too.
    pub window: u64,
}

const MEBIBYTE: u64 = 1 << 20;

impl Terms {
    /// Those of the product.
    pub const PRODUCT: Self = Self {
        // Below the 10 seconds in which a dead node must be noticed.
        connect: Duration::from_secs(5),
        // Milliseconds for a server that is well; room for one that is busy, and for packets that are lost on the way. Below
        // the 20 seconds in which a call must be answered that needs the word of all members.
        look: Duration::from_secs(10),
        // A membership lease may have to wait for members that stand still. Below the 29 seconds of a user's call.
        call: Duration::from_secs(20),
        // No transaction of a node's own writes for longer. Others may, and then the peer says that it waits for them.
        slot: Duration::from_mins(1),
        // The agent on the other side ends a statement after 15 minutes; a digest of 100 million keys takes under ten.
        reading: Duration::from_mins(16),
        // A disk that is slow delivers something in a minute. What locks a table for as long is a migration, which waits
        // 30 seconds for its locks.
        standstill: Duration::from_mins(1),
        sizes: Sizes {
            // A thousand times the longest answer of a cluster of 20 nodes; as JSON in memory it takes twenty times as much.
            answer: 4 * MEBIBYTE,
            // A session that is kept open for one look a second lasts for hours, and is made anew then.
            session: 64 * MEBIBYTE,
            // 100,000 rows of a bucket, of up to 600 bytes with their keys.
            reading: 64 * MEBIBYTE,
            // Twice the longest body that a REST call can be let have, and no row is longer than what made it.
            window: 128 * MEBIBYTE,
        },
    };

    /// How long the answer to such a question may take.
    pub fn patience(&self, work: Work) -> Patience {
        let (total, standstill) = match work {
            Work::Look => (Some(self.look), None),
            Work::Slot => (Some(self.reading), Some(self.slot)),
            Work::Reading => (Some(self.reading), Some(self.standstill)),
            Work::Copy => (None, Some(self.standstill)),
        };
        Patience { total, standstill }
    }
}

impl Sizes {
    /// How many bytes may come in answer to such a question.
    pub fn of(&self, work: Work) -> u64 {
        match work {
            Work::Look | Work::Slot => self.answer,
            Work::Reading => self.reading,
            Work::Copy => self.window,
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self::PRODUCT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NodeConfig;

    const ALL: [Work; 4] = [Work::Look, Work::Slot, Work::Reading, Work::Copy];

    #[test]
    fn every_question_has_a_deadline_and_a_size() {
        for work in ALL {
            let Patience { total, standstill } = Terms::PRODUCT.patience(work);
            assert!(total.or(standstill).is_some_and(|time| !time.is_zero()), "{work:?}");
            assert!(Terms::PRODUCT.sizes.of(work) > 0, "{work:?}");
        }
    }

    #[test]
    fn only_a_copy_may_take_as_long_as_it_progresses() {
        for work in ALL {
            let is_bounded = Terms::PRODUCT.patience(work).total.is_some();
            assert_eq!(is_bounded, work != Work::Copy, "{work:?}");
        }
    }

    #[test]
    fn who_waits_for_an_answer_that_needs_others_waits_longer_than_these_may_take() {
        let Terms {
            connect, look, call, ..
        } = Terms::PRODUCT;
        assert!(connect + look < call && call < Duration::from_secs(29));
    }

    #[test]
    fn a_copy_takes_the_longest_row_that_a_user_can_make() {
        let with = |bytes: u64| {
            let text = format!("data_dir = \"/d\"\n[rest]\nmax_body_bytes = {bytes}");
            NodeConfig::parse(&text, "node.toml").is_ok()
        };
        let window = Terms::PRODUCT.sizes.window;
        assert!(with(window / 2) && !with(window / 2 + 1));
    }
}
