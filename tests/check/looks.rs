//! What each node has shown of each key, in order: the ground that most invariants stand on.
//!
//! Two looks at one node are in order when the first had ended before the second began. That order is exact: one clock saw
//! both. What overlaps has no order, and nothing is concluded from it.

use std::collections::BTreeMap;

use super::history::{Action, History, Nanos, Op, Seen};

/// A node and a key.
pub(super) type Place<'a> = (usize, &'a str);

/// What one operation showed of one key on its node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) op: &'a Op,
    /// The version: shown, or given to the row by the operation itself.
    pub(super) version: Option<i64>,
    /// The row, when it was shown.
    pub(super) seen: Option<&'a Seen>,
    /// The operation wrote this version.
    pub(super) wrote: bool,
}

impl Look<'_> {
    pub(super) fn begin(&self) -> Nanos {
        self.op.begin
    }

    pub(super) fn end(&self) -> Nanos {
        self.op.end
    }
}

/// All looks at a place, by their beginning.
pub(super) fn by_place(history: &History) -> BTreeMap<Place<'_>, Vec<Look<'_>>> {
    let mut places: BTreeMap<Place<'_>, Vec<Look<'_>>> = BTreeMap::new();
    for op in &history.ops {
        for (key, look) in looks(op) {
            places.entry((op.node, key)).or_default().push(look);
        }
    }
    places
}

fn looks(op: &Op) -> Vec<(&str, Look<'_>)> {
    if !op.is_ok() {
        return Vec::new();
    }
    let mut looks: Vec<_> = op
        .seen
        .iter()
        .map(|seen| {
            let wrote = op.version == Some(seen.version);
            let version = Some(seen.version);
            let seen = Some(seen);
            (seen, version, wrote)
        })
        .collect();
    if looks.is_empty() && (op.version.is_some() || op.found_nothing()) {
        looks.push((None, op.version, op.version.is_some()));
    }
    let key = |seen: Option<&'_ Seen>| seen.map_or(op.key.as_deref(), |_| None);
    looks
        .into_iter()
        .filter_map(|(seen, version, wrote)| {
            let name = seen.map(|seen| seen.key.as_str()).or_else(|| key(seen))?;
            Some((
                name,
                Look {
                    op,
                    version,
                    seen,
                    wrote,
                },
            ))
        })
        .collect()
}

/// For each look, the greatest of what `measure` makes of all looks that had ended before it began.
pub(super) fn after_all<'a, M: Copy>(
    looks: &'a [Look<'a>],
    measure: impl Fn(&Look<'a>) -> Option<M>,
    join: impl Fn(M, M) -> M,
) -> impl Iterator<Item = (Look<'a>, M)> {
    let mut ended: Vec<&Look<'a>> = looks.iter().collect();
    ended.sort_by_key(|look| look.end());
    let (mut next, mut before) = (0, None);
    let mut begun: Vec<Look<'a>> = looks.to_vec();
    begun.sort_by_key(Look::begin);
    begun.into_iter().filter_map(move |look| {
        while next < ended.len() && ended[next].end() < look.begin() {
            before = match (before, measure(ended[next])) {
                (Some(before), Some(measured)) => Some(join(before, measured)),
                (before, measured) => before.or(measured),
            };
            next += 1;
        }
        Some((look, before?))
    })
}

/// Operations that wrote a value and know the version of it, by key.
pub(super) fn writes(history: &History) -> BTreeMap<&str, Vec<(&Op, i64)>> {
    let mut keys: BTreeMap<&str, Vec<(&Op, i64)>> = BTreeMap::new();
    for op in history.ops.iter().filter(|op| op.is_ok()) {
        let writes = !matches!(
            op.action,
            Action::Read | Action::Current | Action::ReadPair | Action::WritePair
        );
        if let (true, Some(key), Some(version)) = (writes, op.key.as_deref(), op.version) {
            keys.entry(key).or_default().push((op, version));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::op;
    use super::*;

    #[test]
    fn only_what_had_ended_counts_as_before() {
        let ops: Vec<Op> = [(0, 10, 5), (5, 20, 9), (12, 30, 7), (25, 40, 8)]
            .into_iter()
            .map(|(begin, end, version)| Op {
                begin,
                end,
                version: Some(version),
                ..op(Action::Change, 0, "k")
            })
            .collect();
        let history = History {
            ops,
            ..History::default()
        };
        let places = by_place(&history);
        let seen: Vec<(i64, i64)> = after_all(&places[&(0, "k")], |look| look.version, i64::max)
            .filter_map(|(look, before)| Some((look.version?, before)))
            .collect();
        assert_eq!(seen, [(7, 5), (8, 9)]);
    }
}
