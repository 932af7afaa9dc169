//! What merging and stamping promise, for rows of every kind. Whole clusters with messages between them: `model/` and `purging.rs`.

use proptest::prelude::*;

use super::merge::{Deletion, Row, Stamp, arrive, purge};
use super::stamp::Writer;
use crate::clock::Micros;
use crate::id::NodeNumber;
use crate::key::state::KeyState;

/// A time among few, so that versions meet, fall on a floor and stand on both sides of it.
fn any_time() -> impl Strategy<Value = Micros> {
    (0_i64..12).prop_map(Micros)
}

fn any_origin() -> impl Strategy<Value = NodeNumber> {
    (1_i32..4).prop_map(NodeNumber)
}

fn any_state() -> impl Strategy<Value = KeyState> {
    proptest::sample::select(KeyState::ALL.to_vec())
}

fn any_deletion() -> impl Strategy<Value = Deletion> {
    proptest::sample::select(vec![Deletion::ByVersion, Deletion::ForGood])
}

/// A row that some node wrote. What merges by version follows from the stamp: one write has one content. What has an order
/// of its own does not, because merging raises it without a new stamp.
fn any_row(deletion: Deletion) -> impl Strategy<Value = Row<i64>> {
    (any_time(), any_origin(), any_state(), any::<bool>()).prop_map(move |(version, origin, state, bit)| Row {
        stamp: Stamp { version, origin },
        deleted: match deletion {
            Deletion::ByVersion => (version.0 + i64::from(origin.0)) % 3 == 0,
            Deletion::ForGood => bit,
        },
        value: version.0 * 10 + i64::from(origin.0),
        state,
    })
}

fn any_rows(most: usize) -> impl Strategy<Value = (Deletion, Vec<Row<i64>>)> {
    any_deletion()
        .prop_flat_map(move |deletion| (Just(deletion), proptest::collection::vec(any_row(deletion), 1..most)))
}

/// The same rows in an order of their own, some of them more than once.
fn any_arrival(rows: Vec<Row<i64>>) -> impl Strategy<Value = Vec<Row<i64>>> {
    let again = proptest::sample::subsequence(rows.clone(), 0..=rows.len());
    again.prop_flat_map(move |again| Just([rows.clone(), again].concat()).prop_shuffle())
}

fn any_writer() -> impl Strategy<Value = Writer> {
    (any_origin(), any_time(), any_time()).prop_map(|(origin, clock, floor)| Writer { origin, clock, floor })
}

const NO_FLOOR: Micros = Micros(i64::MIN);

fn all_arrived(rows: &[Row<i64>], deletion: Deletion, purge_floor: Micros) -> Option<Row<i64>> {
    rows.iter()
        .fold(None, |here, row| arrive(here.as_ref(), row, deletion, purge_floor))
}

proptest! {
    #[test]
    fn merging_is_commutative_associative_and_idempotent(
        (deletion, a, b, c) in any_deletion()
            .prop_flat_map(|deletion| (Just(deletion), any_row(deletion), any_row(deletion), any_row(deletion)))
    ) {
        prop_assert_eq!(a.merge(&b, deletion), b.merge(&a, deletion));
        prop_assert_eq!(a.merge(&b, deletion).merge(&c, deletion), a.merge(&b.merge(&c, deletion), deletion));
        prop_assert_eq!(a.merge(&a, deletion), a);
    }

    #[test]
    fn any_order_and_any_repetition_give_the_same_row(
        (deletion, rows, other) in any_rows(12)
            .prop_flat_map(|(deletion, rows)| (Just(deletion), Just(rows.clone()), any_arrival(rows)))
    ) {
        prop_assert_eq!(all_arrived(&rows, deletion, NO_FLOOR), all_arrived(&other, deletion, NO_FLOOR));
    }

    #[test]
    fn nothing_that_arrives_takes_a_row_back((deletion, rows) in any_rows(12)) {
        let mut here: Option<Row<i64>> = None;
        for row in &rows {
            let after = arrive(here.as_ref(), row, deletion, NO_FLOOR).unwrap();
            if let Some(before) = here {
                prop_assert!(after.stamp >= before.stamp);
                prop_assert!(after.state >= before.state);
                prop_assert!(deletion == Deletion::ByVersion || after.deleted >= before.deleted);
            }
            here = Some(after);
        }
    }

    #[test]
    fn a_write_wins_over_everything_its_writer_had((deletion, rows) in any_rows(12), writer in any_writer()) {
        let here = all_arrived(&rows, deletion, NO_FLOOR).unwrap();
        let written = [
            Some(writer.update(&here, -1, KeyState::PreActive)),
            Some(writer.delete(&here)).filter(|row| *row != here),
            writer.insert(Some(&here), -1, KeyState::PreActive, deletion),
        ];
        for written in written.into_iter().flatten() {
            prop_assert!(written.stamp > here.stamp);
            prop_assert!(written.state >= here.state);
            for row in &rows {
                prop_assert_eq!(&written.merge(row, deletion), &written);
            }
        }
    }

    #[test]
    fn a_write_is_above_the_floor_and_at_the_clock_or_later(rows in any_rows(6), writer in any_writer()) {
        let here = all_arrived(&rows.1, rows.0, NO_FLOOR).unwrap();
        let inserted = writer.insert(None, 0, KeyState::Active, rows.0).unwrap();
        for written in [inserted, writer.update(&here, 0, KeyState::Active)] {
            prop_assert!(written.stamp.version > writer.floor);
            prop_assert!(written.stamp.version >= writer.clock);
            prop_assert_eq!(written.stamp.origin, writer.origin);
        }
    }

    #[test]
    fn a_tombstone_for_good_is_never_undone((_, rows) in any_rows(12), writer in any_writer()) {
        let deleted = writer.delete(&all_arrived(&rows, Deletion::ForGood, NO_FLOOR).unwrap());
        let after = rows.iter().fold(deleted, |here, row| here.merge(row, Deletion::ForGood));
        prop_assert!(after.deleted);
        prop_assert!(writer.update(&after, 0, KeyState::Active).deleted);
        prop_assert_eq!(writer.insert(Some(&after), 0, KeyState::Active, Deletion::ForGood), None);
    }

    #[test]
    fn what_a_purged_tombstone_had_buried_stays_away((deletion, rows) in any_rows(12), writer in any_writer()) {
        let tombstone = writer.delete(&all_arrived(&rows, deletion, NO_FLOOR).unwrap());
        let purge_floor = tombstone.stamp.version;
        prop_assert_eq!(purge(tombstone, purge_floor), None);
        prop_assert_eq!(all_arrived(&rows, deletion, purge_floor), None);
    }

    #[test]
    fn a_purge_takes_old_tombstones_only((deletion, rows) in any_rows(12), purge_floor in any_time()) {
        let here = all_arrived(&rows, deletion, NO_FLOOR).unwrap();
        let old = here.deleted && here.stamp.version <= purge_floor;
        prop_assert_eq!(purge(here, purge_floor).is_none(), old);
    }

    #[test]
    fn a_live_row_takes_its_key(mut row in any_row(Deletion::ByVersion), writer in any_writer()) {
        row.deleted = false;
        prop_assert_eq!(writer.insert(Some(&row), 0, KeyState::Active, Deletion::ByVersion), None);
    }
}
