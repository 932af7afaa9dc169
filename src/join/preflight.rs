//! The checks before anything is wiped: what a joining node tells a member, what the member answers, and the verdicts.
//!
//! Every check is made that can be, so that all that stands in the way is told at once. Pure: the caller measures and
//! passes in. Next: `appliance/src/join/preflight.rs`, which asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::request::Address;
use crate::api::preflight::{Outcome, PreflightCheck, PreflightReport};
use crate::clock::Micros;
use crate::error::{Error, Kind, Result};
use crate::id::{NodeId, NodeNumber};
use crate::member::lease::majority;
use crate::server_version::ServerVersion;

/// The difference of two clocks beyond which a node may not join, unless its configuration says another one: there
/// certificates and tokens are misjudged.
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
    /// Its number.
    pub number: NodeNumber,
    /// Where every member is, itself too: when it dies, the join asks another one.
    pub addresses: BTreeMap<NodeNumber, Address>,
    /// Who they are: another node at such an address is not taken for the member. Earlier versions do not say it.
    #[serde(default)]
    pub ids: BTreeMap<NodeNumber, NodeId>,
    /// The version of its PostgreSQL; of a member that does not say it, it is not known.
    #[serde(default)]
    pub postgres: Option<ServerVersion>,
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
    /// Free bytes where its data will be.
    pub free_bytes: u64,
    /// The version of its PostgreSQL.
    pub postgres: ServerVersion,
}

/// What the joining node's configuration says of the checks.
#[derive(Debug, Clone, Copy)]
pub struct JoinRules {
    /// How far the clocks may be apart.
    pub max_skew_millis: i64,
    /// Refuse a join when a PostgreSQL is without the fix of CVE-2026-6471, instead of a warning.
    pub require_fixed_minor: bool,
}

/// One check and how it came out: what was seen, or why the join is refused.
#[derive(Debug)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it came out.
    pub verdict: Verdict,
}

/// How a check came out.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing stands in the way; what was seen.
    Passed(String),
    /// The join is not refused, but something has to be done.
    Warned(Error),
    /// The join is refused.
    Failed(Error),
    /// Another check failed before.
    NotChecked,
    /// There is nothing to look at, and why.
    NotNeeded(&'static str),
}

/// What is looked at, in this order. The first four and the way back need the network, the others need the member's word.
pub mod name {
    /// Does this node stand where one may join?
    pub const STANDING: &str = "standing";
    /// Are certificate, key and sealed master key this node's and of one cluster?
    pub const CERTIFICATE: &str = "certificate";
    /// Does this node reach the member?
    pub const WAY_THERE: &str = "way to the member";
    /// Does the member reach this node?
    pub const WAY_BACK: &str = "way back";
    /// Is the certificate of the member's cluster?
    pub const CLUSTER: &str = "cluster";
    /// Do both run one version?
    pub const VERSION: &str = "version";
    /// Have both a PostgreSQL with the fix of CVE-2026-6471?
    pub const POSTGRESQL: &str = "postgresql";
    /// Do the clocks agree?
    pub const CLOCKS: &str = "clocks";
    /// Has the cluster a place?
    pub const ROOM: &str = "room";
    /// Can members be added?
    pub const MEMBERS: &str = "members";
    /// Has the data a place?
    pub const DISK: &str = "disk";
    /// Root-of-trust keys shared by hardware.
    pub const HSM: &str = "hsm";
    /// Licences.
    pub const LICENCE: &str = "licence";

    /// The checks that need the member's word.
    pub const BY_THE_MEMBER: [&str; 8] = [CLUSTER, VERSION, POSTGRESQL, CLOCKS, ROOM, MEMBERS, DISK, WAY_BACK];
}

impl Check {
    /// A check that came out well, or did not.
    pub fn of(name: &'static str, seen: Result<String>) -> Self {
        let verdict = match seen {
            Ok(seen) => Verdict::Passed(seen),
            Err(refused) => Verdict::Failed(refused),
        };
        Self { name, verdict }
    }

    /// Checks that another one kept from being made.
    pub fn not_made(names: &[&'static str]) -> impl Iterator<Item = Self> {
        let not_made = |name: &&'static str| Self {
            name,
            verdict: Verdict::NotChecked,
        };
        names.iter().map(not_made)
    }

