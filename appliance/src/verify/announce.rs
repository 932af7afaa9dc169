//! Tells what the background is sure of: the one place to raise an alarm from, and to clear it.

use keystead::alarm::Alarm;
use keystead::member::roster::Member;
use keystead::verify::Difference;

use crate::agent::Agent;

/// So many rows are named in the log; `ksctl cluster verify` names them all.
const NAMED: usize = 20;

/// This node and `member` were found to differ in these rows, twice in a row; in none: they agree.
pub(super) fn announce(agent: &Agent, member: &Member, differences: &[Difference]) {
    if differences.is_empty() {
        agent.alarms.clear(Alarm::DigestMismatch, member.id.as_str());
        return agree(member);
    }
    let rows = named(differences);
    let text = format!(
        "{} rows differ from those at {}: {rows}",
        differences.len(),
        member.address
    );
    agent.alarms.raise(Alarm::DigestMismatch, member.id.as_str(), text);
    told(member, differences.len(), &rows);
}

fn agree(member: &Member) {
    tracing::debug!(node_id = %member.id, address = %member.address, "this node and the member hold the same data");
}

fn named(differences: &[Difference]) -> String {
    let named = differences.iter().take(NAMED);
    let rows: Vec<String> = named
        .map(|one| format!("{} {} ({})", one.table, one.key, one.problem().as_str()))
        .collect();
    rows.join("; ")
}

fn told(member: &Member, differing: usize, rows: &str) {
    tracing::error!(
        node_id = %member.id,
        address = %member.address,
        differing,
        rows,
        "this node and the member do not hold the same data; mend it with `ksctl cluster verify --repair`"
    );
}
