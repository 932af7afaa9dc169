//! Where two nodes differ in their rows, and what mends it.
//!
//! Digests say in which buckets to look ([`crate::replication::digest`]); this file judges the rows that were found
//! there. Each difference is judged up to a time that both sides have everything up to: what is newer may be on its way,
//! and is no difference. So there is no false alarm while writes go on.
//!
//! Next: [`cure`] for what mends a row, [`turns`] for who compares itself with whom, and when.

pub mod cure;
pub mod turns;

use std::collections::BTreeMap;

use crate::clock::Micros;
use crate::id::NodeNumber;
use crate::replication::digest::Bounds;

/// One row as one node has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// When it was written last.
    pub version: Micros,
    /// By which node.
    pub origin: NodeNumber,
    /// Is it a tombstone?
    pub deleted: bool,
    /// A hash of all its columns.
    pub hash: i64,
}

impl Row {
    /// What decides a merge.
    pub fn rank(&self) -> (Micros, NodeNumber) {
        (self.version, self.origin)
    }
}

/// Rows by their primary key, a JSON object.
pub type Rows = BTreeMap<String, Row>;

/// A row that two nodes do not have alike. They never both lack it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its table, qualified.
    pub table: String,
    /// Its primary key, a JSON object.
    pub key: String,
    /// As the comparing node has it.
    pub here: Option<Row>,
    /// As the other has it.
    pub there: Option<Row>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The comparing node does not have it.
    MissingHere,
    /// The other does not have it.
    MissingThere,
    /// The comparing node has an earlier version.
    OlderHere,
    /// The other has an earlier version.
    OlderThere,
    /// Both have the same version with different content: no writer did that.
    OtherContent,
}

impl Problem {
    /// As it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingHere => "missing here",
            Self::MissingThere => "missing there",
            Self::OlderHere => "older here",
            Self::OlderThere => "older there",
            Self::OtherContent => "other content",
        }
    }
}

impl Difference {
    /// What is wrong.
    pub fn problem(&self) -> Problem {
        match (&self.here, &self.there) {
            (None, _) => Problem::MissingHere,
            (_, None) => Problem::MissingThere,
            (Some(here), Some(there)) if here.rank() < there.rank() => Problem::OlderHere,
            (Some(here), Some(there)) if here.rank() > there.rank() => Problem::OlderThere,
            _ => Problem::OtherContent,
        }
    }

    /// Is the other's row to be merged here?
    pub fn is_newer_there(&self) -> bool {
        matches!(self.problem(), Problem::MissingHere | Problem::OlderHere)
    }
}

/// The rows of one table that differ, of those that were looked at on both sides after `bounds` were taken.
pub fn differences(table: &str, ours: &Rows, theirs: &Rows, bounds: &Bounds) -> Vec<Difference> {
    let mut keys: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter_map(|key| {
            let (here, there) = (ours.get(key).copied(), theirs.get(key).copied());
            differ(here, there, bounds).then(|| Difference {
                table: table.to_owned(),
                key: key.clone(),
                here,
                there,
            })
        })
        .collect()
}

fn differ(here: Option<Row>, there: Option<Row>, bounds: &Bounds) -> bool {
    if here == there {
        return false;
    }
    let sides = [here, there];
    let on_its_way = sides.iter().flatten().any(|row| row.version > bounds.until);
    let purged = |row: &Row| row.deleted && row.version <= bounds.purged_up_to;
    let purged_on_one_side = sides.contains(&None) && sides.iter().flatten().all(purged);
    !on_its_way && !purged_on_one_side
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        buckets: 256,
        until: Micros(100),
        purged_up_to: Micros(10),
    };

    fn row(version: i64, hash: i64) -> Row {
        Row {
            version: Micros(version),
            origin: NodeNumber(1),
            deleted: false,
            hash,
        }
    }

    fn tombstone(version: i64) -> Row {
        Row {
            deleted: true,
            ..row(version, 0)
        }
    }

    fn found(here: Option<Row>, there: Option<Row>) -> Option<Problem> {
        let rows = |row: Option<Row>| row.map(|row| ("k".to_owned(), row)).into_iter().collect();
        let found = differences("t", &rows(here), &rows(there), &BOUNDS);
        assert!(found.len() <= 1);
        found.first().map(Difference::problem)
    }

    #[test]
    fn every_kind_of_difference_has_its_name() {
        assert_eq!(found(Some(row(5, 1)), Some(row(5, 1))), None);
        assert_eq!(found(None, Some(row(5, 1))), Some(Problem::MissingHere));
        assert_eq!(found(Some(row(5, 1)), None), Some(Problem::MissingThere));
        assert_eq!(found(Some(row(5, 1)), Some(row(6, 2))), Some(Problem::OlderHere));
        assert_eq!(found(Some(row(7, 1)), Some(row(6, 2))), Some(Problem::OlderThere));
        assert_eq!(found(Some(row(5, 1)), Some(row(5, 2))), Some(Problem::OtherContent));
    }

    #[test]
    fn what_is_newer_than_both_sides_are_sure_of_is_on_its_way() {
        assert_eq!(found(Some(row(101, 1)), None), None);
        assert_eq!(found(Some(row(50, 1)), Some(row(101, 2))), None);
        assert_eq!(found(Some(row(100, 1)), None), Some(Problem::MissingThere));
    }

    #[test]
    fn a_tombstone_may_be_purged_on_one_side_and_a_row_may_not() {
        assert_eq!(found(Some(tombstone(10)), None), None);
        assert_eq!(found(Some(tombstone(11)), None), Some(Problem::MissingThere));
        assert_eq!(found(None, Some(row(10, 1))), Some(Problem::MissingHere));
        assert_eq!(found(Some(tombstone(10)), Some(row(9, 1))), Some(Problem::OlderThere));
    }
}
