//! The pre-flight of a join: asks the member, measures, and lets `keystead::join::preflight` judge.
//!
//! Both directions of PostgreSQL's port are tried with the certificates that replication will use. Nothing of this
//! node's data is touched.

use std::error::Error as StdError;

use certs::SealHeader;
use keystead::clock::Micros;
use keystead::join::preflight::{Check, JoinRules, JoinerFacts, MemberFacts, Verdict, judge, must_pass, name};
use keystead::join::request::Join;
use keystead::peer::{Hello, Reach};
use keystead::{Error, NodeId, Result};
use sql::Peer;

use super::room::free_bytes;
use crate::agent::Agent;
use crate::peers::{Target, call};

/// What was found before the wipe.
pub(super) struct Found {
    /// Every check that could be made.
    pub(super) checks: Vec<Check>,
    /// What the member said of itself and its cluster, if it answered.
    member: Option<MemberFacts>,
}

impl Found {
    /// What the member said, when nothing stands in the way.
    ///
    /// # Errors
    /// What the checks that failed say.
    pub(super) fn passed(self) -> Result<MemberFacts> {
        for check in &self.checks {
            if let Verdict::Warned(warning) = &check.verdict {
                tracing::warn!(check = check.name, hint = warning.hint(), "{warning}");
            }
        }
        must_pass(self.checks)?;
        self.member
            .ok_or_else(|| Error::unavailable("the member said nothing of itself"))
    }
}

/// Makes every check that can be made before the wipe. The certificate is in place.
pub(super) async fn run(agent: &Agent, header: &SealHeader, join: &Join) -> Found {
    let mut found = match by_the_member(agent, header, join).await {
        Ok(found) => found,
        Err(unreachable) => {
            let way = Check::of(name::WAY_THERE, Err(unreachable));
            Found {
                checks: [way].into_iter().chain(Check::not_made(&name::BY_THE_MEMBER)).collect(),
                member: None,
            }
        }
    };
    found.checks.extend(Check::not_needed());
    found
}

/// The member that signed, where it is said to be.
pub(super) fn signer(header: &SealHeader, join: &Join) -> Result<Target> {
    Ok(Target::new(&join.member, &header.sponsor.parse()?))
}

/// A member that ends the session has a reason, such as a ticket that it takes back: that is told to who connects again.
async fn by_the_member(agent: &Agent, header: &SealHeader, join: &Join) -> Result<Found> {
    let node_id: NodeId = header.node_id.parse()?;
    let signer = signer(header, join)?;
    let member = agent.peers.connect(&node_id, &signer).await?;
    match in_a_session(agent, &member, header, join).await {
        Err(error) if is_ended_by_peer(&error) => {
            let member = agent.peers.connect(&node_id, &signer).await?;
            in_a_session(agent, &member, header, join).await
        }
        found => found,
    }
}

fn is_ended_by_peer(error: &Error) -> bool {
    let cause = error.source().and_then(<dyn StdError>::downcast_ref::<sql::Error>);
    cause.is_some_and(sql::Error::is_ended_by_peer)
}

async fn in_a_session(agent: &Agent, member: &Peer, header: &SealHeader, join: &Join) -> Result<Found> {
    let asked = agent.clock.now();
    let facts = call::ask(member, &Hello {}).await?;
    let heard = agent.clock.now();
    let joiner = JoinerFacts {
        cluster_id: header.cluster_id.clone(),
        version: crate::version::version(),
        schema: sql::migrate::newest(),
        now: Micros(asked.0.midpoint(heard.0)),
        free_bytes: free_bytes(agent.postgres.paths().data_dir())?,
        postgres: sql::server::version(&*agent.local.get().await?).await?,
    };
    let rules = JoinRules {
        max_skew_millis: agent.config.clock.join_skew_ms,
        require_fixed_minor: agent.config.postgres.require_fixed_minor,
    };
    let way = format!("{} answers, and its certificate is of this cluster", join.member);
    let mut checks = vec![Check::of(name::WAY_THERE, Ok(way))];
    checks.extend(judge(&joiner, &facts, rules));
    checks.push(Check::of(name::WAY_BACK, way_back(member, join).await?));
    Ok(Found {
        checks,
        member: Some(facts),
    })
}

/// What the member finds, unless it ends the session before it says so.
async fn way_back(member: &Peer, join: &Join) -> Result<Result<String>> {
    let question = Reach {
        address: join.local.clone(),
    };
    match call::ask(member, &question).await {
        Ok(()) => Ok(Ok(format!(
            "the member at {} reaches this node at {}",
            join.member, join.local
        ))),
        Err(error) if is_ended_by_peer(&error) => Err(error),
        Err(error) => {
            let text = format!("the member at {} cannot use this node's address: {error}", join.member);
            let hint = error
                .hint()
                .unwrap_or("check localNodeHost and the way from the member to this node")
                .to_owned();
            Ok(Err(Error::new(error.kind(), text).with_hint(hint)))
        }
    }
}
