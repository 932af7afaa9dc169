//! A joining node's calls to the member that signed it: take me in, and: forget me.
//!
//! Recording spends the ticket and gives the node its number and its place, under the membership lease, so that none of
//! them is given twice. Nodes join one after another, in the order of their numbers: the others wait in `creating`.

use std::sync::Arc;

use keystead::api::cluster::DEFAULT_PORT;
use keystead::join::request::Address;
use keystead::join::stage::Stage;
use keystead::member::roster::{Member, NodeState, Roster};
use keystead::peer::{Record, Recorded};
use keystead::{Error, Kind, NodeId, NodeNumber, Result};
use sql::ticket::Ticket;

use super::lease::Lease;
use super::sign::{full, has_address};
use super::{lease, must_be_member};
use crate::agent::{Agent, Standing};
use crate::links;

/// Takes a node in as joining. The same ticket of the same node gives the same number again, and its place by then.
pub(crate) async fn record(agent: &Arc<Agent>, caller: &NodeId, asked: Record) -> Result<Recorded> {
    must_be_member(agent)?;
    let ticket = sql::ticket::find(&*agent.local.get().await?, &asked.ticket).await?;
    let ticket = check(ticket, caller, &asked)?;
    let mut roster = sql::node::all(&*agent.db().await?).await?;
    match roster.find(caller).map(|node| node.state) {
        Some(NodeState::Removing | NodeState::Removed) => return Err(removed(caller)),
        None if ticket.spent => {
            return Err(Error::conflict("this ticket was used before").with_hint(NEW_TICKET));
        }
        // Spent when a majority knows of the node: before that it is recorded again.
        Some(NodeState::Joining | NodeState::Ready) if ticket.spent => {}
        Some(NodeState::Joining | NodeState::Ready) | None => {
            take_place(agent, caller, &asked, ticket, &roster).await?;
            roster = sql::node::all(&*agent.db().await?).await?;
        }
    }
    recorded(&roster, caller)
}

fn recorded(roster: &Roster, caller: &NodeId) -> Result<Recorded> {
    let node = roster.find(caller).ok_or_else(|| removed(caller))?;
    let members = roster.ready().map(|member| (member.number, member.address.clone()));
    let ids = roster.ready().map(|member| (member.number, member.id.clone()));
    Ok(Recorded {
        number: node.number,
        // A member has no place any more: nothing holds it up.
        place: roster.place(caller).unwrap_or(1),
        members: members.collect(),
        ids: ids.collect(),
    })
}

/// Gives the node a number and with it a place, under the lease.
async fn take_place(
    agent: &Arc<Agent>,
    caller: &NodeId,
    asked: &Record,
    ticket: Ticket,
    roster: &Roster,
) -> Result<()> {
    let lease = lease::take(agent, roster, None).await?;
    let kept = keep(agent, caller, asked, ticket, &lease).await;
    lease.end().await;
    let number = kept?;
    // Not left to the timer: the node needs a peer's rights as soon as it has the answer.
    links::reconcile(agent).await?;
    tracing::info!(node_id = %caller, %number, address = %asked.address, "recorded a joining node");
    Ok(())
}

async fn keep(agent: &Agent, id: &NodeId, asked: &Record, ticket: Ticket, lease: &Lease) -> Result<NodeNumber> {
    let _recording = agent.recording.lock().await;
    let now = check(
        sql::ticket::find(&*agent.local.get().await?, &asked.ticket).await?,
        id,
        asked,
    )?;
    if now.spent {
        return Err(Error::conflict("this join was given up meanwhile").with_hint(NEW_TICKET));
    }
    let roster = lease.roster();
    must_have_room(agent, roster, id, &asked.address.host)?;
    let number = match roster.find(id) {
        Some(node) if node.state.is_live() => node.number,
        Some(_) => return Err(removed(id)),
        None => lease.next_number().await?,
    };
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
    // Those that have not come here yet too: the node must see who is before it.
    for before in roster.nodes.iter().filter(|node| node.state == NodeState::Joining) {
        sql::node::record(&*agent.db().await?, before).await?;
    }
    lease.record(&member).await?;
    sql::ticket::spend(&*agent.local.get().await?, &asked.ticket, number).await?;
    Ok(number)
}

/// Asked again under the lease: several may have been signed for the last place, or for one address.
fn must_have_room(agent: &Agent, roster: &Roster, id: &NodeId, host: &str) -> Result<()> {
    let most = agent.config.cluster.max_nodes;
    let others = roster.live().filter(|node| node.id != *id).count();
    if others >= most {
        return Err(full(others, most));
    }
    match roster.live().find(|node| node.id != *id && node.address.host == host) {
        Some(node) => Err(has_address(node)),
        None => Ok(()),
    }
}

const NEW_TICKET: &str = "have a new request signed: `ksctl cluster csr`, then `ksctl cluster nodes create`";

