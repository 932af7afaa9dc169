//! When two nodes that both go on taking writes hold the same data.
//!
//! Digests are taken by bucket of primary keys. While writes are on their way two nodes rarely agree on all buckets at
//! one instant, but each bucket must agree at some instant after the copy: rows that are in flight arrive. A bucket
//! that never agrees has a row that will never arrive.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Micros;

/// The fewest buckets a table is divided into: few enough to compare at a glance, enough that a difference names few
/// rows.
const FEWEST_BUCKETS: i32 = 256;

/// The most: their digests are some megabytes.
const MOST_BUCKETS: i32 = 65_536;

/// About as many bytes of a table in one bucket: some hundred rows, which are looked at one by one where it differs.
const BUCKET_BYTES: i64 = 64 << 10;

/// What a digest is taken of. Both sides must be asked the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Into how many buckets every table is divided.
    pub buckets: i32,
    /// Rows with a later version are left out: they may be on their way.
    pub until: Micros,
    /// Tombstones up to this version are left out: they may have been purged on one side.
    pub purged_up_to: Micros,
}

impl Bounds {
    /// Everything, however new, and every tombstone.
    pub const ALL: Self = Self {
        buckets: FEWEST_BUCKETS,
        until: Micros(i64::MAX),
        purged_up_to: Micros(0),
    };
}

/// Into how many buckets to divide tables of which the largest has so many bytes.
pub fn buckets_for(bytes: i64) -> i32 {
    i32::try_from(bytes / BUCKET_BYTES)
        .unwrap_or(MOST_BUCKETS)
        .clamp(FEWEST_BUCKETS, MOST_BUCKETS)
}

/// Names a bucket of a table.
pub type Bucket = (String, i32);

/// A digest of each bucket that has rows: how many, and an order-independent sum of their hashes.
pub type Digests = BTreeMap<Bucket, (i64, String)>;

/// Keeps which buckets are still to agree.
#[derive(Debug, Default)]
pub struct Agreement {
    agreed: BTreeSet<Bucket>,
}

impl Agreement {
    /// Takes one look at both sides and returns the buckets that have never agreed so far.
    pub fn compare(&mut self, ours: &Digests, theirs: &Digests) -> BTreeSet<Bucket> {
        let all: BTreeSet<&Bucket> = ours.keys().chain(theirs.keys()).collect();
        let mut open = BTreeSet::new();
        for bucket in all {
            if ours.get(bucket) == theirs.get(bucket) {
                self.agreed.insert(bucket.clone());
            } else if !self.agreed.contains(bucket) {
                open.insert(bucket.clone());
            }
        }
        open
    }
}

/// The buckets of one table to be looked at together, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The table.
    pub table: String,
    /// Its buckets.
    pub buckets: Vec<i32>,
}

/// Puts `open` buckets together, by table, so that no batch has many more than `most` rows on either side.
pub fn batches(open: &BTreeSet<Bucket>, ours: &Digests, theirs: &Digests, most: i64) -> Vec<Batch> {
    let rows = |bucket: &Bucket| {
        let sides = [ours.get(bucket), theirs.get(bucket)];
        sides.into_iter().flatten().map(|(rows, _)| *rows).max().unwrap_or(0)
    };
    let mut batches: Vec<Batch> = Vec::new();
    let mut room = 0;
    for bucket in open {
        match batches.last_mut() {
            Some(last) if last.table == bucket.0 && rows(bucket) <= room => last.buckets.push(bucket.1),
            _ => {
                room = most;
                batches.push(Batch {
                    table: bucket.0.clone(),
                    buckets: vec![bucket.1],
                });
            }
        }
        room -= rows(bucket);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(rows: &[(i32, &str)]) -> Digests {
        rows.iter()
            .map(|(bucket, sum)| (("key".to_owned(), *bucket), (1, (*sum).to_owned())))
            .collect()
    }

    #[test]
    fn a_large_table_has_more_buckets_and_never_too_many() {
        assert_eq!(buckets_for(0), 256);
        assert_eq!(buckets_for(100 << 20), 1600);
        assert_eq!(buckets_for(i64::MAX), 65_536);
    }

    #[test]
    fn buckets_may_agree_at_different_moments() {
        let mut agreement = Agreement::default();
        let open = agreement.compare(&digests(&[(0, "a"), (1, "b")]), &digests(&[(0, "a"), (1, "x")]));
        assert_eq!(open.len(), 1);
        assert!(
            agreement
                .compare(&digests(&[(0, "z"), (1, "x")]), &digests(&[(0, "a"), (1, "x")]))
                .is_empty()
        );
    }

    #[test]
    fn a_batch_is_of_one_table_and_has_a_limit() {
        let bucket = |table: &str, bucket| (table.to_owned(), bucket);
        let keys = [bucket("a", 1), bucket("a", 2), bucket("a", 3), bucket("b", 1)];
        let ours: Digests = keys
            .iter()
            .cloned()
            .zip([(40, ""), (60, ""), (500, ""), (1, "")].map(|(n, s)| (n, s.to_owned())))
            .collect();
        let made: Vec<(String, Vec<i32>)> = batches(&keys.into(), &ours, &Digests::new(), 100)
            .into_iter()
            .map(|batch| (batch.table, batch.buckets))
            .collect();
        let expected = [("a", vec![1, 2]), ("a", vec![3]), ("b", vec![1])];
        assert_eq!(made, expected.map(|(table, buckets)| (table.to_owned(), buckets)));
    }

    #[test]
    fn a_bucket_that_only_one_side_has_stays_open() {
        let mut agreement = Agreement::default();
        assert_eq!(agreement.compare(&digests(&[(7, "a")]), &Digests::new()).len(), 1);
        assert_eq!(agreement.compare(&Digests::new(), &digests(&[(7, "a")])).len(), 1);
    }
}