    /// What others ask for and this product does without.
    pub fn not_needed() -> [Self; 2] {
        [
            Self {
                name: name::HSM,
                verdict: Verdict::NotNeeded("the master key is sealed to this node's own key; no HSM is used"),
            },
            Self {
                name: name::LICENCE,
                verdict: Verdict::NotNeeded("nothing needs a licence"),
            },
        ]
    }
}

impl From<&Check> for PreflightCheck {
    fn from(check: &Check) -> Self {
        let (outcome, detail, hint) = match &check.verdict {
            Verdict::Passed(seen) => (Outcome::Passed, seen.clone(), None),
            Verdict::Warned(error) => (Outcome::Warning, error.to_string(), error.hint().map(str::to_owned)),
            Verdict::Failed(error) => (Outcome::Failed, error.to_string(), error.hint().map(str::to_owned)),
            Verdict::NotChecked => (Outcome::NotChecked, "a check before it failed".to_owned(), None),
            Verdict::NotNeeded(why) => (Outcome::NotNeeded, (*why).to_owned(), None),
        };
        Self {
            name: check.name.to_owned(),
            outcome,
            detail,
            hint,
        }
    }
}

/// The list as it is shown.
pub fn report(checks: &[Check]) -> PreflightReport {
    PreflightReport {
        passed: !checks.iter().any(|check| matches!(check.verdict, Verdict::Failed(_))),
        checks: checks.iter().map(PreflightCheck::from).collect(),
    }
}

/// Lets a join begin when no check has failed.
///
/// # Errors
/// With the texts of all that failed, of the kind of the first.
pub fn must_pass(checks: Vec<Check>) -> Result<()> {
    let failed = checks.into_iter().filter_map(|check| match check.verdict {
        Verdict::Failed(error) => Some(error),
        _ => None,
    });
    let mut failed: Vec<Error> = failed.collect();
    if failed.len() < 2 {
        return failed.pop().map_or(Ok(()), Err);
    }
    let kind = failed.first().map_or(Kind::Conflict, Error::kind);
    let texts: Vec<String> = failed.iter().map(ToString::to_string).collect();
    let hints: Vec<&str> = failed.iter().filter_map(Error::hint).collect();
    Err(Error::new(kind, texts.join("; ")).with_hint(hints.join("; ")))
}

/// What can be judged by what both sides say.
pub fn judge(joiner: &JoinerFacts, member: &MemberFacts, rules: JoinRules) -> Vec<Check> {
    vec![
        Check::of(name::CLUSTER, same_cluster(joiner, member)),
        Check::of(name::VERSION, same_version(joiner, member)),
        Check {
            name: name::POSTGRESQL,
            verdict: fixed_minors(joiner, member, rules.require_fixed_minor),
        },
        Check::of(name::CLOCKS, clocks_agree(joiner, member, rules.max_skew_millis)),
        Check::of(name::ROOM, has_room(member)),
        Check::of(name::MEMBERS, most_are_up(member)),
        Check::of(name::DISK, fits(joiner, member)),
    ]
}

fn same_cluster(joiner: &JoinerFacts, member: &MemberFacts) -> Result<String> {
    if joiner.cluster_id == member.cluster_id {
        return Ok(format!("both are of cluster {}", member.cluster_id));
    }
    Err(Error::new(
        Kind::Forbidden,
        format!(
            "the certificate is of cluster {}, the member is of cluster {}",
            joiner.cluster_id, member.cluster_id
        ),
    )
    .with_hint("get the certificate from a member of the cluster to be joined: `ksctl cluster nodes create`"))
}

fn same_version(joiner: &JoinerFacts, member: &MemberFacts) -> Result<String> {
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
    Ok(format!("all run {} (schema {})", member.version, member.schema))
}

/// Each of the two gets a role with the attribute `replication` on the other.
fn fixed_minors(joiner: &JoinerFacts, member: &MemberFacts, required: bool) -> Verdict {
    let sides = [("this node", Some(joiner.postgres)), ("the member", member.postgres)];
    let (mut texts, mut hints) = (Vec::new(), Vec::new());
    for (side, version) in sides {
        if let Some(error) = version.and_then(|version| version.must_be_fixed().err()) {
            texts.push(format!("{side}: {error}"));
            hints.extend(error.hint().map(|hint| format!("on {side}: {hint}")));
        }
    }
    let unfixed = Error::conflict(texts.join("; ")).with_hint(hints.join("; "));
    match (texts.is_empty(), required) {
        (true, _) => Verdict::Passed(match member.postgres {
            Some(version) => format!("this node runs {}, the member {version}", joiner.postgres),
            None => format!("this node runs {}; what the member runs is not known", joiner.postgres),
        }),
        (false, true) => Verdict::Failed(unfixed),
        (false, false) => Verdict::Warned(unfixed),
    }
}

