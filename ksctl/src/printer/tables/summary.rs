//! `cluster summary`: who sees whom how. One row a node, the worst first; one sign for each node that looks at it.
//!
//! What is not known is not shown: nothing counts that a node said before it fell silent, and lags only from nodes that
//! are connected to the one they speak of.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use keystead::api::summary::{LinkInfo, Summary, View, Viewed};

use super::{NONE, bytes, nodes};
use crate::printer::layout::{Cell, Fit, Table, Tone, column};

const LEGEND: &str = "A B C: as that node sees it: + well  ! not well  x lost  ? not known  . itself";

/// A view that is so much older than the newest one is that of a node that fell silent.
const STALE: TimeDelta = TimeDelta::seconds(30);

/// One node and all that is said of it.
struct Row<'a> {
    id: &'a str,
    views: BTreeMap<&'a str, &'a Viewed>,
}

/// Who sees whom how.
pub(crate) fn summary(summary: &Summary) -> Table {
    let rows = rows(summary);
    let letters: Vec<String> = (0..rows.len()).map(letter).collect();
    let mut table = Table::new([
        column("", Fit::Whole, 0),
        column("name", Fit::Text, 0),
        column("status", Fit::Text, 1),
        column(letters.join(" "), Fit::Whole, 0),
        column("behind", Fit::Number, 3),
        column("lag", Fit::Number, 5),
        column("node", Fit::Id, 4),
        column("what", Fit::Text, 2),
    ])
    .with_legend(LEGEND);
    for (row, letter) in rows.iter().zip(&letters) {
        let signs: Vec<&str> = rows.iter().map(|viewer| sign(row, viewer.id)).collect();
        table.row([
            Cell::from(letter),
            row.name().into(),
            Cell::toned(row.status(), row.tone()),
            Cell::toned(signs.join(" "), row.tone()),
            row.behind().into(),
            row.lag().into(),
            row.id.into(),
            row.trouble().unwrap_or_default().into(),
        ]);
    }
    table
}

fn rows(summary: &Summary) -> Vec<Row<'_>> {
    let newest = summary.resources.values().map(|view| view.last_updated).max();
    let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    for (viewer, view) in &summary.resources {
        for (id, viewed) in &view.cluster_summary {
            let views = BTreeMap::new();
            let row = rows.entry(id).or_insert(Row { id, views });
            if is_fresh(view, newest) {
                row.views.insert(viewer, viewed);
            }
        }
    }
    let mut rows: Vec<Row<'_>> = rows.into_values().collect();
    rows.sort_by_cached_key(|row| {
        (
            Reverse(row.tone()),
            Reverse(row.troubled()),
            row.name(),
            row.id.to_owned(),
        )
    });
    rows
}

fn is_fresh(view: &View, newest: Option<DateTime<Utc>>) -> bool {
    newest.is_some_and(|newest| newest - view.last_updated <= STALE)
}

impl<'a> Row<'a> {
    fn name(&self) -> String {
        let mut hosts = self.views.values().map(|viewed| &viewed.node_info.host);
        hosts.next().cloned().unwrap_or_else(|| NONE.to_owned())
    }

    /// What is said of it by whoever sees it worst.
    fn worst(&self) -> Option<&'a Viewed> {
        self.views.values().copied().max_by_key(|viewed| badness(viewed))
    }

    fn tone(&self) -> Tone {
        self.worst().map_or(Tone::Bad, badness)
    }

    fn status(&self) -> &'a str {
        self.worst()
            .map_or("not known", |viewed| viewed.node_info.status.description.as_str())
    }

    fn troubled(&self) -> usize {
        self.views
            .values()
            .filter(|viewed| badness(viewed) != Tone::Plain)
            .count()
    }

    /// The links to it that are there.
    fn links(&self) -> impl Iterator<Item = &'a LinkInfo> {
        let known = self.views.values().filter(|viewed| badness(viewed) != Tone::Bad);
        known
            .filter_map(|viewed| viewed.node_info.link.as_ref())
            .filter(|link| link.connected)
    }

    fn behind(&self) -> String {
        let most = self.links().map(|link| link.replay_lag_bytes).max();
        most.map_or_else(|| NONE.to_owned(), |most| bytes(most.try_into().unwrap_or(0)))
    }

    fn lag(&self) -> &'a str {
        let longest = self.links().map(|link| link.replay_lag.as_str()).max();
        longest.map_or(NONE, |longest| longest.split('.').next().unwrap_or(longest))
    }

    fn trouble(&self) -> Option<&'a str> {
        let viewed = self.worst().filter(|viewed| badness(viewed) != Tone::Plain)?;
        let error = viewed.cluster_errors.iter().flatten().next();
        let reason = viewed.node_info.status.reason.as_deref();
        error
            .map(|error| error.error_message.as_str())
            .or(reason)
            .or_else(|| Some(viewed.summary.trim_start_matches("BAD:")))
    }
}

