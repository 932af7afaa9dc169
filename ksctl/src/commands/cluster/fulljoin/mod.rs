//! `ksctl cluster fulljoin`: the three steps of a join in one command, asked of a member.
//!
//! This file decides the order of the steps and says each on standard error. What is done at the member is in
//! [`member`], at the joining node in [`joiner`]; waiting for the end is [`super::follow`].

mod joiner;
mod member;

use keystead::api::cluster::{CsrAnswer, CsrRequest, NewNodeAnswer, NewNodeRequest};

use super::join::{self, Sides, Until};
use super::{JOIN_QUESTION, JOIN_WARNING, follow};
use crate::client::{Call, Client};
use crate::commands::{Context, renewal};
use crate::failure::Failure;

pub(crate) use joiner::Access;

/// What the user asks for.
#[derive(Debug)]
pub(crate) struct FullJoin {
    /// Who joins whom.
    pub(crate) sides: Sides,
    /// How to reach the joining node.
    pub(crate) access: Access,
    /// Both nodes share a root-of-trust key.
    pub(crate) shared_hsm_partition: bool,
    /// Write the cluster's credentials into the joining node's file without asking.
    pub(crate) write_to_config: bool,
    /// How long to go on.
    pub(crate) until: Until,
}

/// Does all three steps.
pub(crate) async fn run(context: &Context, order: FullJoin) -> Result<(), Failure> {
    order.until.may_be()?;
    let confirmed = context.asker.confirm(JOIN_WARNING, JOIN_QUESTION)?;
    let mut member = context.client()?;
    let mut node = joiner::client(context, &order.access)?;

    context.printer.note("Checking if member is ready");
    let before = member::ready_count(&mut member).await?;
    context.printer.note("Checking if joining node is ready");
    joiner::check(context, &mut node).await?;
    context.printer.note("Getting CSR from joining node");
    let csr = csr(context, &mut node, &order.sides).await?;
    context
        .printer
        .note("Getting Certificate and CA Chain from member node");
    let ticket = member::sign(
        &mut member,
        &request(&order.sides, order.shared_hsm_partition, csr),
        context.printer,
    )
    .await?;
    context.printer.note("Joining new node to cluster");
    let started = join::start(&mut node, &order.sides, ticket, &confirmed).await?;

    let shown = if order.until == Until::Begun {
        started
    } else {
        let following = follow::until_ready(node, joiner::identity_in_cluster(&member), context.printer);
        let ready = order.until.done(following).await?;
        member::wait_for_count(&mut member, before.saturating_add(1)).await?;
        ready
    };
    context.printer.answer(&shown)?;
    joiner::keep_credentials(context, &order, &member)
}

/// The joining node and a ticket for it, as far as a join goes before anything is lost.
pub(crate) async fn ticket(
    context: &Context,
    sides: &Sides,
    access: &Access,
) -> Result<(Client, NewNodeAnswer), Failure> {
    let mut member = context.client()?;
    let mut node = joiner::client(context, access)?;
    member::ready_count(&mut member).await?;
    let csr = csr(context, &mut node, sides).await?;
    let asked = request(sides, false, csr);
    let ticket = member::sign(&mut member, &asked, context.printer).await?;
    Ok((node, ticket))
}

async fn csr(context: &Context, node: &mut Client, sides: &Sides) -> Result<String, Failure> {
    let request = CsrRequest {
        local_node_host: Some(sides.host.clone()),
        public_address: sides.public_address.clone(),
    };
    let answer = renewal::send(context, node, &Call::post("cluster/csr", &request)?).await?;
    Ok(answer.parse::<CsrAnswer>()?.csr)
}

fn request(sides: &Sides, shared_hsm_partition: bool, csr: String) -> NewNodeRequest {
    NewNodeRequest {
        csr: Some(csr),
        new_node_host: Some(sides.host.clone()),
        public_address: sides.public_address.clone(),
        shared_hsm_partition,
    }
}