fn clocks_agree(joiner: &JoinerFacts, member: &MemberFacts, most: i64) -> Result<String> {
    let skew = joiner.now.millis_since(member.now);
    let seen = format!("this node's clock is {skew} ms ahead of the member's, at most {most} ms is allowed");
    if skew.abs() <= most {
        return Ok(seen);
    }
    Err(Error::conflict(format!("clock skew: {seen}"))
        .with_hint("give both nodes the same NTP server and wait until their clocks agree"))
}

fn has_room(member: &MemberFacts) -> Result<String> {
    let seen = format!("it has {} of {} nodes", member.nodes, member.max_nodes);
    if member.nodes < member.max_nodes {
        return Ok(seen);
    }
    Err(Error::conflict(format!("the cluster is full: {seen}"))
        .with_hint("remove a node first: `ksctl cluster nodes delete`"))
}

/// Members that are down are linked with the new one when they are back.
fn most_are_up(member: &MemberFacts) -> Result<String> {
    let up = member.members.saturating_sub(member.silent.len());
    let seen = format!("{up} of {} members answer", member.members);
    if up >= majority(member.members) {
        return Ok(seen);
    }
    Err(Error::consensus_down(format!(
        "{seen}, {} are needed; down: {}",
        majority(member.members),
        member.silent.join(", ")
    ))
    .with_hint("bring members back, or remove those that are lost: `ksctl cluster nodes delete`"))
}

