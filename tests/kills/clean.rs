//! What is left of nodes on the members of a cluster: only what belongs to members.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use keystead::replication::names;

use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// Members tidy up when they hear of a node's end, those that were away when they are back.
const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until every member has links, roles, access lines and good certificates of the members alone; `more` is one too.
pub(super) async fn nothing_is_left(cluster: &Cluster, more: Option<&Node>) -> Result<()> {
    for node in cluster.nodes.iter().chain(more) {
        let what = format!("{} has links of members alone", node.address);
        until(&what, PATIENCE, async || {
            let peers = peers(node).await?;
            let others = cluster.nodes.len() - usize::from(more.is_none());
            ensure!(peers.len() == others, "{} peers of {others}", peers.len());
            links_are_whole(node, &peers).await?;
            only_members_get_in(node, &peers)?;
            others_are_revoked(node).await?;
            Ok(true)
        })
        .await?;
    }
    Ok(())
}

/// Number and role of every other member, as the node has them; nobody may be half in.
async fn peers(node: &Node) -> Result<Vec<(i32, String)>> {
    let rows = node
        .db(sql::database::CLUSTER)
        .await?
        .query(
            "select number, id, state::text from live.node
             where state <> 'removed' and number <> replication.this_node()",
            &[],
        )
        .await?;
    let mut peers = Vec::new();
    for row in &rows {
        let state: String = row.get("state");
        ensure!(state == "ready", "node {} is {state}", row.get::<_, i32>("number"));
        peers.push((
            row.get("number"),
            format!("{}{}", names::ROLE_PREFIX, row.get::<_, String>("id")),
        ));
    }
    Ok(peers)
}

/// One slot, one subscription and one role for each of them, and no more.
async fn links_are_whole(node: &Node, peers: &[(i32, String)]) -> Result<()> {
    let me = node.query("select replication.this_node()::text").await?;
    let prefix = names::LINK_PREFIX;
    let mut expected = BTreeSet::new();
    for (number, role) in peers {
        expected.insert(format!("slot {prefix}{me}_to_{number}"));
        expected.insert(format!("subscription {prefix}{number}_to_{me}"));
        expected.insert(format!("role {role}"));
    }
    let links = node.links().await?;
    let words: Vec<&str> = links.split_whitespace().collect();
    let found: BTreeSet<String> = words.chunks(2).map(|link| link.join(" ")).collect();
    ensure!(found == expected, "{found:?} is not {expected:?}");
    Ok(())
}

/// The files that let peers in name exactly these roles.
fn only_members_get_in(node: &Node, peers: &[(i32, String)]) -> Result<()> {
    let roles: BTreeSet<&str> = peers.iter().map(|(_, role)| role.as_str()).collect();
    for file in ["pg_hba.conf", "pg_ident.conf"] {
        let text = std::fs::read_to_string(node.data().join("pg").join(file))?;
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let of_a_node = |word: &&str| word.starts_with(names::ROLE_PREFIX) && word.len() > names::ROLE_PREFIX.len() + 8;
        let named: BTreeSet<&str> = words.filter(of_a_node).collect();
        ensure!(
            named.is_subset(&roles),
            "{file} lets in {named:?}, members are {roles:?}"
        );
    }
    Ok(())
}

/// The certificate of every node that is gone is on the node's revocation list.
async fn others_are_revoked(node: &Node) -> Result<()> {
    let gone = node
        .query("select string_agg(serial, ' ') from public.node where state = 'removed'")
        .await?;
    if gone.is_empty() {
        return Ok(());
    }
    let mut read = Command::new("openssl");
    read.args(["crl", "-noout", "-text", "-in"]);
    let list = read.arg(node.data().join("tls/crl.pem")).output()?;
    let list = String::from_utf8_lossy(&list.stdout).to_lowercase().replace(':', "");
    for serial in gone.split_whitespace() {
        let serial = serial.to_lowercase().replace(':', "");
        ensure!(
            list.contains(serial.trim_start_matches('0')),
            "{serial} is not on the revocation list"
        );
    }
    Ok(())
}
