//! The answer to what a peer asks this node's agent.
//!
//! Who asks is the role that PostgreSQL has authenticated; what it may ask depends on whether it is recorded. Each
//! answer is work that may be repeated, for the asker may lose the answer and ask again.

use std::sync::Arc;
use std::time::Duration;

use keystead::join::preflight::MemberFacts;
use keystead::join::request::Address;
use keystead::member::versions;
use keystead::peer::{Call as Question, Hello, Reach, Record, Reply, Report, Subscribe, Withdraw};
use keystead::replication::names;
use keystead::summary;
use keystead::{Error, Kind, NodeId, Result};
use serde_json::Value;
use sql::call::Call;

use super::Target;
use crate::agent::Agent;
use crate::version::version;
use crate::{cluster, links, view};

/// How long an answer may take: its asker waits a little less, `call.rs`.
const TIMEOUT: Duration = Duration::from_secs(25);

/// Answers a call and keeps the answer for its caller. A refusal is an answer.
pub(super) async fn respond(agent: &Arc<Agent>, call: &Call) {
    let reply = match tokio::time::timeout(TIMEOUT, dispatch(agent, call)).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => refusal(call, error),
        Err(_) => refusal(call, Error::unavailable("this node's agent could not answer in time")),
    };
    let sent = async { Ok::<(), Error>(sql::call::respond(&*agent.db().await?, call.id, &reply).await?) };
    if let Err(error) = sent.await {
        tracing::warn!(
            caller = call.caller,
            kind = call.kind,
            error = error.chain(),
            "an answer could not be kept"
        );
    }
}

fn refusal(call: &Call, error: Error) -> Value {
    tracing::info!(
        caller = call.caller,
        kind = call.kind,
        error = error.chain(),
        "a call was refused"
    );
    serde_json::to_value(Reply::<()>::from_result(Err(error))).unwrap_or(Value::Null)
}

async fn dispatch(agent: &Arc<Agent>, call: &Call) -> Result<Value> {
    let caller = names::node_of_role(&call.caller)
        .ok_or_else(|| Error::new(Kind::Forbidden, "only nodes may ask this node's agent"))?;
    match call.kind.as_str() {
        Hello::KIND => to_value::<Hello>(hello(agent, &caller).await?),
        Reach::KIND => {
            let asked: Reach = read(&call.body)?;
            to_value::<Reach>(reach(agent, &caller, asked.address).await?)
        }
        Record::KIND => to_value::<Record>(cluster::record(agent, &caller, read(&call.body)?).await?),
        Report::KIND => {
            let asked: Report = read(&call.body)?;
            to_value::<Report>(cluster::report(agent, &caller, asked.stage).await?)
        }
        Subscribe::KIND => to_value::<Subscribe>(links::subscribe_to(agent, &caller).await?),
        Withdraw::KIND => {
            let asked: Withdraw = read(&call.body)?;
            to_value::<Withdraw>(cluster::withdraw(agent, &caller, &asked.ticket).await?)
        }
        other => Err(
            Error::new(Kind::NotBuilt, format!("a call of kind {other:?} is not known here"))
                .with_hint("bring both nodes to the same version"),
        ),
    }
}

/// Only the caller itself is reached: else a guest could have this node look for open ports anywhere.
async fn reach(agent: &Agent, caller: &NodeId, address: Address) -> Result<()> {
    let recorded = sql::node::all(&*agent.db().await?).await?;
    let own = match recorded.find(caller) {
        Some(node) => Some(node.address.host.clone()),
        None => sql::ticket::host_of(&*agent.local.get().await?, caller).await?,
    };
    if own.as_ref() != Some(&address.host) {
        return Err(Error::new(
            Kind::Forbidden,
            format!(
                "{:?} is not the address that this node's certificate was made out to",
                address.host
            ),
        )
        .with_hint("join at the address that the member signed"));
    }
    let me = agent.identity()?.node_id;
    agent.peers.reach(&me, &Target::new(&address, caller)).await
}

async fn hello(agent: &Agent, caller: &NodeId) -> Result<MemberFacts> {
    let (me, now) = (agent.identity()?, agent.clock.now());
    let db = agent.db().await?;
    let roster = sql::node::all(&db).await?;
    let heard = view::heard(agent);
    let silent = roster
        .ready_peers(&me.node_id)
        .filter(|node| summary::is_silent(heard.get(&node.number).copied(), now))
        .map(|node| node.address.to_string());
    Ok(MemberFacts {
        cluster_id: me.cluster_id.clone(),
        version: version(),
        schema: sql::migrate::newest(),
        now,
        nodes: roster.live().filter(|node| node.id != *caller).count(),
        max_nodes: agent.config.cluster.max_nodes,
        members: roster.ready().count(),
        silent: silent.collect(),
        others: versions::others(&roster, &sql::version::all(&db).await?, &version()),
        bytes: sql::stat::data_bytes(&db).await?,
        number: me.number,
        addresses: roster.ready().map(|node| (node.number, node.address.clone())).collect(),
        ids: roster.ready().map(|node| (node.number, node.id.clone())).collect(),
        postgres: Some(sql::server::version(&db).await?),
    })
}

fn read<C: Question>(body: &Value) -> Result<C> {
    C::deserialize(body).map_err(|source| Error::bad_request("the call is not understood").caused_by(source))
}

fn to_value<C: Question>(answer: C::Answer) -> Result<Value> {
    serde_json::to_value(Reply::Ok(answer)).map_err(|source| Error::internal("answering a peer", source))
}