fn check(ticket: Option<Ticket>, caller: &NodeId, asked: &Record) -> Result<Ticket> {
    let ticket = ticket.filter(|ticket| ticket.node_id == *caller).ok_or_else(|| {
        Error::new(Kind::Forbidden, "this member has not issued that ticket to this node")
            .with_hint("join through the member that signed the request")
    })?;
    // Also when its node was forgotten for that since: nobody has removed it.
    if ticket.expired && ticket.number.is_none() {
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

/// Keeps how far a joining node is, for the lists of all members.
pub(crate) async fn report(agent: &Arc<Agent>, caller: &NodeId, stage: Stage) -> Result<()> {
    must_be_member(agent)?;
    Ok(sql::node::set_stage(&*agent.db().await?, caller, stage).await?)
}

/// A node that gave up joining is removed at once: nothing of it was ever served. One that was not even recorded leaves
/// its certificate, which is revoked like that of every other node that is gone.
pub(crate) async fn withdraw(agent: &Arc<Agent>, caller: &NodeId, ticket: &str) -> Result<()> {
    must_be_member(agent)?;
    // It may have asked to be recorded before, and the lease may just be taken for it.
    let _recording = agent.recording.lock().await;
    let db = agent.db().await?;
    match sql::node::all(&db).await?.find(caller).map(|node| node.state) {
        Some(NodeState::Joining) => {
            sql::node::set_state(&db, caller, NodeState::Removed).await?;
        }
        Some(NodeState::Removed | NodeState::Removing) => return Ok(()),
        Some(NodeState::Ready) => {
            return Err(Error::conflict("the members count this node as ready already")
                .with_hint("remove it on another member: `ksctl cluster nodes delete`"));
        }
        None => forget_guest(agent, &db, caller, ticket).await?,
    }
    agent.links_changed.notify_one();
    tracing::info!(node_id = %caller, "a node gave up joining");
    Ok(())
}

/// Nodes that were signed and have not joined by the end of their ticket do not join any more: their certificates are
/// revoked on all members, as if they had given up. They may be signed again, as other nodes.
pub(crate) async fn forget_expired(agent: &Agent) -> Result<()> {
    if agent.standing() != Standing::Member {
        return Ok(());
    }
    let expired = sql::ticket::expired(&*agent.local.get().await?).await?;
    for (id, node) in &expired {
        forget_if_not_recorded(agent, node, id).await?;
    }
    Ok(())
}

/// What was recorded, and whose ticket could not be spent, is not a guest.
async fn forget_if_not_recorded(agent: &Agent, node: &NodeId, ticket: &str) -> Result<()> {
    let _recording = agent.recording.lock().await;
    let db = agent.db().await?;
    if sql::node::all(&db).await?.find(node).is_some() {
        return Ok(());
    }
    forget_guest(agent, &db, node, ticket).await?;
    agent.links_changed.notify_one();
    tracing::info!(node_id = %node, "a node that was signed has not joined in time: its certificate is revoked");
    Ok(())
}

async fn forget_guest(agent: &Agent, db: &sql::Connection, caller: &NodeId, id: &str) -> Result<()> {
    let local = agent.local.get().await?;
    let ticket = sql::ticket::find(&local, id).await?;
    let ticket = ticket
        .filter(|ticket| ticket.node_id == *caller)
        .ok_or_else(|| Error::not_found(format_args!("node {caller} is not known to this member")))?;
    if ticket.spent {
        return Ok(());
    }
    let gone = Member {
        id: caller.clone(),
        number: NodeNumber::NONE,
        address: Address {
            host: ticket.host,
            port: DEFAULT_PORT,
        },
        public_address: String::new(),
        state: NodeState::Removed,
        stage: Stage::Killed,
        serial: ticket.serial,
        row_version: 0,
    };
    sql::node::record(db, &gone).await?;
    sql::ticket::spend(&local, id, NodeNumber::NONE).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ticket past its time, as it is once its node was forgotten for that (`NONE` is no number) or has joined.
    fn past_its_time(number: Option<NodeNumber>) -> (NodeId, Option<Ticket>, Record) {
        let node_id = "07".repeat(16).parse::<NodeId>().expect("an id");
        let address = Address {
            host: "10.0.0.1".to_owned(),
            port: DEFAULT_PORT,
        };
        let ticket = Ticket {
            node_id: node_id.clone(),
            host: address.host.clone(),
            serial: "1".to_owned(),
            expired: true,
            spent: true,
            number,
        };
        let asked = Record {
            ticket: "t".to_owned(),
            public_address: address.host.clone(),
            address,
        };
        (node_id, Some(ticket), asked)
    }

    #[test]
    fn whom_the_member_has_forgotten_for_its_age_is_told_the_age_and_not_a_removal() {
        let (node, ticket, asked) = past_its_time(None);
        let error = check(ticket, &node, &asked).expect_err("it has expired");
        assert!(error.to_string().contains("this ticket has expired"), "{error}");
        let (node, ticket, asked) = past_its_time(Some(NodeNumber(2)));
        check(ticket, &node, &asked).expect("its node has joined and asks again");
    }
}
