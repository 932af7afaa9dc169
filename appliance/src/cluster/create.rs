//! `cluster new`: a node that is alone becomes the first member. Its data stays.
//!
//! Who this node is, is written last: a crash before that leaves a node that is alone, and the command is repeated.

use std::sync::Arc;

use certs::Authority;
use keystead::api::cluster::ClusterInfo;
use keystead::certificate::renewal::BACKDATE_SECONDS;
use keystead::join::request::{Address, NewCluster};
use keystead::join::stage::Stage;
use keystead::member::roster::{Member, NodeState};
use keystead::{Error, NodeId, NodeNumber, Result};
use sql::identity::Identity;

use super::{certificate_error, check_host, info, random_id, unix_seconds};
use crate::agent::{Agent, Standing};
use crate::postgres::Identity as TlsIdentity;
use crate::{backup, certificates, heartbeat};

/// How long an authority is good: 20 years. It is not exchanged by itself, and outlives every node's certificate many
/// times over.
pub(crate) const AUTHORITY_SECONDS: i64 = 20 * 365 * 86_400;

/// Makes a cluster of which this node is the first member.
pub(crate) async fn create(agent: &Arc<Agent>, asked: NewCluster) -> Result<ClusterInfo> {
    let _changing = agent.changing.lock().await;
    may_create(agent.standing())?;
    check_host(agent, "localNodeHost", &asked.local.host)?;
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
    // It makes the revocation list.
    agent.links_changed.notify_one();
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
        Standing::Restoring => Err(backup::restoring()),
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
    Authority::create(cluster_id, now - BACKDATE_SECONDS, now + AUTHORITY_SECONDS).map_err(certificate_error)
}

/// Issues this node's own certificate and gives it to PostgreSQL. Its serial number.
async fn install_certificate(agent: &Agent, authority: &Authority, id: &NodeId, local: &Address) -> Result<String> {
    let issued = certificates::for_self(agent, authority, id, &local.host)?;
    let tls = TlsIdentity {
        certificate: &issued.certificate,
        key: &issued.key,
        authority: authority.cert_pem(),
        revoked: None,
    };
    agent.postgres.install_tls(tls).await?;
    Ok(issued.serial)
}
