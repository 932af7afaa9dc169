//! The tables of `--respfmt table`.
//!
//! This file decides which columns people see. All that a table leaves out is in the JSON.

use std::fmt;

use comfy_table::{Table, presets};
use keystead::api::alarm::Alarm;
use keystead::api::cluster::Status;
use keystead::api::key::Key;
use keystead::api::list::List;
use keystead::api::node::Node;
use keystead::api::preflight::{Outcome, PreflightReport};
use keystead::api::summary::{Summary, Viewed};
use keystead::api::verify::{RowDifference, RowVersion, VerifyReport};
use keystead::text::escape;

/// `cluster nodes list`: one row a node.
pub(crate) fn nodes(list: &List<Node>) -> Rows {
    let mut table = empty(&["node", "host", "port", "public address", "status", "replication"]);
    for node in &list.resources {
        let replication = if node.is_this_node {
            "this node"
        } else {
            node.state.as_deref().unwrap_or("-")
        };
        table.add_row([
            node.node_id.as_str(),
            &node.host,
            &node.port.to_string(),
            &node.public_address,
            &status(&node.status),
            replication,
        ]);
    }
    table
}

/// A node that waits for its turn to join says its place; other reasons are too long for a table.
fn status(status: &Status) -> String {
    match (status.code.as_str(), &status.reason) {
        ("creating", Some(place)) => format!("{}, {place}", status.description),
        _ => status.description.clone(),
    }
}

/// `cluster summary`: one row for each pair of a node that looks and a node that is looked at.
pub(crate) fn summary(summary: &Summary) -> Rows {
    let mut table = empty(&[
        "seen from",
        "node",
        "host",
        "summary",
        "status",
        "replay lag",
        "bytes behind",
    ]);
    for (viewer, view) in &summary.resources {
        for (node, viewed) in &view.cluster_summary {
            table.add_row(summary_row(viewer, node, viewed));
        }
    }
    table
}

/// `cluster preflight`: one row a check.
pub(crate) fn preflight(report: &PreflightReport) -> Rows {
    let mut table = empty(&["check", "outcome", "seen", "way out"]);
    for check in &report.checks {
        let outcome = match check.outcome {
            Outcome::Passed => "passed",
            Outcome::Warning => "warning",
            Outcome::Failed => "failed",
            Outcome::NotChecked => "not checked",
            Outcome::NotNeeded => "not needed",
        };
        let hint = check.hint.as_deref().unwrap_or("-");
        table.add_row([check.name.as_str(), outcome, &check.detail, hint]);
    }
    table
}

/// `keys list` and `vkeys list`: one row a version of a key.
pub(crate) fn keys(list: &List<Key>) -> Rows {
    let mut table = empty(&["name", "version", "id", "algorithm", "bits", "state", "made"]);
    for key in &list.resources {
        table.add_row([
            &key.name,
            &key.version.to_string(),
            &key.id,
            &key.algorithm,
            &key.size.to_string(),
            &key.state,
            &key.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        ]);
    }
    table
}

/// `cluster verify`: one row for each row of data that differs, or differs still, from some member's.
pub(crate) fn verified(report: &VerifyReport) -> Rows {
    let mut table = empty(&["node", "table", "key", "problem", "here", "there", "repair"]);
    for one in &report.differences {
        table.add_row(difference_row(one, one.repaired.as_deref().unwrap_or("-")));
    }
    for one in report.remaining.iter().flatten() {
        table.add_row(difference_row(one, "differs still"));
    }
    table
}

/// `alarms list`: one row an alarm.
pub(crate) fn alarms(list: &List<Alarm>) -> Rows {
    let mut table = empty(&[
        "severity",
        "state",
        "name",
        "since",
        "raised by",
        "what",
        "acknowledged by",
        "id",
    ]);
    for alarm in &list.resources {
        table.add_row([
            &alarm.severity,
            &alarm.state,
            &alarm.name,
            &alarm.triggered_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            &alarm.source,
            &alarm.description,
            alarm.acknowledged_by.as_deref().unwrap_or("-"),
            &alarm.id,
        ]);
    }
    table
}

fn difference_row(one: &RowDifference, repair: &str) -> [String; 7] {
    let version = |row: &Option<RowVersion>| match row {
        Some(row) if row.deleted => format!("{}@{} deleted", row.version, row.origin),
        Some(row) => format!("{}@{}", row.version, row.origin),
        None => "-".to_owned(),
    };
    [
        one.node_id.to_string(),
        one.table.clone(),
        one.key.to_string(),
        one.problem.clone(),
        version(&one.here),
        version(&one.there),
        repair.to_owned(),
    ]
}

fn summary_row(viewer: &str, node: &str, seen: &Viewed) -> [String; 7] {
    let info = &seen.node_info;
    let link = |show: &dyn Fn(&keystead::api::summary::LinkInfo) -> String| {
        info.link.as_ref().map_or_else(|| "-".to_owned(), show)
    };
    [
        viewer.to_owned(),
        node.to_owned(),
        info.host.clone(),
        seen.summary.clone(),
        info.status.description.clone(),
        link(&|link| link.replay_lag.clone()),
        link(&|link| link.replay_lag_bytes.to_string()),
    ]
}

fn empty(columns: &[&str]) -> Rows {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_BORDERS_ONLY_CONDENSED)
        .set_header(columns);
    Rows(table)
}

/// A table whose cells hold nothing but what is seen: a row is a line, whatever was named how.
#[derive(Debug)]
pub(crate) struct Rows(Table);

