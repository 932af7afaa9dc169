//! Stage 5, completing: every member subscribes to this node, digests are compared, then the node says it is ready and
//! waits until every member has heard it.
//!
//! A member that is down is left out. One whose slot here is lost meanwhile makes it anew (`resync`). Repeating it asks the
//! members again, who find their subscriptions at work.

use std::time::Duration;

use keystead::clock::Micros;
use keystead::join::stage::Event;
use keystead::member::roster::{Member, NodeState, Roster};
use keystead::peer::Subscribe;
use keystead::replication::digest::{Agreement, Bounds};
use keystead::replication::horizon::{both_have, seen_by_all};
use keystead::{Error, NodeNumber, Result};
use sql::{Connection, Peer};

use super::super::driver::ledger;
use crate::agent::Agent;
use crate::links::{self, Confirming, revoked};
use crate::peers::call;
use crate::{heartbeat, join, resync, view};

/// Buckets that do not agree for this long hold a row that will not arrive by itself.
const DIGEST_PATIENCE: Duration = Duration::from_mins(1);

/// How long the members are given to hear that this node is ready.
const HEARING: Duration = Duration::from_secs(20);

pub(super) async fn run(agent: &Agent) -> Result<Event> {
    open_keys(agent).await?;
    let (roster, members) = super::members(agent, &*agent.db().await?).await?;
    if has_said_so(agent, &roster)? {
        say_ready(agent, members).await?;
        return Ok(Event::Acknowledged);
    }
    super::need_all(agent, &members)?;
    let members = linked(agent, members).await?;
    confirm_at_once(agent, &roster, &members).await?;
    let members = all_have(agent, members).await?;
    tokio::time::timeout(DIGEST_PATIENCE, digests_agree(agent, &members))
        .await
        .map_err(|_| Error::unavailable("this node's data and the member's still differ after a minute"))??;
    say_ready(agent, members).await?;
    Ok(Event::Acknowledged)
}

/// The members that are up. Nothing of them is missing here, and they subscribe to this node.
async fn linked(agent: &Agent, members: Vec<Member>) -> Result<Vec<Member>> {
    let mut linked = Vec::new();
    for member in members {
        let Some(peer) = super::member_if_up(agent, &member).await? else {
            continue;
        };
        resync::mend_if_needed(agent, &member, &peer).await?;
        call::ask(&peer, &Subscribe {}).await?;
        linked.push(member);
    }
    Ok(linked)
}

/// Writers on the members may wait for this node from the moment it is ready.
async fn confirm_at_once(agent: &Agent, roster: &Roster, members: &[Member]) -> Result<()> {
    let (db, me) = (agent.db().await?, ledger(agent)?.node_id);
    let me = roster
        .find(&me)
        .ok_or_else(|| Error::unavailable("the copy does not have this node's own row yet"))?;
    for member in members {
        links::subscribe(agent, &db, me, member, Confirming::AtOnce).await?;
    }
    Ok(())
}

/// From here on the node can log its cluster's users in.
async fn open_keys(agent: &Agent) -> Result<()> {
    let master_key = agent.unwrap_master_key(&ledger(agent)?.master_key)?;
    agent.keep_master_key(&master_key).await?;
    agent.open_keyring().await?;
    revoked::install_now(agent).await?;
    if sql::account::any(&*agent.db().await?).await? {
        return Ok(());
    }
    Err(Error::unavailable(
        "the copy brought no account, so nobody could log in",
    ))
}

/// Did it say that it is ready before it was cut off?
fn has_said_so(agent: &Agent, roster: &Roster) -> Result<bool> {
    let me = ledger(agent)?.node_id;
    Ok(roster.find(&me).is_some_and(|node| node.state == NodeState::Ready))
}

/// Says so, with this node's view of the others, and waits until every member has heard both.
///
/// From here on the node is a member to whoever has heard, so there is no way back and a member that dies now is not
/// waited for: it hears when it returns, like any news.
async fn say_ready(agent: &Agent, members: Vec<Member>) -> Result<()> {
    join::need(agent, []);
    sql::node::set_state(&*agent.db().await?, &ledger(agent)?.node_id, NodeState::Ready).await?;
    view::publish_first(agent).await?;
    if let Ok(heard) = tokio::time::timeout(HEARING, all_have(agent, members)).await {
        return heard.map(drop);
    }
    tracing::warn!("a member has not yet heard that this node is ready");
    Ok(())
}

/// Waits until every member has what this node had written when this was called, proved by their heartbeats. Members that
/// go down meanwhile are left out; the others are given back.
async fn all_have(agent: &Agent, mut members: Vec<Member>) -> Result<Vec<Member>> {
    let written = heartbeat::beat(agent).await?;
    loop {
        let viewers: Vec<NodeNumber> = members.iter().map(|member| member.number).collect();
        match tokio::time::timeout(super::DOUBT, seen_by(agent, &viewers, written)).await {
            Ok(seen) => return seen.map(|()| members),
            Err(_) => members = super::without_silent(agent, members).await?,
        }
    }
}

async fn seen_by(agent: &Agent, viewers: &[NodeNumber], written: Micros) -> Result<()> {
    let me = super::number(agent)?;
    while !seen_by_all(&sql::heartbeat::all(&*agent.db().await?).await?, viewers, me, written) {
        tokio::time::sleep(super::LOOK).await;
    }
    Ok(())
}

async fn digests_agree(agent: &Agent, members: &[Member]) -> Result<()> {
    let source = super::source(agent).await?;
    let mut agreement = Agreement::default();
    loop {
        let db = agent.db().await?;
        let bounds = bounds(&db, &source, members).await?;
        let (ours, theirs) = tokio::join!(sql::digest::within(&db, bounds), sql::digest::within(&source, bounds));
        let open = agreement.compare(&ours?, &theirs?);
        if open.is_empty() {
            return Ok(());
        }
        tracing::debug!(buckets = open.len(), "waiting for digests to agree");
        tokio::time::sleep(super::LOOK).await;
    }
}

/// What both sides can be compared in: up to when both have everything of every member.
async fn bounds(ours: &Connection, theirs: &Peer, members: &[Member]) -> Result<Bounds> {
    let (here, there) = (
        sql::heartbeat::newest(ours).await?,
        sql::heartbeat::newest(theirs).await?,
    );
    let until = both_have(&here, &there, members.iter().map(|member| member.number))
        .ok_or_else(|| Error::unavailable("a member's heartbeat has not arrived yet"))?;
    let purged_up_to = sql::replication::purged_up_to(ours)
        .await?
        .max(sql::replication::purged_up_to(theirs).await?);
    Ok(Bounds {
        until,
        purged_up_to,
        ..Bounds::ALL
    })
}