/// Copying needs the rows, their indexes and the WAL of both.
fn fits(joiner: &JoinerFacts, member: &MemberFacts) -> Result<String> {
    let needed = member.bytes.saturating_mul(3);
    let seen = format!(
        "the cluster's data needs {needed} bytes here, {} are free",
        joiner.free_bytes
    );
    if joiner.free_bytes >= needed {
        return Ok(seen);
    }
    Err(Error::conflict(format!("not enough disk: {seen}"))
        .with_hint("free or add disk space under data_dir, then join"))
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
            free_bytes: 1 << 30,
            postgres: ServerVersion::new(15, 20),
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
            number: NodeNumber::FIRST,
            addresses: BTreeMap::new(),
            ids: BTreeMap::new(),
            postgres: Some(ServerVersion::new(18, 6)),
        };
        (joiner, member)
    }

    fn judged(change: impl Fn(&mut JoinerFacts, &mut MemberFacts)) -> Vec<Check> {
        judged_by(false, change)
    }

    fn judged_by(require_fixed_minor: bool, change: impl Fn(&mut JoinerFacts, &mut MemberFacts)) -> Vec<Check> {
        let (mut joiner, mut member) = facts();
        change(&mut joiner, &mut member);
        let rules = JoinRules {
            max_skew_millis: MAX_SKEW_MILLIS,
            require_fixed_minor,
        };
        judge(&joiner, &member, rules)
    }

    fn refusal(change: impl Fn(&mut JoinerFacts, &mut MemberFacts)) -> String {
        must_pass(judged(change)).unwrap_err().to_string()
    }

    #[test]
    fn a_member_may_be_down_while_most_are_up() {
        let down = |count: usize| {
            judged(move |_, member| {
                member.members = 3;
                member.silent = vec!["10.0.0.3:5432".to_owned(); count];
            })
        };
        must_pass(down(1)).unwrap();
        let refused = must_pass(down(2)).unwrap_err();
        assert_eq!(refused.kind(), Kind::ConsensusDown);
        assert!(refused.to_string().contains("1 of 3 members answer"), "{refused}");
    }

    #[test]
    fn equals_may_join() {
        let checks = judged(|_, _| {});
        assert!(report(&checks).passed, "{checks:?}");
        must_pass(checks).unwrap();
    }

    #[test]
    fn each_mismatch_is_named_with_both_values() {
        assert!(refusal(|_, m| m.others.push("10.0.0.3:5432 runs 0.0.9".to_owned())).contains("3:5432 runs 0.0.9"));
        assert!(refusal(|j, _| j.cluster_id = "other".to_owned()).contains("cluster other"));
        assert!(refusal(|j, _| j.version = "0.2.0".to_owned()).contains("version mismatch: this node runs 0.2.0"));
        assert!(refusal(|j, _| j.schema = 4).contains("schema 4"));
        assert!(refusal(|j, _| j.now.0 += 600_000_000).contains("600000 ms ahead"));
        assert!(refusal(|_, m| m.nodes = m.max_nodes).contains("20 of 20"));
        assert!(
            refusal(|_, m| {
                m.silent.push("10.0.0.3:5432".to_owned());
            })
            .contains("10.0.0.3:5432")
        );
        assert!(refusal(|j, _| j.free_bytes = 10).contains("10 are free"));
    }

    #[test]
    fn clocks_may_be_apart_by_the_limit_either_way_and_no_more() {
        for (apart, passes) in [(5_000, true), (-5_000, true), (5_001, false), (-5_001, false)] {
            let checks = judged(move |joiner, _| joiner.now.0 += apart * 1000);
            assert_eq!(report(&checks).passed, passes, "{apart} ms");
        }
    }

    fn of_postgresql(checks: &[Check]) -> PreflightCheck {
        let list = report(checks).checks;
        list.into_iter().find(|check| check.name == name::POSTGRESQL).unwrap()
    }

    #[test]
    fn a_postgresql_with_the_hole_is_a_warning_and_refuses_the_join_only_when_the_fix_is_required() {
        type Change = fn(&mut JoinerFacts, &mut MemberFacts);
        let sides: [(&str, Change); 2] = [
            ("this node", |joiner, _| joiner.postgres = ServerVersion::new(15, 18)),
            ("the member", |_, member| {
                member.postgres = Some(ServerVersion::new(17, 10));
            }),
        ];
        for (side, old) in sides {
            let checks = judged_by(false, old);
            let check = of_postgresql(&checks);
            assert_eq!(check.outcome, Outcome::Warning, "{check:?}");
            assert!(check.detail.starts_with(&format!("{side}: PostgreSQL 1")), "{check:?}");
            assert!(
                check.hint.is_some_and(|hint| hint.starts_with(&format!("on {side}: "))),
                "{side}"
            );
            assert!(report(&checks).passed);
            must_pass(checks).unwrap();

            let checks = judged_by(true, old);
            assert_eq!(of_postgresql(&checks).outcome, Outcome::Failed);
            assert!(must_pass(checks).unwrap_err().to_string().contains("CVE-2026-6471"));
        }
        must_pass(judged_by(true, |_, _| {})).unwrap();
        let both = of_postgresql(&judged(|joiner, member| {
            joiner.postgres = ServerVersion::new(15, 18);
            member.postgres = Some(ServerVersion::new(17, 10));
        }));
        let (detail, hint) = (both.detail, both.hint.unwrap_or_default());
        assert!(
            detail.contains("this node: PostgreSQL 15.18") && detail.contains("; the member: PostgreSQL 17.10"),
            "{detail}"
        );
        assert!(
            hint.contains("15.19 or newer") && hint.contains("17.11 or newer"),
            "{hint}"
        );
    }

    #[test]
    fn of_a_member_that_does_not_say_its_postgresql_nothing_is_claimed() {
        let check = of_postgresql(&judged_by(true, |_, member| member.postgres = None));
        assert_eq!(check.outcome, Outcome::Passed);
        assert!(check.detail.ends_with("what the member runs is not known"), "{check:?}");
        // What a member of an earlier version answers.
        let mut answer = serde_json::to_value(facts().1).unwrap();
        answer.as_object_mut().unwrap().remove("postgres");
        assert_eq!(serde_json::from_value::<MemberFacts>(answer).unwrap().postgres, None);
    }

    #[test]
    fn all_that_stands_in_the_way_is_told_at_once_with_every_way_out() {
        let checks = judged(|joiner, member| {
            joiner.free_bytes = 10;
            member.nodes = 20;
        });
        let listed = report(&checks);
        let failed: Vec<&str> = (listed.checks.iter())
            .filter(|check| check.outcome == Outcome::Failed)
            .map(|check| check.name.as_str())
            .collect();
        assert_eq!((listed.passed, failed), (false, vec![name::ROOM, name::DISK]));
        let refused = must_pass(checks).unwrap_err();
        let text = refused.to_string();
        assert!(
            text.contains("the cluster is full") && text.contains("not enough disk"),
            "{text}"
        );
        let hint = refused.hint().unwrap_or_default();
        assert!(
            hint.contains("remove a node") && hint.contains("add disk space"),
            "{hint}"
        );
    }
}
