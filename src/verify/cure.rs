//! What mends a row that nodes do not have alike, once everything newer elsewhere has been merged here.
//!
//! Merging decides wherever versions differ. Two things it cannot decide: rows with the same version and different
//! content, which no writer made, and rows so old that a merge takes them for purged. There the majority of the nodes
//! that answer decides, and the node that was asked breaks a tie. Nothing is ever deleted to mend a difference.

use std::collections::BTreeMap;

use super::Row;
use crate::clock::Micros;
use crate::id::NodeNumber;

/// What to do on the node that mends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// Send its row out once more: it wins or is known wherever it arrives.
    SendAgain,
    /// Give its row a new version, so that its content wins everywhere.
    Keep,
    /// Take the row of this node, then do the same.
    Take(NodeNumber),
    /// Nothing: most nodes do not have the row, and it is so old that it may have been deleted and forgotten.
    Leave,
}

/// Decides on one row, by how this node has it and how every other that answers has it. What was deleted up to
/// `purged_up_to` may have been forgotten somewhere.
pub fn cure(ours: Option<Row>, theirs: &BTreeMap<NodeNumber, Option<Row>>, purged_up_to: Micros) -> Cure {
    // This node first, so that it breaks a tie; `None` names it.
    let others = theirs.iter().map(|(number, row)| (Some(*number), *row));
    let all: Vec<(Option<NodeNumber>, Option<Row>)> = std::iter::once((None, ours)).chain(others).collect();
    let held: Vec<(Option<NodeNumber>, Row)> = all.iter().filter_map(|(node, row)| Some((*node, (*row)?))).collect();
    let Some(rank) = held.iter().map(|(_, row)| row.rank()).max() else {
        return Cure::Leave;
    };
    let newest: Vec<_> = held.iter().filter(|(_, row)| row.rank() == rank).collect();
    let votes = |row: &Row| newest.iter().filter(|(_, other)| other.hash == row.hash).count();
    let most = newest.iter().map(|(_, row)| votes(row)).max();
    let Some((node, best)) = newest.iter().find(|(_, row)| Some(votes(row)) == most) else {
        return Cure::Leave;
    };
    let lacking = all.len() - held.len();
    let may_be_forgotten = lacking > 0 && !best.deleted && best.version <= purged_up_to;
    if may_be_forgotten && (lacking > held.len() || lacking == held.len() && ours.is_none()) {
        return Cure::Leave;
    }
    match node {
        _ if !may_be_forgotten && votes(best) == newest.len() => Cure::SendAgain,
        None => Cure::Keep,
        Some(node) => Cure::Take(*node),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: Micros = Micros(10);

    fn row(version: i64, hash: i64) -> Row {
        Row {
            version: Micros(version),
            origin: NodeNumber(1),
            deleted: false,
            hash,
        }
    }

    fn with(ours: Option<Row>, theirs: &[Option<Row>]) -> Cure {
        let theirs = theirs.iter().zip(2..).map(|(row, number)| (NodeNumber(number), *row));
        cure(ours, &theirs.collect(), FLOOR)
    }

    #[test]
    fn versions_that_differ_are_for_the_merge_to_decide() {
        assert_eq!(with(Some(row(20, 1)), &[None, Some(row(20, 1))]), Cure::SendAgain);
        assert_eq!(
            with(Some(row(20, 1)), &[Some(row(15, 2)), Some(row(15, 2))]),
            Cure::SendAgain
        );
    }

    #[test]
    fn of_two_contents_with_one_version_the_one_of_the_majority_is_kept() {
        assert_eq!(
            with(Some(row(20, 1)), &[Some(row(20, 1)), Some(row(20, 2))]),
            Cure::Keep
        );
        assert_eq!(
            with(Some(row(20, 1)), &[Some(row(20, 2)), Some(row(20, 2))]),
            Cure::Take(NodeNumber(2))
        );
        assert_eq!(
            with(Some(row(20, 1)), &[Some(row(20, 2))]),
            Cure::Keep,
            "a tie: the node that was asked"
        );
        assert_eq!(
            with(Some(row(15, 1)), &[Some(row(20, 2)), Some(row(20, 3))]),
            Cure::Take(NodeNumber(2)),
            "an older row has no vote"
        );
    }

    #[test]
    fn a_row_that_a_merge_takes_for_purged_comes_back_with_a_new_version_when_most_have_it() {
        assert_eq!(with(Some(row(5, 1)), &[None, Some(row(5, 1))]), Cure::Keep);
        assert_eq!(
            with(None, &[Some(row(5, 1)), Some(row(5, 1))]),
            Cure::Take(NodeNumber(2))
        );
        assert_eq!(with(None, &[None, Some(row(5, 1))]), Cure::Leave);
        assert_eq!(with(Some(row(5, 1)), &[None, None]), Cure::Leave);
        assert_eq!(
            with(Some(row(5, 1)), &[None]),
            Cure::Keep,
            "a tie: the node that was asked has it"
        );
        assert_eq!(
            with(None, &[Some(row(5, 1))]),
            Cure::Leave,
            "a tie: the node that was asked has none"
        );
    }

    #[test]
    fn a_tombstone_is_sent_again_however_old_it_is() {
        let tombstone = Some(Row {
            deleted: true,
            ..row(5, 1)
        });
        assert_eq!(with(tombstone, &[None, Some(row(4, 1))]), Cure::SendAgain);
    }

    #[test]
    fn a_row_that_is_gone_everywhere_is_left_alone() {
        assert_eq!(with(None, &[None, None]), Cure::Leave);
    }
}
