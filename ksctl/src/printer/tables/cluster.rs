//! What a cluster is made of and what is wrong in it: checks of a join, rows that differ, links, errors.

use keystead::api::links::{LinkPart, NodeLinks};
use keystead::api::list::List;
use keystead::api::preflight::{Outcome, PreflightReport};
use keystead::api::summary::NodeErrors;
use keystead::api::verify::{RowDifference, RowVersion, VerifyReport};

use super::{NONE, time};
use crate::printer::layout::{Cell, Fit, Table, Tone, column};

/// `cluster preflight`: one row a check.
pub(crate) fn preflight(report: &PreflightReport) -> Table {
    let mut table = Table::new([
        column("check", Fit::Text, 0),
        column("outcome", Fit::Whole, 0),
        column("seen", Fit::Text, 1),
        column("way out", Fit::Text, 2),
    ]);
    for check in &report.checks {
        let (outcome, tone) = match check.outcome {
            Outcome::Passed => ("passed", Tone::Plain),
            Outcome::Warning => ("warning", Tone::Warning),
            Outcome::Failed => ("failed", Tone::Bad),
            Outcome::NotChecked => ("not checked", Tone::Plain),
            Outcome::NotNeeded => ("not needed", Tone::Plain),
        };
        let hint = check.hint.as_deref().unwrap_or(NONE);
        table.row([
            Cell::from(&check.name),
            Cell::toned(outcome, tone),
            Cell::from(&check.detail),
            hint.into(),
        ]);
    }
    table
}

/// `cluster verify`: one row for each row of data that differs, or differs still, from some member's.
pub(crate) fn verified(report: &VerifyReport) -> Table {
    let mut table = Table::new([
        column("node", Fit::Id, 1),
        column("table", Fit::Whole, 0),
        column("key", Fit::Text, 0),
        column("problem", Fit::Text, 0),
        column("here", Fit::Whole, 3),
        column("there", Fit::Whole, 4),
        column("repair", Fit::Text, 2),
    ]);
    for one in &report.differences {
        let repair = one.repaired.as_deref().unwrap_or(NONE);
        table.row(difference(one, repair.into()));
    }
    for one in report.remaining.iter().flatten() {
        table.row(difference(one, Cell::toned("differs still", Tone::Bad)));
    }
    table
}

fn difference(one: &RowDifference, repair: Cell) -> [Cell; 7] {
    let version = |row: &Option<RowVersion>| match row {
        Some(row) if row.deleted => format!("{}@{} deleted", row.version, row.origin),
        Some(row) => format!("{}@{}", row.version, row.origin),
        None => NONE.to_owned(),
    };
    [
        one.node_id.to_string().into(),
        Cell::from(&one.table),
        one.key.to_string().into(),
        Cell::from(&one.problem),
        version(&one.here).into(),
        version(&one.there).into(),
        repair,
    ]
}

/// `cluster links`: one row a link, and what is not as it should be in it.
pub(crate) fn links(list: &List<NodeLinks>) -> Table {
    let mut table = Table::new([
        column("name", Fit::Text, 0),
        column("state", Fit::Whole, 2),
        column("complete", Fit::Whole, 0),
        column("wrong", Fit::Text, 1),
        column("last done", Fit::Text, 4),
        column("at", Fit::Whole, 5),
        column("node", Fit::Id, 3),
    ]);
    for link in &list.resources {
        let wrong: Vec<String> = link.parts.iter().filter_map(wrong).collect();
        let (complete, tone) = if link.complete {
            ("yes", Tone::Plain)
        } else {
            ("no", Tone::Bad)
        };
        let newest = link
            .parts
            .iter()
            .filter_map(|part| part.last.as_ref())
            .max_by_key(|last| last.at);
        table.row([
            Cell::from(&link.host),
            Cell::from(&link.state),
            Cell::toned(complete, tone),
            Cell::toned(wrong.join(", "), tone),
            newest.map_or(NONE, |last| last.did.as_str()).into(),
            newest.map_or_else(|| NONE.to_owned(), |last| time(last.at)).into(),
            Cell::from(&link.node_id),
        ]);
    }
    table
}