fn badness(viewed: &Viewed) -> Tone {
    match nodes::tone(&viewed.node_info.status.code) {
        Tone::Plain if !viewed.summary.starts_with("GOOD") => Tone::Warning,
        tone => tone,
    }
}

fn sign(row: &Row<'_>, viewer: &str) -> &'static str {
    match row.views.get(viewer).map(|viewed| badness(viewed)) {
        None => "?",
        _ if viewer == row.id => ".",
        Some(Tone::Plain) => "+",
        Some(Tone::Warning) => "!",
        Some(Tone::Bad) => "x",
    }
}

/// What a node is called in the table: A to Z, then a to z, then its number.
fn letter(number: usize) -> String {
    let letter = (b'A'..=b'Z').chain(b'a'..=b'z').nth(number);
    letter.map_or_else(|| (number + 1).to_string(), |letter| char::from(letter).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn id(number: usize) -> String {
        format!(
            "{:032x}",
            0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128.wrapping_mul(number as u128 + 1)
        )
    }

    /// What `viewer` says of `node`; node 1 is down, and node 2 is behind as node 0 sees it.
    fn viewed(viewer: usize, node: usize) -> Value {
        let down = node == 1;
        let blocked = (viewer, node) == (0, 2);
        let status = if down {
            json!({"code": "d", "description": "down"})
        } else {
            json!({"code": "r", "description": "ready"})
        };
        let mut info = json!({"host": format!("10.0.0.{}", node + 1), "isThisNode": viewer == node, "nodeID": id(node),
            "port": 5432, "publicAddress": "", "status": status});
        if viewer != node {
            let link = LinkInfo {
                connected: true,
                state: "streaming".to_owned(),
                replay_lag: if blocked { "00:00:41.250000" } else { "00:00:00.001000" }.to_owned(),
                replay_lag_bytes: if blocked { 5 << 20 } else { 96 },
                replication_blocked: blocked,
                ..LinkInfo::default()
            };
            let mut link = serde_json::to_value(link).unwrap();
            info.as_object_mut().unwrap().append(link.as_object_mut().unwrap());
        }
        let error = json!([{"errorMessage": "the peer cannot be reached: connection refused", "errorTime": "2027-01-15T12:00:00Z"}]);
        let summary = match (down, blocked) {
            (true, _) => "BAD:node is inactive",
            (_, true) => "BAD:replication is blocked",
            _ => "GOOD",
        };
        json!({"clusterErrors": if down { error } else { Value::Null }, "summary": summary, "nodeInfo": info})
    }

    fn of(count: usize) -> Summary {
        let mut resources = Map::new();
        for viewer in 0..count {
            let seen: Map<String, Value> = (0..count).map(|node| (id(node), viewed(viewer, node))).collect();
            // The last word of the node that is down is old.
            let updated = if viewer == 1 {
                "2027-01-15T11:58:00Z"
            } else {
                "2027-01-15T12:00:00Z"
            };
            resources.insert(id(viewer), json!({"clusterSummary": seen, "lastUpdated": updated}));
        }
        serde_json::from_value(json!({"skip": 0, "limit": 0, "total": count, "resources": resources})).unwrap()
    }

    #[test]
    fn a_cluster_is_a_row_a_node_and_the_worst_is_the_first() {
        insta::assert_snapshot!(summary(&of(3)).plain(Some(80)));
        insta::assert_snapshot!(summary(&of(3)).plain(Some(100)));
        insta::assert_snapshot!(summary(&of(3)).plain(Some(200)));
        insta::assert_snapshot!(summary(&of(20)).plain(Some(80)));
        insta::assert_snapshot!(summary(&of(20)).plain(Some(100)));
        insta::assert_snapshot!(summary(&of(20)).plain(Some(200)));
    }

    #[test]
    fn nothing_is_said_of_a_node_that_is_down_but_that_it_is() {
        let text = summary(&of(3)).plain(None);
        let row = text.lines().find(|line| line.contains("10.0.0.2")).unwrap();
        assert!(row.starts_with("A  10.0.0.2"), "{text}");
        assert!(
            !row.contains("streaming") && !row.contains("96 B") && row.contains("x x"),
            "{row}"
        );
        assert_eq!(
            text.matches('?').count(),
            4,
            "what it said before is not known now: {text}"
        );
    }
}
