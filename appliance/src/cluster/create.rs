//! `cluster new`: a node that is alone becomes the first member. Its data stays.
//!
//! Who this node is, is written last: a crash before that leaves a node that is alone, and the command is repeated.

use std::sync::Arc;

use certs::{Authority, CheckedRequest, NodeKey, NodeTemplate};
use keystead::api::cluster::ClusterInfo;
use keystead::join::request::{Address, NewCluster};
use keystead::join::stage::Stage;
use keystead::member::roster::{Member, NodeState};
use keystead::{Error, NodeId, NodeNumber, Result};
use sql::identity::Identity;

use super::{certificate_error, info, random_id, unix_seconds};
use crate::agent::{Agent, Standing};
use crate::heartbeat;
use crate::postgres::Identity as TlsIdentity;

/// The CA outlives every node's certificate many times over; rotating it is not built.
const CA_SECONDS: i64 = 20 * 365 * 86_400;

/// How long a node's certificate is good: a year.
pub(super) const NODE_SECONDS: i64 = 365 * 86_400;

/// Certificates are valid from a little before now: the other node's clock may be behind ours.
pub(super) const BACKDATE_SECONDS: i64 = 3600;

/// Makes a cluster of which this node is the first member.
pub(crate) async fn create(agent: &Arc<Agent>, asked: NewCluster) -> Result<ClusterInfo> {
    let _changing = agent.changing.lock().await;
    may_create(agent.standing())?;
    let id: NodeId = random_id().parse()?;
    let cluster_id = random_id();
    let authority = authority(agent, &cluster_id)?;
    let serial = install_certificate(agent, &authority, &id, &asked.local).await?;

    let member = Member {
        id: id.clone(),
        number: NodeNumber::FIRST,
        address: asked.local.clone(),
        public_address: asked.public_address,
        state: NodeState::Ready,
        stage: Stage::Ready,
        serial,
        row_version: 0,
    };
    keep(agent, &authority, &member).await?;
    let identity = Identity {
        node_id: id,
        number: NodeNumber::FIRST,
        cluster_id,
        address: asked.local,
    };
    agent.set_identity(Some(identity)).await?;
    agent.stand(Standing::Member);
    heartbeat::beat(agent).await?;
    tracing::info!(node_id = %member.id, address = %member.address, "made a cluster");
    info(agent).await
}

/// Writes the cluster into the database, in place of what a half-made one may have left.
async fn keep(agent: &Agent, authority: &Authority, first: &Member) -> Result<()> {
    let db = agent.db().await?;
    sql::replication::forget_cluster(&db).await?;
    sql::cluster_key::put(&db, &agent.keyring()?.wrap_ca(authority)?).await?;
    sql::replication::become_node(&db, first.number).await?;
    sql::node::record(&db, first).await?;
    agent.open_keyring().await
}

fn may_create(standing: Standing) -> Result<()> {
    match standing {
        Standing::Alone => Ok(()),
        Standing::Member | Standing::Fenced => Err(Error::conflict("this node is in a cluster already")
            .with_hint("`ksctl cluster info` shows it; remove this node from it on another member first")),
        Standing::Joining => Err(Error::conflict("this node is joining a cluster")),
        Standing::Killed | Standing::Removed => Err(Error::conflict(
            "this node still holds the configuration of a cluster it is not in",
        )
        .with_hint("run `ksctl cluster delete` on it first")),
    }
}

fn authority(agent: &Agent, cluster_id: &str) -> Result<Authority> {
    let now = unix_seconds(agent);
    Authority::create(cluster_id, now - BACKDATE_SECONDS, now + CA_SECONDS).map_err(certificate_error)
}

/// Issues this node's own certificate and gives it to PostgreSQL. Its serial number.
async fn install_certificate(agent: &Agent, authority: &Authority, id: &NodeId, local: &Address) -> Result<String> {
    let now = unix_seconds(agent);
    let key = NodeKey::generate().map_err(certificate_error)?;
    let request = key
        .request(&local.host)
        .and_then(|pem| CheckedRequest::parse(&pem))
        .map_err(certificate_error)?;
    let template = NodeTemplate {
        node_id: id.to_string(),
        host: local.host.clone(),
        cluster_id: authority.cluster_id().to_owned(),
        not_before: now - BACKDATE_SECONDS,
        not_after: now + NODE_SECONDS,
    };
    let certificate = authority.issue(&request, &template).map_err(certificate_error)?;
    let tls = TlsIdentity {
        certificate: &certificate,
        key: &key.to_pem(),
        authority: authority.cert_pem(),
    };
    agent.postgres.install_tls(tls).await?;
    Ok(certs::Identity::from_pem(&certificate)
        .map_err(certificate_error)?
        .serial)
}
