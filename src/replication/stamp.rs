//! What a local write makes of a row before it is stored: the readable twin of the stamping triggers in SQL.
//!
//! Decides the version, what a delete leaves, and whether a key may be used again. Next: [`super::merge`], which decides
//! what the other nodes make of it.

use super::merge::{Deletion, Row, Stamp};
use crate::clock::Micros;
use crate::id::NodeNumber;
use crate::key::state::KeyState;

/// A node at the moment of a write.
#[derive(Debug, Clone, Copy)]
pub struct Writer {
    /// Its number.
    pub origin: NodeNumber,
    /// What its clock says, which may be anything.
    pub clock: Micros,
    /// The newest time that it has promised to write nothing up to any more: that of its last heartbeat.
    pub floor: Micros,
}

impl Writer {
    /// The version of a row that replaces nothing: never at or below the floor, wherever the clock stands.
    pub fn version_now(&self) -> Micros {
        self.clock.max(next(self.floor))
    }

    /// `insert`. Nothing when the key is taken: by a live row, or by a tombstone that is one for good.
    ///
    /// Over any other tombstone the row is written again. It wins over the tombstone, and a column with an order of its own
    /// does not go back.
    pub fn insert<V>(&self, here: Option<&Row<V>>, value: V, state: KeyState, deletion: Deletion) -> Option<Row<V>> {
        let Some(tombstone) = here else {
            let stamp = self.stamp(self.version_now());
            return Some(Row {
                stamp,
                deleted: false,
                value,
                state,
            });
        };
        let free = tombstone.deleted && deletion == Deletion::ByVersion;
        free.then(|| Row {
            stamp: self.over(tombstone),
            deleted: false,
            value,
            state: tombstone.state.join(state),
        })
    }

    /// `update`. It wins over what it replaces; a column with an order of its own does not go back. A tombstone stays one.
    #[must_use]
    pub fn update<V>(&self, here: &Row<V>, value: V, state: KeyState) -> Row<V> {
        Row {
            stamp: self.over(here),
            deleted: here.deleted,
            value,
            state: here.state.join(state),
        }
    }

    /// `delete`: a tombstone, which wins over what it buries. Deleting a tombstone changes nothing.
    #[must_use]
    pub fn delete<V: Clone>(&self, here: &Row<V>) -> Row<V> {
        if here.deleted {
            return here.clone();
        }
        Row {
            deleted: true,
            ..self.update(here, here.value.clone(), here.state)
        }
    }

    /// A stamp that wins over `here` on every node, also when it came from a clock far ahead.
    fn over<V>(&self, here: &Row<V>) -> Stamp {
        self.stamp(self.version_now().max(next(here.stamp.version)))
    }

    fn stamp(&self, version: Micros) -> Stamp {
        Stamp {
            version,
            origin: self.origin,
        }
    }
}

/// The next version. Versions end where the type does, in 292,000 years.
fn next(version: Micros) -> Micros {
    Micros(version.0.saturating_add(1))
}
