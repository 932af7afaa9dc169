//! What people type for an id: the id, an unambiguous beginning of it, or a name of the thing.
//!
//! This is the one place that turns it into the id. A whole id is sent as it is, so that the appliance judges it; of
//! anything else the appliance is asked what there is. What could mean several things means none.

use keystead::api::list::List;
use keystead::api::node::Node;
use serde::Deserialize;

use crate::client::{Call, Client};
use crate::failure::Failure;

/// No id that the appliance makes is shorter.
const WHOLE: usize = 32;
/// A shorter beginning is more likely a slip than meant.
const SHORTEST: usize = 4;
/// How many things are asked for at once.
const PAGE: u64 = 1000;

/// One thing that might be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its id.
    pub(crate) id: String,
    /// What else it is called.
    names: Vec<String>,
}

impl Candidate {
    /// Its name, and its id.
    pub(crate) fn described(&self) -> String {
        match self.names.first() {
            Some(name) => format!("{name} ({})", self.id),
            None => self.id.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Identified {
    id: String,
}

/// The node that is meant: by its id, the beginning of it, its host, host and port, or its public address.
pub(crate) async fn node(client: &mut Client, typed: &str) -> Result<Candidate, Failure> {
    if is_whole(typed) {
        return Ok(bare(typed));
    }
    let nodes: List<Node> = client.send(&Call::get("nodes")).await?.parse()?;
    let candidates: Vec<Candidate> = nodes.resources.iter().map(of_node).collect();
    choose("node", typed, &candidates)
}

/// The id of a thing in the list at `path`, when a beginning of it is typed.
pub(crate) async fn id(client: &mut Client, path: &'static str, typed: &str) -> Result<String, Failure> {
    if !is_beginning(typed) {
        return Ok(typed.to_owned());
    }
    let mut candidates = Vec::new();
    loop {
        let call = Call::get(path)
            .with("skip", candidates.len().to_string())
            .with("limit", PAGE.to_string());
        let list: List<Identified> = client.send(&call).await?.parse()?;
        let is_last = list.resources.is_empty();
        candidates.extend(list.resources.iter().map(|thing| bare(&thing.id)));
        if is_last || candidates.len() as u64 >= list.total {
            break;
        }
    }
    choose("thing", typed, &candidates).map(|chosen| chosen.id)
}

fn choose(kind: &str, typed: &str, candidates: &[Candidate]) -> Result<Candidate, Failure> {
    if let Some(same) = candidates.iter().find(|candidate| candidate.id == typed) {
        return Ok(same.clone());
    }
    let is_meant = |candidate: &&Candidate| {
        let begins = typed.len() >= SHORTEST && candidate.id.starts_with(&typed.to_ascii_lowercase());
        begins || candidate.names.iter().any(|name| name.eq_ignore_ascii_case(typed))
    };
    let meant: Vec<&Candidate> = candidates.iter().filter(is_meant).collect();
    let listed = |candidates: &[&Candidate]| {
        let described: Vec<String> = candidates.iter().map(|candidate| candidate.described()).collect();
        described.join(", ")
    };
    match meant.as_slice() {
        [one] => Ok((*one).clone()),
        [] if candidates.is_empty() || kind != "node" => Err(Failure::unknown(format!(
            "no {kind} has an id that begins with {typed:?}"
        ))),
        [] => Err(Failure::unknown(format!("no node is called {typed:?}"))
            .with_hint(format!("there are {}", listed(&candidates.iter().collect::<Vec<_>>())))),
        several => Err(Failure::refused(format!(
            "{typed:?} could be any of {}: {}",
            several.len(),
            listed(several)
        ))
        .with_hint("give more of the id")),
    }
}

fn of_node(node: &Node) -> Candidate {
    let mut names = vec![node.host.clone(), format!("{}:{}", node.host, node.port)];
    if !node.public_address.is_empty() {
        names.push(node.public_address.clone());
        let bare = node.public_address.trim_start_matches("https://").trim_end_matches('/');
        names.push(bare.to_owned());
    }
    Candidate {
        id: node.node_id.to_string(),
        names,
    }
}

fn bare(id: &str) -> Candidate {
    Candidate {
        id: id.to_owned(),
        names: Vec::new(),
    }
}

fn is_hexadecimal(typed: &str) -> bool {
    typed.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn is_whole(typed: &str) -> bool {
    typed.len() >= WHOLE && is_hexadecimal(typed)
}

fn is_beginning(typed: &str) -> bool {
    (SHORTEST..WHOLE).contains(&typed.len()) && is_hexadecimal(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "78f3f9e6b0c14f1e9d52a3c7be713c01";
    const OTHER: &str = "78f3aae6b0c14f1e9d52a3c7be713c02";

    fn chosen(typed: &str) -> Result<String, String> {
        let node = |id: &str, host: &str, port: u16, address: &str| -> Candidate {
            of_node(
                &serde_json::from_value(serde_json::json!({"nodeID": id, "id": id, "host": host, "port": port,
                "status": {"code": "r", "description": "ready"}, "state": null, "isThisNode": true,
                "publicAddress": address, "rowVersion": 1}))
                .unwrap(),
            )
        };
        let nodes = [
            node(ONE, "node-1", 5432, "https://n1.example.com/"),
            node(OTHER, "node-2", 5432, ""),
            node("11f3aae6b0c14f1e9d52a3c7be713c03", "shared", 5432, ""),
            node("22f3aae6b0c14f1e9d52a3c7be713c04", "shared", 5433, ""),
        ];
        let chosen = choose("node", typed, &nodes);
        chosen
            .map(|chosen| chosen.id)
            .map_err(|failure| format!("{failure} / {}", failure.hint().unwrap_or_default()))
    }

    #[test]
    fn a_node_is_meant_by_its_id_a_beginning_of_it_or_a_name() {
        for typed in [
            ONE,
            "78f3f",
            "78F3F9",
            "node-1",
            "NODE-1",
            "node-1:5432",
            "n1.example.com",
            "https://n1.example.com/",
        ] {
            assert_eq!(chosen(typed).as_deref(), Ok(ONE), "{typed}");
        }
        assert_eq!(chosen("shared:5433").as_deref(), Ok("22f3aae6b0c14f1e9d52a3c7be713c04"));
    }

    #[test]
    fn what_could_be_several_is_none_and_they_are_named() {
        let said = chosen("78f3").unwrap_err();
        assert!(said.contains(&format!("node-1 ({ONE}), node-2 ({OTHER})")), "{said}");
        assert!(
            chosen("shared")
                .unwrap_err()
                .starts_with("\"shared\" could be any of 2")
        );
    }

    #[test]
    fn what_is_nothing_is_told_with_what_there_is() {
        for typed in ["node-9", "78f", "", "ffff"] {
            let said = chosen(typed).unwrap_err();
            assert!(said.contains("no node is called") && said.contains("node-2"), "{said}");
        }
    }
}
