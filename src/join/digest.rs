//! When two nodes that both go on taking writes hold the same data.
//!
//! Digests are taken by bucket of primary keys. While writes are on their way two nodes rarely agree on all buckets at
//! one instant, but each bucket must agree at some instant after the copy: rows that are in flight arrive. A bucket
//! that never agrees has a row that will never arrive.

use std::collections::{BTreeMap, BTreeSet};

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

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(rows: &[(i32, &str)]) -> Digests {
        rows.iter()
            .map(|(bucket, sum)| (("key".to_owned(), *bucket), (1, (*sum).to_owned())))
            .collect()
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
    fn a_bucket_that_only_one_side_has_stays_open() {
        let mut agreement = Agreement::default();
        assert_eq!(agreement.compare(&digests(&[(7, "a")]), &Digests::new()).len(), 1);
        assert_eq!(agreement.compare(&Digests::new(), &digests(&[(7, "a")])).len(), 1);
    }
}
