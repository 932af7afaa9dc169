//! `cluster nodes list`: one row a node.

use std::collections::BTreeMap;

use keystead::api::cluster::Status;
use keystead::api::list::List;
use keystead::api::node::Node;

use super::NONE;
use crate::printer::layout::{Cell, Fit, Table, Tone, column};

/// The nodes of a cluster.
pub(crate) fn nodes(list: &List<Node>) -> Table {
    let mut table = Table::new([
        column("name", Fit::Text, 0),
        column("status", Fit::Text, 1),
        column("replication", Fit::Whole, 3),
        column("node", Fit::Id, 2),
        column("port", Fit::Number, 6),
        column("public address", Fit::Text, 4),
        column("version", Fit::Whole, 5),
    ]);
    for node in &list.resources {
        table.row([
            Cell::from(&node.host),
            Cell::toned(status(&node.status), tone(&node.status.code)),
            replication(node).into(),
            node.node_id.as_str().into(),
            node.port.to_string().into(),
            Cell::from(&node.public_address),
            node.version.as_deref().unwrap_or(NONE).into(),
        ]);
    }
    table
}

/// The name of each node, by its id.
pub(crate) fn names(list: &List<Node>) -> BTreeMap<String, String> {
    let named = list.resources.iter();
    named
        .map(|node| (node.node_id.to_string(), node.host.clone()))
        .collect()
}

/// How bad a status is.
pub(super) fn tone(code: &str) -> Tone {
    match code {
        "r" => Tone::Plain,
        "d" | "k" | "f" | "v" => Tone::Bad,
        _ => Tone::Warning,
    }
}

/// A node that waits for its turn to join says its place; other reasons are too long for a table.
fn status(status: &Status) -> String {
    match (status.code.as_str(), &status.reason) {
        ("creating", Some(place)) => format!("{}, {place}", status.description),
        _ => status.description.clone(),
    }
}

/// A sender may live for a while after its receiver is gone: of a node that is down nothing is known.
fn replication(node: &Node) -> &str {
    match &node.state {
        _ if node.is_this_node => "this node",
        Some(state) if tone(&node.status.code) != Tone::Bad => state,
        _ => NONE,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A list of so many nodes, the second of which is down.
    pub(in crate::printer) fn list(count: usize) -> List<Node> {
        let node = |number: usize| -> Value {
            let id = format!(
                "{:032x}",
                0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128.wrapping_mul(number as u128 + 1)
            );
            let status = match number {
                1 => json!({"code": "d", "description": "down", "reason": "the peer cannot be reached"}),
                2 => json!({"code": "creating", "description": "joining: creating (1/5)",
                    "reason": "waiting: place 2 among the nodes that join"}),
                _ => json!({"code": "r", "description": "ready"}),
            };
            json!({"nodeID": id, "id": id, "status": status, "host": format!("node-{number}.example.com"), "port": 5432,
                "state": (number > 0).then_some("streaming"), "isThisNode": number == 0,
                "publicAddress": format!("https://keystead-{number}.example.com"), "version": "0.1.0", "rowVersion": 1})
        };
        let resources: Vec<Value> = (0..count).map(node).collect();
        serde_json::from_value(json!({"skip": 0, "limit": 256, "total": count, "resources": resources})).unwrap()
    }

    #[test]
    fn a_list_of_nodes_fits_the_terminal() {
        insta::assert_snapshot!(nodes(&list(3)).plain(Some(80)));
        insta::assert_snapshot!(nodes(&list(3)).plain(Some(100)));
        insta::assert_snapshot!(nodes(&list(3)).plain(Some(200)));
        insta::assert_snapshot!(nodes(&list(20)).plain(Some(80)));
    }

    #[test]
    fn a_node_that_is_down_is_not_said_to_stream() {
        let text = nodes(&list(3)).plain(None);
        let row = text.lines().find(|line| line.contains("down")).unwrap();
        assert!(!row.contains("streaming"), "{row}");
        assert!(
            text.lines().filter(|line| line.contains("streaming")).count() == 1,
            "{text}"
        );
    }

    #[test]
    fn a_name_that_would_drive_the_terminal_is_shown_and_a_row_stays_a_line() {
        let mut list = list(1);
        list.resources[0].public_address = "\u{1b}[2Jx\n\u{202e}y\u{9b}".to_owned();
        let shown = nodes(&list).sheet(None).text;
        assert!(shown.contains(r"\u{1b}[2Jx\n\u{202e}y\u{9b}"), "{shown}");
        assert_eq!(shown.lines().count(), 2, "{shown}");
    }
}
