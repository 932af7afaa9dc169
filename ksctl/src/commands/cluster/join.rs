//! `ksctl cluster join`: the last of the three steps of a join, on the joining node.
//!
//! Before it come `cluster csr` and `cluster nodes create`; [`super::fulljoin`] does all three.

use keystead::api::cluster::{JoinRequest, NewNodeAnswer};

use super::{JOIN_QUESTION, JOIN_WARNING, follow};
use crate::client::{Answer, Call, Client};
use crate::commands::{Context, watch};
use crate::confirm::Confirmed;
use crate::failure::Failure;
use crate::printer::screen::Screen;

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

/// How long a command that starts a join goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Until the join has begun.
    Begun,
    /// Until the node is ready.
    Ready,
    /// Until the node is ready, or the user leaves.
    ReadyOrLeft,
}

/// What a user who leaves should know.
const LEFT: &str = "the join goes on; `ksctl cluster info --watch`, asked of the joining node, shows how far it is";

/// Starts the join and waits for its end, if that is wanted.
pub(crate) async fn run(context: &Context, sides: &Sides, ticket: NewNodeAnswer, until: Until) -> Result<(), Failure> {
    until.may_be()?;
    let confirmed = context.asker.confirm(JOIN_WARNING, JOIN_QUESTION)?;
    let mut node = context.client()?;
    let started = start(&mut node, sides, ticket, &confirmed).await?;
    if until == Until::Begun {
        return context.printer.answer(&started);
    }
    // The account of the cluster is not known here. It often has the same name and password.
    let identity = node.identity().clone();
    let ready = until.done(follow::until_ready(node, identity, context.printer)).await?;
    context.printer.answer(&ready)
}

impl Until {
    /// Can a user leave at all? Asked before anything is lost.
    pub(crate) fn may_be(self) -> Result<(), Failure> {
        match self {
            Self::ReadyOrLeft => Screen::may_open(),
            Self::Begun | Self::Ready => Ok(()),
        }
    }

    /// Waits for the end of `work`.
    pub(crate) async fn done<T>(self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match self {
            Self::ReadyOrLeft => watch::until_done(work, LEFT).await,
            Self::Begun | Self::Ready => work.await,
        }
    }
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
