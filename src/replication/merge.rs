//! How an arriving row meets the one that is here: the readable twin of the merge in SQL.
//!
//! The merge that runs is made by `replication.enlist` in `sql/migrations/V1__replication.sql`. This is what it has to do,
//! in a form that can be proved: `properties.rs` and `model/` beside this file do, and `sql/tests/all/twin/` compares
//! both on random histories. It never reads a clock and never stamps: that is [`super::stamp`].

use crate::clock::Micros;
use crate::id::NodeNumber;
use crate::key::state::KeyState;

/// Which write of a row this is. The greater one wins; no two different writes of a row have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The time of the write, or one more than the version it replaced.
    pub version: Micros,
    /// The node that wrote. Decides between equal versions.
    pub origin: NodeNumber,
}

/// A row of an enlisted table, without its primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row<V> {
    /// Which write this is.
    pub stamp: Stamp,
    /// It is a tombstone.
    pub deleted: bool,
    /// All columns that merge by version.
    pub value: V,
    /// A column with an order of its own. [`KeyState`] stands for every such column.
    pub state: KeyState,
}

/// How a table's column `deleted` merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deletion {
    /// By version: a row may be written again after its deletion.
    ByVersion,
    /// By its own order (`"deleted": "greatest"`): what was deleted never comes back, and its key is never used again.
    ForGood,
}

impl<V: Clone> Row<V> {
    /// Both rows as one, in whichever order they are met.
    ///
    /// Columns that merge by version come from the row with the greater stamp, all of them. A column with an order of its
    /// own is joined, whichever row is the newer.
    #[must_use]
    pub fn merge(&self, arriving: &Self, deletion: Deletion) -> Self {
        let newer = if arriving.stamp > self.stamp { arriving } else { self };
        Self {
            stamp: newer.stamp,
            deleted: match deletion {
                Deletion::ByVersion => newer.deleted,
                Deletion::ForGood => self.deleted || arriving.deleted,
            },
            value: newer.value.clone(),
            state: self.state.join(arriving.state),
        }
    }
}

/// What is here after `arriving` has been applied.
///
/// A row that is not here and not above `purge_floor` was purged here: it is dropped, so that it does not come back.
pub fn arrive<V: Clone>(
    here: Option<&Row<V>>,
    arriving: &Row<V>,
    deletion: Deletion,
    purge_floor: Micros,
) -> Option<Row<V>> {
    match here {
        Some(here) => Some(here.merge(arriving, deletion)),
        None if arriving.stamp.version <= purge_floor => None,
        None => Some(arriving.clone()),
    }
}

/// What a purge up to `purge_floor` leaves of a row: all but old tombstones.
///
/// Safe only up to a horizon: everything written up to it, and everything written before its writer knew of that, has to
/// have arrived ([`super::horizon`]). And in a table with a column that has an order of its own, a key must never be used
/// again: nodes that have purged its tombstone would take the new row as it is, the others would join it with the tombstone.
pub fn purge<V>(here: Row<V>, purge_floor: Micros) -> Option<Row<V>> {
    let goes = here.deleted && here.stamp.version <= purge_floor;
    (!goes).then_some(here)
}
