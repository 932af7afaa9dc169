//! The state of a key never goes back: on no node, by no merge; what was revoked or destroyed stays so, and material that
//! is gone stays gone.

use keystead::key::state::KeyState;

use super::Verdict;
use super::lost::by_key;
use crate::check::history::{Action, History, Row};
use crate::check::looks::{Look, after_all, by_place};

/// Judges.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new("states", "the state of a key never goes back");
    for ((node, key), looks) in by_place(history) {
        for (look, before) in after_all(&looks, state, KeyState::join) {
            if let Some(now) = state(&look).filter(|now| now.join(before) != *now) {
                let text = format!(
                    "node {} showed key {key} {} after {}, in operation {}",
                    node + 1,
                    now.name(),
                    before.name(),
                    look.op.index
                );
                verdict.broken(Some(key), text);
            }
        }
    }
    judge_ends(history, &mut verdict);
    for (node, row) in history.rows() {
        if row.has_material && has_ended(row) {
            let text = format!(
                "node {} has the material of key {}, which is gone",
                node + 1,
                row.seen.key
            );
            verdict.broken(Some(&row.seen.key), text);
        }
    }
    verdict
}

/// Every state that was acknowledged is in what each node has at the end.
fn judge_ends(history: &History, verdict: &mut Verdict) {
    let mut moved = 0;
    let ends: Vec<_> = history.dumps.iter().map(|dump| (dump.node, by_key(dump))).collect();
    for op in history.ok(Action::Revoke).chain(history.ok(Action::Destroy)) {
        moved += 1;
        let given = op.seen.first().and_then(|seen| KeyState::from_name(&seen.state));
        let (Some(key), Some(given)) = (op.key.as_deref(), given) else {
            continue;
        };
        for (node, rows) in &ends {
            let end = rows.get(key).and_then(|row| KeyState::from_name(&row.seen.state));
            if let Some(end) = end.filter(|end| end.join(given) != *end) {
                let text = format!(
                    "node {} ends with key {key} {}, which was {}",
                    node + 1,
                    end.name(),
                    given.name()
                );
                verdict.broken(Some(key), text);
            }
        }
    }
    verdict.figure("states moved", moved);
}

fn has_ended(row: &Row) -> bool {
    row.deleted || KeyState::from_name(&row.seen.state).is_some_and(|state| state >= KeyState::Destroyed)
}

fn state(look: &Look<'_>) -> Option<KeyState> {
    KeyState::from_name(&look.seen?.state)
}
