//! `POST /v1/nodes`: a member signs a joining node's request and seals the master key to it.
//!
//! The member decides id, name, usages and validity; nothing but the public key is taken from the request. The ticket
//! that comes with it is good for one join within minutes, here only. The node may log in from now on, nothing more.

use std::sync::Arc;

use certs::{CheckedRequest, SealHeader};
use keystead::api::cluster::NewNodeAnswer;
use keystead::join::request::NewNode;
use keystead::member::roster::Member;
use keystead::quota::Quota;
use keystead::{Error, NodeId, Result};
use sql::ticket::NewTicket;
use tokio::sync::Mutex;

use super::answers::hears_majority;
use super::{certificate_error, check_host, must_be_member, random_id, unix_seconds};
use crate::agent::Agent;
use crate::certificates::{self, Known};
use crate::links;

/// How long a ticket is good: time to copy it over by hand, no more.
const TICKET_SECONDS: i64 = 15 * 60;

/// Held from counting to adding, so that calls at one time do not all find room for the last one.
static SIGNING: Mutex<()> = Mutex::const_new(());

/// Signs a request.
pub(crate) async fn sign(agent: &Arc<Agent>, asked: NewNode) -> Result<NewNodeAnswer> {
    must_be_member(agent)?;
    check_host(agent, "newNodeHost", &asked.host)?;
    let request = CheckedRequest::parse(&asked.csr).map_err(certificate_error)?;
    let roster = sql::node::all(&*agent.db().await?).await?;
    hears_majority(agent, &roster)?;
    let (nodes, most) = (roster.live().count(), agent.config.cluster.max_nodes);
    if nodes >= most {
        return Err(full(nodes, most));
    }
    if let Some(node) = roster.live().find(|node| node.address.host == asked.host) {
        return Err(has_address(node));
    }
    let _alone = SIGNING.lock().await;
    Quota::Tickets.admits(sql::ticket::guests(&*agent.local.get().await?).await?.len())?;
    let answer = issue(agent, &request, &asked.host).await?;
    // Not left to the timer: the node logs in as soon as it has the answer.
    links::reconcile(agent).await?;
    Ok(answer)
}

/// There are as many nodes as a cluster may have.
pub(super) fn full(nodes: usize, most: usize) -> Error {
    Error::conflict(format!("the cluster is full: it has {nodes} of {most} nodes"))
        .with_hint("remove a node first: `ksctl cluster nodes delete`")
}

/// A node of the cluster is where another one wants to be.
pub(super) fn has_address(node: &Member) -> Error {
    Error::conflict(format!(
        "{} is the address of node {} of this cluster",
        node.address.host, node.id
    ))
    .with_hint("a machine that joins again must be removed first: `ksctl cluster nodes delete`")
}

async fn issue(agent: &Agent, request: &CheckedRequest, host: &str) -> Result<NewNodeAnswer> {
    let (me, now) = (agent.identity()?, unix_seconds(agent));
    let known = Known::look(agent, &*agent.db().await?).await?;
    let (keyring, authority) = (&known.keyring, known.issuing()?);
    let node_id: NodeId = random_id().parse()?;
    let cert = certificates::issue(agent, authority, request, &node_id, host)?;
    let serial = certs::Identity::from_pem(&cert).map_err(certificate_error)?.serial;
    let chain = keyring.chain();
    let header = SealHeader {
        cluster_id: me.cluster_id,
        node_id: node_id.to_string(),
        ticket: random_id(),
        key_hash: certs::hex(&request.public_key_hash()),
        sponsor: me.node_id.to_string(),
        not_after: now + TICKET_SECONDS,
        chain_hash: Some(certs::chain_hash(&chain).map_err(certificate_error)?),
    };
    let mkek_blob = certs::seal(authority, request, &header, keyring.mkek().expose()).map_err(certificate_error)?;
    let ticket = NewTicket {
        id: header.ticket,
        node_id,
        key_hash: header.key_hash,
        host: host.to_owned(),
        serial,
        not_after: header.not_after,
    };
    sql::ticket::add(&*agent.local.get().await?, &ticket).await?;
    tracing::info!(node_id = %ticket.node_id, host, "signed a node");
    Ok(NewNodeAnswer {
        cert,
        cachain: chain,
        mkek_blob,
    })
}
