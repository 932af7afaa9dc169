//! What was written together is seen together: the name and the description of one call, and two rows of one transaction.

use std::collections::HashSet;

use super::Verdict;
use crate::check::history::{Action, History, Seen};

/// Between the two parts of a name that ends with the value it was written with.
const PART: char = '|';

/// Judges.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new("whole", "what was written together is seen together");
    let mut looked = 0;
    for (node, seen) in history.shown().filter(|(_, seen)| seen.name.contains(PART)) {
        looked += 1;
        if !is_whole(seen) {
            let text = format!(
                "node {} showed the name {} with the description {}",
                node + 1,
                seen.name,
                seen.value
            );
            verdict.broken(Some(&seen.key), text);
        }
    }
    verdict.figure("rows looked at", looked);
    let made: HashSet<&str> = history
        .ok(Action::Create)
        .filter_map(|op| op.value.as_deref())
        .collect();
    let mut pairs = 0;
    for op in history.ok(Action::ReadPair) {
        let [one, two] = &op.seen[..] else {
            continue;
        };
        if [one, two].iter().all(|row| made.contains(row.value.as_str())) {
            // Nobody has written them together yet.
            continue;
        }
        pairs += 1;
        if one.value != two.value {
            let text = format!(
                "node {} showed {} and {} of one transaction, in operation {}",
                op.node + 1,
                one.value,
                two.value,
                op.index
            );
            verdict.broken(Some(&one.key), text);
        }
    }
    verdict.figure("pairs read", pairs);
    verdict
}

fn is_whole(seen: &Seen) -> bool {
    seen.name.rsplit(PART).next() == Some(seen.value.as_str())
}
