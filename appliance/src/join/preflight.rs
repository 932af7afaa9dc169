//! The pre-flight of a join: asks the member, measures, and lets `keystead::join::preflight` judge.
//!
//! Both directions of PostgreSQL's port are tried with the certificates that replication will use. Nothing of this
//! node's data is touched.

use std::path::Path;

use keystead::clock::Micros;
use keystead::join::preflight::{Check, JoinerFacts, judge, name};
use keystead::join::request::Join;
use keystead::peer::{Hello, Reach};
use keystead::{Error, NodeId, Result};
use sql::Connection;

use crate::agent::Agent;
use crate::peers::{call, connect};

/// Makes every check that can be made before the wipe. The certificate is in place.
pub(super) async fn run(agent: &Agent, node_id: &NodeId, cluster_id: &str, join: &Join) -> Vec<Check> {
    let mut checks = match by_the_member(agent, node_id, cluster_id, join).await {
        Ok(checks) => checks,
        Err(unreachable) => {
            let way = Check::of(name::WAY_THERE, Err(unreachable));
            [way].into_iter().chain(Check::not_made(&name::BY_THE_MEMBER)).collect()
        }
    };
    checks.extend(Check::not_needed());
    checks
}

async fn by_the_member(agent: &Agent, node_id: &NodeId, cluster_id: &str, join: &Join) -> Result<Vec<Check>> {
    let member = connect::connect(agent.postgres.paths(), node_id, &join.member).await?;
    let asked = agent.clock.now();
    let facts = call::ask(&member, &Hello {}).await?;
    let heard = agent.clock.now();
    let joiner = JoinerFacts {
        cluster_id: cluster_id.to_owned(),
        version: crate::version::version(),
        schema: sql::migrate::newest(),
        now: Micros(asked.0.midpoint(heard.0)),
        free_bytes: free_bytes(agent.postgres.paths().data_dir())?,
    };
    let way = format!("{} answers, and its certificate is of this cluster", join.member);
    let mut checks = vec![Check::of(name::WAY_THERE, Ok(way))];
    checks.extend(judge(&joiner, &facts, agent.config.clock.join_skew_ms));
    checks.push(Check::of(name::WAY_BACK, way_back(&member, join).await));
    Ok(checks)
}

async fn way_back(member: &Connection, join: &Join) -> Result<String> {
    let question = Reach {
        address: join.local.clone(),
    };
    match call::ask(member, &question).await {
        Ok(()) => Ok(format!(
            "the member at {} reaches this node at {}",
            join.member, join.local
        )),
        Err(error) => {
            let text = format!("the member at {} cannot use this node's address: {error}", join.member);
            let hint = error
                .hint()
                .unwrap_or("check localNodeHost and the way from the member to this node")
                .to_owned();
            Err(Error::new(error.kind(), text).with_hint(hint))
        }
    }
}

fn free_bytes(folder: &Path) -> Result<u64> {
    let volume = nix::sys::statvfs::statvfs(folder).map_err(|source| Error::internal("measuring the disk", source))?;
    Ok(volume.blocks_available() * volume.fragment_size())
}