impl Rows {
    fn add_row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        let shown = cells.into_iter().map(|cell| escape::line(cell.as_ref()).into_owned());
        self.0.add_row(shown.collect::<Vec<_>>());
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_a_row() {
        let list: List<Node> = serde_json::from_value(serde_json::json!({
            "skip": 0, "limit": 256, "total": 2, "resources": [
                {"nodeID": "78f3f9e6b0c14f1e9d52a3c7be713c01", "id": "78f3f9e6b0c14f1e9d52a3c7be713c01",
                 "status": {"code": "r", "description": "ready"}, "host": "127.0.0.2", "port": 5432, "state": null,
                 "isThisNode": true, "publicAddress": "", "rowVersion": 1},
                {"nodeID": "78f3f9e6b0c14f1e9d52a3c7be713c02", "id": "78f3f9e6b0c14f1e9d52a3c7be713c02",
                 "status": {"code": "d", "description": "down"}, "host": "127.0.0.3", "port": 5432, "state": null,
                 "isThisNode": false, "publicAddress": "n2.example.com", "rowVersion": 1},
            ]
        }))
        .unwrap();
        insta::assert_snapshot!(nodes(&list), @"
        +---------------------------------------------------------------------------------------------+
        | node                               host        port   public address   status   replication |
        +=============================================================================================+
        | 78f3f9e6b0c14f1e9d52a3c7be713c01   127.0.0.2   5432                    ready    this node   |
        | 78f3f9e6b0c14f1e9d52a3c7be713c02   127.0.0.3   5432   n2.example.com   down     -           |
        +---------------------------------------------------------------------------------------------+
        ");
    }

    #[test]
    fn a_pair_of_nodes_is_a_row_and_a_node_says_nothing_of_lag_to_itself() {
        let this = serde_json::json!({"clusterErrors": null, "summary": "GOOD", "nodeInfo": {
            "host": "127.0.0.2", "isThisNode": true, "nodeID": "n1", "port": 5432, "publicAddress": "",
            "status": {"code": "r", "description": "ready"}}});
        let mut link = serde_json::to_value(keystead::api::summary::LinkInfo {
            replay_lag: "00:00:01.5".to_owned(),
            replay_lag_bytes: 4096,
            ..Default::default()
        })
        .unwrap();
        let mut peer = this.clone();
        peer["summary"] = "BAD:node is inactive".into();
        peer["nodeInfo"]
            .as_object_mut()
            .unwrap()
            .append(link.as_object_mut().unwrap());
        let summary_of: Summary = serde_json::from_value(serde_json::json!({
            "skip": 0, "limit": 0, "total": 1,
            "resources": {"n1": {"clusterSummary": {"n1": this, "n2": peer}, "lastUpdated": "2026-01-01T00:00:00Z"}}
        }))
        .unwrap();
        insta::assert_snapshot!(summary(&summary_of), @"
        +------------------------------------------------------------------------------------------+
        | seen from   node   host        summary                status   replay lag   bytes behind |
        +==========================================================================================+
        | n1          n1     127.0.0.2   GOOD                   ready    -            -            |
        | n1          n2     127.0.0.2   BAD:node is inactive   ready    00:00:01.5   4096         |
        +------------------------------------------------------------------------------------------+
        ");
    }

    #[test]
    fn a_name_that_would_drive_the_terminal_is_shown_and_a_row_stays_a_line() {
        let node = serde_json::json!({"nodeID": "78f3f9e6b0c14f1e9d52a3c7be713c01", "id": "78f3f9e6b0c14f1e9d52a3c7be713c01",
            "status": {"code": "r", "description": "ready"}, "host": "127.0.0.2", "port": 5432, "state": null,
            "isThisNode": true, "publicAddress": "\u{1b}[2Jx\n\u{202e}y\u{9b}", "rowVersion": 1});
        let list: List<Node> =
            serde_json::from_value(serde_json::json!({"skip": 0, "limit": 1, "total": 1, "resources": [node]}))
                .unwrap();
        let shown = nodes(&list).to_string();
        assert!(shown.contains(r"\u{1b}[2Jx\n\u{202e}y\u{9b}"), "{shown}");
        assert_eq!(shown.lines().count(), 5, "{shown}");
    }

    #[test]
    fn a_row_that_differs_is_a_row_and_so_is_one_that_differs_still() {
        let node = "78f3f9e6b0c14f1e9d52a3c7be713c02";
        let difference = serde_json::json!({"nodeID": node, "table": "public.key", "key": {"id": "ab"},
            "problem": "older there", "here": {"version": 7, "origin": 1, "deleted": true},
            "there": {"version": 5, "origin": 2, "deleted": false}, "repaired": "sent again"});
        let report: VerifyReport = serde_json::from_value(serde_json::json!({
            "state": "done", "repair": true, "startedAt": "2027-01-15T12:00:00Z", "endedAt": null, "members": [],
            "differences": [difference], "notListed": 0, "remaining": [
                {"nodeID": node, "table": "public.key", "key": {"id": "cd"}, "problem": "missing here", "here": null,
                 "there": {"version": 5, "origin": 2, "deleted": false}}
            ]
        }))
        .unwrap();
        let shown = verified(&report).to_string();
        let lines: Vec<&str> = shown.lines().filter(|line| line.contains("public.key")).collect();
        assert!(
            lines[0].contains("7@1 deleted") && lines[0].contains("sent again"),
            "{shown}"
        );
        assert!(
            lines[1].contains("missing here") && lines[1].contains("differs still"),
            "{shown}"
        );
    }
}
