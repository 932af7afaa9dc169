//! The checks before anything is wiped: what a joining node tells a member, what the member answers, and the verdict.
//!
//! Pure: the caller measures and passes in. Next: `appliance/src/join/preflight.rs`, which asks.

use serde::{Deserialize, Serialize};

use crate::clock::Micros;
use crate::error::{Error, Kind, Result};
use crate::member::lease::{self, Votes};

/// The largest difference of two clocks at which a node may join, unless it is configured otherwise: beyond it certificates and tokens are misjudged.
pub const MAX_SKEW_MILLIS: i64 = 5_000;

/// What a member says of itself and its cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberFacts {
    /// The cluster's id.
    pub cluster_id: String,
    /// The product's version.
    pub version: String,
    /// The number of the newest migration.
    pub schema: u32,
    /// The member's clock when it answered.
    pub now: Micros,
    /// Nodes that are members or becoming one, this one not counted.
    pub nodes: usize,
    /// The most nodes that it takes in.
    pub max_nodes: usize,
    /// How many members there are.
    pub members: usize,
    /// Addresses of members that it has not heard of lately.
    pub silent: Vec<String>,
    /// Members that run another version than it does, with that version.
    #[serde(default)]
    pub others: Vec<String>,
    /// Bytes of the tables to copy.
    pub bytes: u64,
}

/// What the joining node says of itself.
#[derive(Debug, Clone)]
pub struct JoinerFacts {
    /// The cluster its certificate was issued for.
    pub cluster_id: String,
    /// The product's version.
    pub version: String,
    /// The number of the newest migration.
    pub schema: u32,
    /// Its clock, half-way between asking and hearing the member.
    pub now: Micros,
    /// How far the two clocks may be apart, in milliseconds.
    pub max_skew: i64,
    /// Free bytes where its data will be.
    pub free_bytes: u64,
}

/// Decides whether the join may begin.
///
/// # Errors
/// The first check that fails, naming both sides' values and the way out.
pub fn judge(joiner: &JoinerFacts, member: &MemberFacts) -> Result<()> {
    if joiner.cluster_id != member.cluster_id {
        return Err(Error::new(
            Kind::Forbidden,
            format!(
                "the certificate is of cluster {}, the member is of cluster {}",
                joiner.cluster_id, member.cluster_id
            ),
        )
        .with_hint("get the certificate from a member of the cluster to be joined: `ksctl cluster nodes create`"));
    }
    if (&joiner.version, joiner.schema) != (&member.version, member.schema) {
        return Err(Error::conflict(format!(
            "version mismatch: this node runs {} (schema {}), the member runs {} (schema {})",
            joiner.version, joiner.schema, member.version, member.schema
        ))
        .with_hint("bring both to the same version, then join"));
    }
    if !member.others.is_empty() {
        return Err(Error::conflict(format!(
            "the cluster is being upgraded: the member runs {}, and {}",
            member.version,
            member.others.join(", ")
        ))
        .with_hint("bring all members to the same version, then join"));
    }
    let skew = joiner.now.millis_since(member.now);
    let allowed = joiner.max_skew;
    if skew.abs() > allowed {
        return Err(Error::conflict(format!(
            "clock skew: this node's clock is {skew} ms ahead of the member's, at most {allowed} ms is allowed"
        ))
        .with_hint("give both nodes the same NTP server and wait until their clocks agree"));
    }
    if member.nodes >= member.max_nodes {
        return Err(Error::conflict(format!(
            "the cluster is full: it has {} of {} nodes",
            member.nodes, member.max_nodes
        ))
        .with_hint("remove a node first: `ksctl cluster nodes delete`"));
    }
    let up = member.members.saturating_sub(member.silent.len());
    lease::decide(Votes {
        members: member.members,
        granted: up,
        busy: 0,
    })
    .map_err(|refused| {
        Error::consensus_down(format!(
            "{up} of {} members answer, and are not a majority; down: {}",
            member.members,
            member.silent.join(", ")
        ))
        .with_hint("bring members back, or remove those that are lost: `ksctl cluster nodes delete`")
        .caused_by(refused)
    })?;
    // Copying needs the rows, their indexes and the WAL of both.
    let needed = member.bytes.saturating_mul(3);
    if joiner.free_bytes < needed {
        return Err(Error::conflict(format!(
            "not enough disk: the cluster's data needs {needed} bytes here, {} are free",
            joiner.free_bytes
        ))
        .with_hint("free or add disk space under data_dir, then join"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> (JoinerFacts, MemberFacts) {
        let now = Micros(1_700_000_000_000_000);
        let joiner = JoinerFacts {
            cluster_id: "c".to_owned(),
            version: "0.1.0".to_owned(),
            schema: 3,
            now,
            max_skew: MAX_SKEW_MILLIS,
            free_bytes: 1 << 30,
        };
        let member = MemberFacts {
            cluster_id: "c".to_owned(),
            version: "0.1.0".to_owned(),
            schema: 3,
            now,
            nodes: 2,
            max_nodes: 20,
            members: 2,
            silent: Vec::new(),
            others: Vec::new(),
            bytes: 1 << 20,
        };
        (joiner, member)
    }

    fn refusal(change: impl Fn(&mut JoinerFacts, &mut MemberFacts)) -> String {
        let (mut joiner, mut member) = facts();
        change(&mut joiner, &mut member);
        judge(&joiner, &member).unwrap_err().to_string()
    }

    #[test]
    fn a_member_may_be_down_while_most_are_up() {
        let (joiner, mut member) = facts();
        member.members = 3;
        member.silent = vec!["10.0.0.3:5432".to_owned()];
        judge(&joiner, &member).unwrap();
        member.silent.push("10.0.0.2:5432".to_owned());
        let refused = judge(&joiner, &member).unwrap_err();
        assert!(refused.to_string().contains("1 of 3 members answer"), "{refused}");
    }

    #[test]
    fn equals_may_join() {
        let (joiner, member) = facts();
        judge(&joiner, &member).unwrap();
    }

    #[test]
    fn each_mismatch_is_named_with_both_values() {
        assert!(refusal(|_, m| m.others.push("10.0.0.3:5432 runs 0.0.9".to_owned())).contains("3:5432 runs 0.0.9"));
        assert!(refusal(|j, _| j.cluster_id = "other".to_owned()).contains("cluster other"));
        assert!(refusal(|j, _| j.version = "0.2.0".to_owned()).contains("version mismatch: this node runs 0.2.0"));
        assert!(refusal(|j, _| j.schema = 4).contains("schema 4"));
        assert!(refusal(|j, _| j.now.0 += 600_000_000).contains("600000 ms ahead"));
        assert!(refusal(|_, m| m.nodes = m.max_nodes).contains("20 of 20"));
        assert!(refusal(|_, m| m.silent.push("10.0.0.3:5432".to_owned())).contains("10.0.0.3:5432"));
        assert!(refusal(|j, _| j.free_bytes = 10).contains("10 are free"));
    }
}
