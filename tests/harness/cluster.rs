//! A place for nodes, and clusters in it.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use keystead::replication::names;
use serde_json::Value;
use tempfile::TempDir;

use super::hosts::Hosts;
use super::network::Network;
use super::node::{self, Node, PASSWORD, PATIENCE};
use super::scratch;
use super::wait::until;

/// A network and a folder for the nodes of one test.
pub(crate) struct Lab {
    network: Network,
    hosts: Option<Hosts>,
    folder: TempDir,
    logs: PathBuf,
    made: u8,
}

impl Lab {
    /// An empty one.
    pub(crate) fn new() -> Result<Self> {
        let folder = scratch::folder()?;
        // PostgreSQL runs as another user when the test is root.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        Ok(Self {
            network: Network::take()?,
            hosts: None,
            folder,
            logs: node::logs()?,
            made: 0,
        })
    }

    /// An empty one whose nodes get a host each.
    pub(crate) fn with_hosts(hosts: Hosts) -> Result<Self> {
        Ok(Self {
            hosts: Some(hosts),
            ..Self::new()?
        })
    }

    /// A node that was not started yet.
    pub(crate) fn node(&mut self) -> Result<Node> {
        self.made += 1;
        // No name is the beginning of another: processes are known by it.
        let name = format!("node-{:02}", self.made);
        let log = self.logs.join(&name).with_extension("log");
        let folder = self.folder.path().join(name);
        let node = Node::new(self.address(self.made), &folder, &log)?;
        match &self.hosts {
            Some(hosts) => Ok(node.on(hosts.add(self.made, &folder.with_extension("clock"))?)),
            None => Ok(node),
        }
    }

    /// A running node that is in no cluster.
    pub(crate) async fn single(&mut self) -> Result<Node> {
        let mut node = self.node()?;
        node.start_new("").await?;
        Ok(node)
    }

    /// An address of this test at which a node may or may not be.
    pub(crate) fn address(&self, node: u8) -> Ipv4Addr {
        match self.hosts {
            Some(_) => Hosts::address(node),
            None => self.network.address(node),
        }
    }

    /// A folder in the lab's folder with this one file in it.
    pub(crate) fn folder_with(&self, folder: &str, name: &str, text: &str) -> Result<PathBuf> {
        let folder = self.folder.path().join(folder);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), text)?;
        Ok(folder)
    }

    /// A file in the lab's folder with this text.
    pub(crate) fn file(&self, name: &str, text: &str) -> Result<String> {
        let path = self.folder.path().join(name);
        fs::write(&path, text)?;
        Ok(path.to_str().context("a path that is text")?.to_owned())
    }
}

/// Nodes that are one cluster. Nodes go before the lab they stand in.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) lab: Lab,
}

impl Cluster {
    /// A cluster of `size` nodes, made by `cluster new` and `cluster fulljoin`.
    pub(crate) async fn new(size: usize) -> Result<Self> {
        Self::new_in(Lab::new()?, size).await
    }

    /// The same, each node on a host of its own.
    pub(crate) async fn with_hosts(hosts: Hosts, size: usize) -> Result<Self> {
        Self::new_in(Lab::with_hosts(hosts)?, size).await
    }

    async fn new_in(mut lab: Lab, size: usize) -> Result<Self> {
        let first = lab.single().await?;
        first
            .json(&["cluster", "new", "--host", &first.address.to_string()])
            .await?;
        let mut cluster = Self {
            nodes: vec![first],
            lab,
        };
        while cluster.nodes.len() < size {
            let node = cluster.lab.single().await?;
            cluster.join(node).await?;
        }
        Ok(cluster)
    }

    /// The node that made the cluster.
    pub(crate) fn first(&self) -> &Node {
        &self.nodes[0]
    }

    /// Joins a running node through the first one and waits until it is ready.
    pub(crate) async fn join(&mut self, node: Node) -> Result<()> {
        let answer = fulljoin(self.first(), &node, true).await?;
        ensure!(answer["status"]["code"] == "r", "the join ended with {answer}");
        self.nodes.push(node);
        self.wait_until_linked().await
    }

