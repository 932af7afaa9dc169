//! Stage 4, catching up: the subscriptions start from the slots and bring what happened during the copy.
//!
//! Done when from every member a heartbeat has arrived that was sent after the copy, and little is left behind it.
//! Repeating it finds the subscriptions at work; PostgreSQL knows how far each has come. A slot that was lost meanwhile, after
//! a copy that took long, is made anew with its rows.

use keystead::clock::Micros;
use keystead::join::stage::Event;
use keystead::member::roster::Member;
use keystead::replication::names;
use keystead::{Error, Result};
use sql::Peer;

use super::super::driver::ledger;
use crate::agent::Agent;
use crate::links::{self, Confirming};
use crate::resync;

/// Less than this is left: a moment's writes.
const LAG_BYTES: i64 = 1 << 20;

pub(super) async fn run(agent: &Agent) -> Result<Event> {
    let db = agent.db().await?;
    let me = ledger(agent)?.node_id;
    let (roster, members) = super::members(agent, &db).await?;
    let me = roster
        .find(&me)
        .ok_or_else(|| Error::unavailable("the copy does not have this node's own row yet"))?;
    super::need_all(agent, &members)?;
    let mut present = Vec::new();
    for member in &members {
        let Some(peer) = super::member_if_up(agent, member).await? else {
            continue;
        };
        // One that was not a member yet when the slots were made.
        sql::link::make_slot(&db, &names::link(me.number, member.number)).await?;
        links::subscribe(agent, &db, me, member, Confirming::Lazily).await?;
        let sent = super::newest_heartbeat(&peer, member).await?;
        present.push((member, peer, sent));
    }
    for (member, peer, sent) in present {
        wait_for(agent, member, &peer, sent).await?;
    }
    Ok(Event::CaughtUp)
}

/// Waits until something younger than `sent` has arrived from `member`, and nearly everything else, unless it goes down.
async fn wait_for(agent: &Agent, member: &Member, peer: &Peer, sent: Micros) -> Result<()> {
    loop {
        resync::mend_if_needed(agent, member, peer).await?;
        take_lanes(agent, member).await?;
        match tokio::time::timeout(super::DOUBT, arrival(agent, member, peer, sent)).await {
            Ok(arrived) => return arrived,
            Err(_) if super::leave_out_if_silent(agent, member).await? => return Ok(()),
            Err(_) => {}
        }
    }
}

/// The member may have begun to send in more lanes meanwhile: then nothing is heard of it before they are taken.
async fn take_lanes(agent: &Agent, member: &Member) -> Result<()> {
    let (db, me) = (agent.db().await?, ledger(agent)?.node_id);
    match sql::node::all(&db).await?.find(&me) {
        Some(me) => links::lanes::take_from(agent, &db, me, member).await,
        None => Ok(()),
    }
}

async fn arrival(agent: &Agent, member: &Member, peer: &Peer, sent: Micros) -> Result<()> {
    loop {
        let lag = sql::link::my_lag(peer).await?;
        super::report(agent, |progress| progress.lag_bytes = lag.map(i64::unsigned_abs));
        let arrived = sql::heartbeat::newest(&*agent.db().await?)
            .await?
            .get(&member.number)
            .copied();
        if arrived > Some(sent) && lag.is_some_and(|lag| lag < LAG_BYTES) {
            return Ok(());
        }
        tokio::time::sleep(super::LOOK).await;
    }
}
