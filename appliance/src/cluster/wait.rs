//! Waiting until every member has what this node has: `POST /v1/cluster/wait`.
//!
//! The node beats at once, and looks what the members say they have seen; who has it is decided in
//! `keystead::replication::barrier`.

use std::time::Duration;

use keystead::api::wait::{MemberHas, WaitAnswer, WaitRequest};
use keystead::clock::Micros;
use keystead::member::roster::{Member, Roster};
use keystead::replication::barrier::Barrier;
use keystead::{Error, NodeNumber, Result};
use tokio::time::{Instant, timeout_at};

use super::must_be_member;
use crate::agent::Agent;
use crate::heartbeat;

/// How long is waited unless asked otherwise.
const DEFAULT: Duration = Duration::from_mins(1);

/// How long one call waits at the most; well below the time after which clients hang up.
const ONE_CALL: Duration = Duration::from_secs(20);

/// How long the heartbeat itself may take, also when nothing is to be waited for: it waits for transactions that write.
const BEAT: Duration = Duration::from_secs(5);

/// How often to look: a local query. Members say once a second what they have.
const LOOK: Duration = Duration::from_millis(50);

/// Waits; answers with `everywhere` false only when the caller asked for more time than one call has.
///
/// # Errors
/// [`keystead::Kind::Unavailable`], naming the members that lack something, when the time is up.
pub(crate) async fn wait(agent: &Agent, asked: &WaitRequest) -> Result<WaitAnswer> {
    must_be_member(agent)?;
    let patience = asked
        .timeout_seconds
        .map_or(DEFAULT, |seconds| Duration::from_secs(seconds.into()));
    let end = Instant::now() + patience.min(ONE_CALL);
    let up_to = match asked.up_to {
        Some(up_to) => up_to,
        None => beat(agent, end).await?,
    };
    let mut barrier = Barrier::new(agent.identity()?.number, up_to);
    let opened = match timeout_at(end, open(agent, &mut barrier, None)).await {
        Ok(opened) => opened.map(|()| true)?,
        Err(_) => look(agent, &mut barrier, None).await?,
    };
    let me = agent.identity()?.node_id;
    let roster = sql::node::all(&*agent.db().await?).await?;
    let members: Vec<&Member> = roster.ready_peers(&me).collect();
    if opened || patience > ONE_CALL {
        return Ok(answer(&barrier, &members, opened));
    }
    Err(lacking(&barrier, &members))
}

/// Waits until these members have everything that this node had written when this was called, `patience` at the most.
/// Whether they have.
pub(crate) async fn heard_by(agent: &Agent, members: &[NodeNumber], patience: Duration) -> Result<bool> {
    let end = Instant::now() + patience;
    let mut barrier = Barrier::new(agent.identity()?.number, beat(agent, end).await?);
    let opened = timeout_at(end, open(agent, &mut barrier, Some(members))).await;
    opened.map_or(Ok(false), |opened| opened.map(|()| true))
}

/// The time of a heartbeat that is sent now.
async fn beat(agent: &Agent, end: Instant) -> Result<Micros> {
    let end = end.max(Instant::now() + BEAT);
    timeout_at(end, heartbeat::beat(agent)).await.map_err(|_| held_back())?
}

async fn open(agent: &Agent, barrier: &mut Barrier, members: Option<&[NodeNumber]>) -> Result<()> {
    while !look(agent, barrier, members).await? {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Looks at these members, or at whoever is a member now.
async fn look(agent: &Agent, barrier: &mut Barrier, members: Option<&[NodeNumber]>) -> Result<bool> {
    let db = agent.db().await?;
    let heartbeats = sql::heartbeat::all(&db).await?;
    let members = match members {
        Some(members) => members.to_vec(),
        None => others(agent, &sql::node::all(&db).await?)?,
    };
    Ok(barrier.look(members, &heartbeats, agent.clock.now()))
}

fn others(agent: &Agent, roster: &Roster) -> Result<Vec<NodeNumber>> {
    let me = agent.identity()?.node_id;
    Ok(roster.ready_peers(&me).map(|member| member.number).collect())
}

fn answer(barrier: &Barrier, members: &[&Member], everywhere: bool) -> WaitAnswer {
    let has = |member: &&Member| MemberHas {
        node_id: member.id.clone(),
        host: member.address.host.clone(),
        had_at: barrier.had_by(member.number).and_then(Micros::to_utc),
    };
    WaitAnswer {
        up_to: barrier.up_to(),
        time: barrier.up_to().to_utc(),
        everywhere,
        members: members.iter().map(has).collect(),
    }
}

fn lacking(barrier: &Barrier, members: &[&Member]) -> Error {
    let lacking = members.iter().filter(|member| barrier.had_by(member.number).is_none());
    let names: Vec<String> = lacking
        .map(|member| format!("{} at {}", member.id, member.address))
        .collect();
    Error::unavailable(format!(
        "not every member has everything of this node yet: {} does not",
        names.join(", ")
    ))
    .with_hint(
        "`ksctl cluster errors` shows what is wrong between nodes; what is on its way arrives when that is mended",
    )
}

fn held_back() -> Error {
    Error::unavailable("a transaction that is open on this node holds its heartbeat back").with_hint(
        "wait again when it has ended; `select * from pg_stat_activity where xact_start is not null` shows it",
    )
}