    /// Waits until every node says of every node that it is well.
    pub(crate) async fn wait_until_linked(&self) -> Result<()> {
        until("every node finds every node good", PATIENCE, async || {
            for node in &self.nodes {
                let summary = node.json(&["cluster", "summary"]).await?;
                let said = summaries(&summary);
                ensure!(
                    said.len() == self.nodes.len() * self.nodes.len(),
                    "{} of {said:?}",
                    said.len()
                );
                ensure!(said.iter().all(|one| *one == "GOOD"), "{said:?}");
            }
            Ok(true)
        })
        .await?;
        self.nothing_was_set_aside().await
    }

    /// Waits until everything that any node has written up to now has arrived on every other.
    ///
    /// By positions in the WAL, because a clock may be wrong and equal data proves no arrival: what is older than what is
    /// there changes nothing.
    pub(crate) async fn wait_until_all_have_all(&self) -> Result<()> {
        let others = self.nodes.len() - 1;
        for node in &self.nodes {
            let mut written = String::new();
            let what = format!("what {} has written has arrived", node.address);
            until(&what, PATIENCE, async || {
                if written.is_empty() {
                    written = node.query("select pg_current_wal_insert_lsn()::text").await?;
                }
                let positions = format!(
                    "select count(*) filter (where confirmed_flush_lsn >= '{written}') || ' of ' || count(*)
                            || coalesce(max(late.lanes), '')
                     from pg_replication_slots, (select string_agg(slot_name, ' ') as lanes from pg_replication_slots
                                                 where starts_with(slot_name, '{}') and confirmed_flush_lsn < '{written}') late
                     where starts_with(slot_name, '{}')",
                    names::LANE_PREFIX,
                    names::LINK_PREFIX
                );
                let arrived = node.query(&positions).await?;
                ensure!(arrived == format!("{others} of {others}"), "{written} at {arrived}");
                Ok(true)
            })
            .await?;
        }
        Ok(())
    }

    /// Waits until all nodes hold the same data.
    pub(crate) async fn wait_until_equal(&self) -> Result<()> {
        until("all nodes hold the same data", PATIENCE, async || {
            let first = self.first().digest().await?;
            for node in &self.nodes {
                ensure!(node.digest().await? == first, "{} differs", node.address);
            }
            Ok(true)
        })
        .await?;
        self.nothing_was_set_aside().await
    }

    /// No rule against what no node writes has met a row that a node did write.
    pub(crate) async fn nothing_was_set_aside(&self) -> Result<()> {
        let bad = "select string_agg(concat(relation, ' ', key, ' ', row_text), ' ') from replication.bad_row";
        for node in &self.nodes {
            let bad = node.query(bad).await?;
            ensure!(bad.is_empty(), "{} has set aside {bad}", node.address);
        }
        Ok(())
    }
}

/// `cluster fulljoin` of `joiner`, asked of `member`.
pub(crate) async fn fulljoin(member: &Node, joiner: &Node, block: bool) -> Result<Value> {
    let (member_host, joiner_host, url) = (member.address.to_string(), joiner.address.to_string(), joiner.url());
    let mut command = vec![
        "cluster",
        "fulljoin",
        "--member",
        &member_host,
        "--newnodehost",
        &joiner_host,
    ];
    command.extend([
        "--newnodeurl",
        &url,
        "--newnodeuser",
        "admin",
        "--newnodepass",
        PASSWORD,
        "-y",
    ]);
    if block {
        command.push("--block");
    }
    member.json(&command).await
}

/// Every judgement in a summary.
pub(crate) fn summaries(summary: &Value) -> Vec<&str> {
    let views = summary["resources"]
        .as_object()
        .into_iter()
        .flat_map(|all| all.values());
    let viewed = views
        .filter_map(|view| view["clusterSummary"].as_object())
        .flat_map(|all| all.values());
    viewed.filter_map(|one| one["summary"].as_str()).collect()
}
