//! Tells what the background is sure of: the one place to raise an alarm from, and to clear it.

use keystead::member::roster::Member;
use keystead::verify::Difference;

/// So many rows are named in the log; `ksctl cluster verify` names them all.
const NAMED: usize = 20;

/// This node and `member` were found to differ in these rows, twice in a row; in none: they agree.
pub(super) fn announce(member: &Member, differences: &[Difference]) {
    if differences.is_empty() {
        return agree(member);
    }
    told(member, differences.len(), &named(differences));
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