fn wrong(part: &LinkPart) -> Option<String> {
    let kind = || {
        let kind = serde_json::to_value(part.part).ok()?;
        Some(kind.as_str()?.to_owned())
    };
    match (part.should_exist, part.exists) {
        (true, false) => Some(format!("{} is missing", kind()?)),
        (false, true) => Some(format!("{} is left over", kind()?)),
        _ => None,
    }
}

/// `cluster errors`: one row for each thing that one node has to say of another.
pub(crate) fn errors(list: &List<NodeErrors>) -> Table {
    let mut table = Table::new([
        column("name", Fit::Text, 0),
        column("since", Fit::Whole, 2),
        column("what", Fit::Text, 0),
        column("way out", Fit::Text, 1),
        column("node", Fit::Id, 3),
        column("seen from", Fit::Id, 3),
    ]);
    for node in &list.resources {
        for error in &node.cluster_errors {
            table.row([
                Cell::from(&node.host),
                time(error.error_time).into(),
                Cell::toned(&error.error_message, Tone::Bad),
                Cell::from(&error.hint),
                Cell::from(&node.node_id),
                Cell::from(&node.viewer_id),
            ]);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_that_differs_is_a_row_and_so_is_one_that_differs_still() {
        let node = "78f3f9e6b0c14f1e9d52a3c7be713c02";
        let difference = json!({"nodeID": node, "table": "public.key", "key": {"id": "ab"},
            "problem": "older there", "here": {"version": 7, "origin": 1, "deleted": true},
            "there": {"version": 5, "origin": 2, "deleted": false}, "repaired": "sent again"});
        let report: VerifyReport = serde_json::from_value(json!({
            "state": "done", "repair": true, "startedAt": "2027-01-15T12:00:00Z", "endedAt": null, "members": [],
            "differences": [difference], "notListed": 0, "remaining": [
                {"nodeID": node, "table": "public.key", "key": {"id": "cd"}, "problem": "missing here", "here": null,
                 "there": {"version": 5, "origin": 2, "deleted": false}}
            ]
        }))
        .unwrap();
        insta::assert_snapshot!(verified(&report).plain(Some(120)));
    }

    #[test]
    fn a_link_is_a_row_that_says_what_is_wrong_in_it() {
        let links_of: List<NodeLinks> =
            serde_json::from_value(json!({"skip": 0, "limit": 0, "total": 1, "resources": [
                {"nodeID": "78f3f9e6b0c14f1e9d52a3c7be713c02", "host": "10.0.0.2", "state": "ready", "complete": false,
                 "parts": [
                    {"part": "slot", "name": "s", "shouldExist": true, "exists": false,
                     "last": {"did": "dropped", "why": "it was lost", "at": "2027-01-15T12:00:00Z"}},
                    {"part": "hba", "name": "h", "shouldExist": true, "exists": true}]}
            ]}))
            .unwrap();
        insta::assert_snapshot!(links(&links_of).plain(Some(100)));
    }

    #[test]
    fn an_error_is_a_row_with_the_way_out() {
        let errors_of: List<NodeErrors> =
            serde_json::from_value(json!({"skip": 0, "limit": 0, "total": 1, "resources": [
                {"nodeID": "78f3f9e6b0c14f1e9d52a3c7be713c02", "viewerID": "aaf3f9e6b0c14f1e9d52a3c7be713c01",
                 "host": "10.0.0.2", "clusterErrors": [{"errorMessage": "connection refused",
                 "errorTime": "2027-01-15T12:00:00Z", "hint": "is port 5432 open?"}]}
            ]}))
            .unwrap();
        insta::assert_snapshot!(errors(&errors_of).plain(Some(100)));
    }
}
