//! Stage 2, bootstrapping: this node's replicated database is wiped and made anew, then every member keeps its changes
//! for this node, and this node its changes for every member, before any row is read.
//!
//! A member that is down is left out. Repeating it wipes again. Slots that are there already are kept: they reach further
//! back, which does no harm.

use keystead::join::silence::Need;
use keystead::join::stage::Event;
use keystead::replication::names;
use keystead::{NodeNumber, Result};
use sql::identity::Identity;

use super::super::driver::{ledger, update};
use crate::agent::Agent;
use crate::crash_point::crash_point;
use crate::{join, links};

pub(super) async fn run(agent: &Agent) -> Result<Event> {
    let number = super::number(agent)?;
    join::need(agent, [(ledger(agent)?.source, Need::Answers)]);
    let source = super::source(agent).await?;
    update(agent, |ledger| ledger.wiped = true)?;
    become_member(agent, number).await?;
    wipe(agent, number).await?;

    let (roster, members) = super::members(agent, &source).await?;
    update(agent, |ledger| {
        ledger.members = members
            .iter()
            .map(|member| (member.number, member.address.clone()))
            .collect();
        ledger.ids = members
            .iter()
            .map(|member| (member.number, member.id.clone()))
            .collect();
    })?;
    super::need_all(agent, &members)?;
    let db = agent.db().await?;
    for member in &members {
        sql::link::make_slot(&db, &names::link(number, member.number)).await?;
    }
    links::prepare(agent, &db, &roster).await?;
    for member in &members {
        let Some(peer) = super::member_if_up(agent, member).await? else {
            continue;
        };
        // Whoever has a later one has all that came before the member kept its changes.
        sql::link::keep_changes(&peer).await?;
        let heard = super::newest_heartbeat(&peer, member).await?;
        update(agent, |ledger| {
            ledger.heard.insert(member.number, heard);
        })?;
    }
    Ok(Event::SlotsMade)
}

async fn become_member(agent: &Agent, number: NodeNumber) -> Result<()> {
    let ledger = ledger(agent)?;
    let identity = Identity {
        node_id: ledger.node_id,
        number,
        cluster_id: ledger.cluster_id,
        address: ledger.local,
    };
    agent.set_identity(Some(identity)).await
}

/// Drops the database that replicates with everything that hangs on it, and makes it anew, empty.
pub(in crate::join) async fn wipe(agent: &Agent, number: NodeNumber) -> Result<()> {
    agent.close_keyring();
    links::cut_all(agent).await?;
    agent.db.clear();
    let server = sql::connect(&agent.postgres.config("postgres")).await?;
    sql::database::drop_with_slots(&server, sql::database::CLUSTER).await?;
    sql::database::ensure(&server, sql::database::CLUSTER).await?;
    crash_point("join::wiped");
    sql::migrate::cluster(&agent.postgres.config(sql::database::CLUSTER)).await?;
    let db = agent.db().await?;
    // A node joins members of its own version.
    sql::version::use_all(&db).await?;
    Ok(sql::replication::become_node(&db, number).await?)
}
