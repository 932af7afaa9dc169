//! The pre-flight of a join: asks the member, measures, and lets `keystead::join::preflight` judge.
//!
//! Both directions of PostgreSQL's port are tried with the certificates that replication will use. Nothing of this
//! node's data is touched.

use std::path::Path;

use keystead::clock::Micros;
use keystead::join::preflight::{JoinerFacts, judge};
use keystead::join::request::Join;
use keystead::peer::{Hello, Reach};
use keystead::{Error, NodeId, Result};

use crate::agent::Agent;
use crate::peers::{call, connect};

/// Checks everything that can be known before the wipe.
///
/// # Errors
/// The first check that fails, with both sides' values and the way out.
pub(super) async fn run(agent: &Agent, node_id: &NodeId, cluster_id: &str, join: &Join) -> Result<()> {
    let member = connect::connect(agent.postgres.paths(), node_id, &join.member).await?;
    let asked = agent.clock.now();
    let facts = call::ask(&member, &Hello {}).await?;
    let heard = agent.clock.now();
    let joiner = JoinerFacts {
        cluster_id: cluster_id.to_owned(),
        version: crate::version::version(),
        schema: sql::migrate::newest(),
        now: Micros(asked.0.midpoint(heard.0)),
        max_skew: agent.config.clock.join_skew_ms,
        free_bytes: free_bytes(agent.postgres.paths().data_dir())?,
    };
    judge(&joiner, &facts)?;
    let reached = call::ask(
        &member,
        &Reach {
            address: join.local.clone(),
        },
    )
    .await;
    reached.map_err(|error| {
        let text = format!("the member at {} cannot use this node's address: {error}", join.member);
        let hint = error
            .hint()
            .unwrap_or("check localNodeHost and the way from the member to this node")
            .to_owned();
        Error::new(error.kind(), text).with_hint(hint)
    })
}

fn free_bytes(folder: &Path) -> Result<u64> {
    let volume = nix::sys::statvfs::statvfs(folder).map_err(|source| Error::internal("measuring the disk", source))?;
    Ok(volume.blocks_available() * volume.fragment_size())
}
