//! `ksctl cluster join`: the last of the three steps of a join, on the joining node.
//!
//! Before it come `cluster csr` and `cluster nodes create`; [`super::fulljoin`] does all three.

use keystead::api::cluster::{JoinRequest, NewNodeAnswer};

use super::{JOIN_QUESTION, JOIN_WARNING, follow};
use crate::client::{Answer, Call, Client};
use crate::commands::Context;
use crate::confirm::Confirmed;
use crate::failure::Failure;

/// Who joins whom: hosts and ports that nodes use among themselves.
#[derive(Debug, Clone)]
pub(crate) struct Sides {
    /// The joining node.
    pub(crate) host: String,
    /// Its PostgreSQL port, unless it is the usual one.
    pub(crate) port: Option<u16>,
    /// Where users reach the joining node.
    pub(crate) public_address: Option<String>,
    /// The member that signed.
    pub(crate) member: String,
    /// Its PostgreSQL port, unless it is the usual one.
    pub(crate) member_port: Option<u16>,
}

/// Starts the join and, with `block`, waits for its end.
pub(crate) async fn run(context: &Context, sides: &Sides, ticket: NewNodeAnswer, block: bool) -> Result<(), Failure> {
    let confirmed = context.asker.confirm(JOIN_WARNING, JOIN_QUESTION)?;
    let mut node = context.client()?;
    let started = start(&mut node, sides, ticket, &confirmed).await?;
    if !block {
        return context.printer.answer(&started);
    }
    // The account of the cluster is not known here. It often has the same name and password.
    let identity = node.identity().clone();
    let ready = follow::until_ready(node, identity, context.printer).await?;
    context.printer.answer(&ready)
}

/// Starts the join: from here on the node's own data is lost.
pub(crate) async fn start(
    node: &mut Client,
    sides: &Sides,
    ticket: NewNodeAnswer,
    _confirmed: &Confirmed,
) -> Result<Answer, Failure> {
    node.send(&Call::post("cluster/join", &request(sides, ticket))?).await
}

/// What the joining node is asked with.
pub(crate) fn request(sides: &Sides, ticket: NewNodeAnswer) -> JoinRequest {
    JoinRequest {
        cert: Some(ticket.cert),
        cachain: Some(ticket.cachain),
        mkek_blob: Some(ticket.mkek_blob),
        local_node_host: Some(sides.host.clone()),
        local_node_port: sides.port,
        local_node_public_address: sides.public_address.clone(),
        member_node_host: Some(sides.member.clone()),
        member_node_port: sides.member_port,
        blocking: false,
    }
}
