//! A node does not forget: the version that it shows of a key never gets lower, through crashes and restarts too.

use super::Verdict;
use super::lost::by_key;
use crate::check::history::History;
use crate::check::looks::{Look, after_all, by_place};

/// Judges.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new("memory", "the version that a node shows of a key never gets lower");
    let ends: Vec<_> = history.dumps.iter().map(|dump| (dump.node, by_key(dump))).collect();
    for ((node, key), looks) in by_place(history) {
        for (look, before) in after_all(&looks, |look: &Look<'_>| look.version, i64::max) {
            if let Some(version) = look.version.filter(|version| !look.wrote && *version < before) {
                let text = format!("node {} showed version {version} of key {key} after {before}", node + 1);
                verdict.broken(Some(key), text);
            }
        }
        let highest = looks.iter().filter_map(|look| look.version).max();
        let end = ends.iter().find(|(other, _)| *other == node);
        let end = end.and_then(|(_, rows)| rows.get(key));
        if let (Some(highest), Some(end)) = (highest, end)
            && end.seen.version < highest
        {
            let text = format!(
                "node {} ends with version {} of key {key}, and had shown {highest}",
                node + 1,
                end.seen.version
            );
            verdict.broken(Some(key), text);
        }
    }
    verdict
}
