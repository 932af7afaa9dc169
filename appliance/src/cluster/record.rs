//! A joining node's calls to the member that signed it: take me in, and: forget me.
//!
//! Recording spends the ticket and gives the node its number, under the membership lease, so that neither happens
//! twice. Nodes join one after another: the next one waits in `creating`.

use std::sync::Arc;

use keystead::join::stage::Stage;
use keystead::member::MAX_NODES;
use keystead::member::roster::{Member, NodeState, Roster};
use keystead::peer::Record;
use keystead::{Error, Kind, NodeId, NodeNumber, Result};
use sql::ticket::Ticket;

use super::sign::full;
use super::{lease, must_be_member};
use crate::agent::Agent;
use crate::links;

/// Takes a node in as joining. The same ticket of the same node gives the same number again.
pub(crate) async fn record(agent: &Arc<Agent>, caller: &NodeId, asked: Record) -> Result<NodeNumber> {
    must_be_member(agent)?;
    let ticket = sql::ticket::find(&*agent.local.get().await?, &asked.ticket).await?;
    let ticket = check(ticket, caller, &asked)?;
    let roster = sql::node::all(&*agent.db().await?).await?;
    if let Some(node) = roster.find(caller) {
        return if node.state.is_live() {
            Ok(node.number)
        } else {
            Err(removed(caller))
        };
    }
    if ticket.spent {
        return Err(Error::conflict("this ticket was used before").with_hint(NEW_TICKET));
    }
    wait_for_turn(&roster)?;
    let number = number_and_keep(agent, caller, &asked, ticket, &roster).await?;
    // Not left to the timer: the node needs a peer's rights as soon as it has the answer.
    links::reconcile(agent).await?;
    tracing::info!(node_id = %caller, %number, address = %asked.address, "recorded a joining node");
    Ok(number)
}

/// Gives the node the next number, under the lease, and leaves the number with whoever granted it.
async fn number_and_keep(
    agent: &Agent,
    caller: &NodeId,
    asked: &Record,
    ticket: Ticket,
    roster: &Roster,
) -> Result<NodeNumber> {
    let lease = lease::take(agent, roster, None).await?;
    let kept = async {
        must_have_room(roster)?;
        let number = lease.next_number().await?;
        keep(agent, caller, asked, ticket, number).await.map(|()| number)
    };
    let kept = kept.await;
    lease.end().await;
    kept
}

/// Asked again under the lease: several may have passed the pre-flight for the last place.
fn must_have_room(roster: &Roster) -> Result<()> {
    match roster.live().count() {
        nodes if nodes < MAX_NODES => Ok(()),
        nodes => Err(full(nodes)),
    }
}

const NEW_TICKET: &str = "have a new request signed: `ksctl cluster csr`, then `ksctl cluster nodes create`";

fn check(ticket: Option<Ticket>, caller: &NodeId, asked: &Record) -> Result<Ticket> {
    let ticket = ticket.filter(|ticket| ticket.node_id == *caller).ok_or_else(|| {
        Error::new(Kind::Forbidden, "this member has not issued that ticket to this node")
            .with_hint("join through the member that signed the request")
    })?;
    if ticket.expired && !ticket.spent {
        return Err(Error::conflict("this ticket has expired").with_hint(NEW_TICKET));
    }
    if ticket.host != asked.address.host {
        return Err(Error::invalid_param(format!(
            "the certificate was made out to {}, the node joins as {}",
            ticket.host, asked.address.host
        )));
    }
    Ok(ticket)
}

fn removed(caller: &NodeId) -> Error {
    Error::conflict(format!("node {caller} was removed from the cluster")).with_hint(NEW_TICKET)
}

fn wait_for_turn(roster: &Roster) -> Result<()> {
    match roster.nodes.iter().find(|node| node.state == NodeState::Joining) {
        None => Ok(()),
        Some(other) => Err(
            Error::consensus_down(format!("node {} at {} is joining", other.id, other.address))
                .with_hint("this join goes on by itself when that one has ended or is removed"),
        ),
    }
}

async fn keep(agent: &Agent, id: &NodeId, asked: &Record, ticket: Ticket, number: NodeNumber) -> Result<()> {
    let member = Member {
        id: id.clone(),
        number,
        address: asked.address.clone(),
        public_address: asked.public_address.clone(),
        state: NodeState::Joining,
        stage: Stage::Creating,
        serial: ticket.serial,
        row_version: 0,
    };
    sql::node::record(&*agent.db().await?, &member).await?;
    sql::ticket::spend(&*agent.local.get().await?, &asked.ticket, number).await?;
    Ok(())
}

/// Keeps how far a joining node is, for the lists of all members.
pub(crate) async fn report(agent: &Arc<Agent>, caller: &NodeId, stage: Stage) -> Result<()> {
    must_be_member(agent)?;
    Ok(sql::node::set_stage(&*agent.db().await?, caller, stage).await?)
}

/// A node that gave up joining is removed at once: nothing of it was ever served.
pub(crate) async fn withdraw(agent: &Arc<Agent>, caller: &NodeId) -> Result<()> {
    must_be_member(agent)?;
    let db = agent.db().await?;
    match sql::node::all(&db).await?.find(caller).map(|node| node.state) {
        Some(NodeState::Joining) => {
            sql::node::set_state(&db, caller, NodeState::Removed).await?;
            tracing::info!(node_id = %caller, "a node gave up joining");
            Ok(())
        }
        Some(NodeState::Removed | NodeState::Removing) | None => Ok(()),
        Some(NodeState::Ready) => Err(Error::conflict("a member does not withdraw, it is removed")),
    }
}
