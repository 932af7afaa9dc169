//! What one node has of another has no holes: every acknowledged write has reached every node, or was overwritten there by
//! a later version. A hole, with later writes of the same node behind it, is a piece of a stream that was skipped.

use std::collections::BTreeMap;

use super::Verdict;
use super::lost::by_key;
use crate::check::history::{Dump, History};
use crate::check::looks::writes;

/// Judges.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new("delivery", "every acknowledged write has reached every node");
    let mut streams: BTreeMap<usize, Vec<(i64, &str)>> = BTreeMap::new();
    for (key, writes) in writes(history) {
        for (op, version) in writes {
            streams.entry(op.node).or_default().push((version, key));
        }
    }
    for (origin, stream) in &mut streams {
        stream.sort_unstable();
        for dump in &history.dumps {
            judge_stream(*origin, stream, dump, &mut verdict);
        }
    }
    let written: usize = streams.values().map(Vec::len).sum();
    verdict.figure("writes followed to every node", written * history.dumps.len());
    verdict
}

fn judge_stream(origin: usize, stream: &[(i64, &str)], dump: &Dump, verdict: &mut Verdict) {
    let rows = by_key(dump);
    let arrived = |(version, key): &(i64, &str)| rows.get(key).is_some_and(|row| row.seen.version >= *version);
    let missing: Vec<&(i64, &str)> = stream.iter().filter(|write| !arrived(write)).collect();
    let (Some(first), Some(last)) = (missing.first(), missing.last()) else {
        return;
    };
    let later = stream.iter().filter(|write| write.0 > last.0).count();
    let text = format!(
        "node {} lacks {} writes of node {}, from version {} (key {}) to {}; {later} later ones are there",
        dump.node + 1,
        missing.len(),
        origin + 1,
        first.0,
        first.1,
        last.0,
    );
    verdict.broken(Some(first.1), text);
}
