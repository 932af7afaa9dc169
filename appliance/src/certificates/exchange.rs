//! `POST /v1/cluster/rotate-ca`: puts a new authority beside the old one; and takes the old one away in the end.
//!
//! What is in between, every member does by itself in its rounds; see `keystead::certificate::exchange`.

use std::sync::Arc;

use certs::Authority;
use keystead::api::certificate::Certificates;
use keystead::certificate::renewal::BACKDATE_SECONDS;
use keystead::member::roster::NodeState;
use keystead::{Error, Kind, Result};
use sql::Connection;

use super::own::Own;
use super::{Known, answer};
use crate::agent::Agent;
use crate::cluster::{AUTHORITY_SECONDS, certificate_error, must_be_member, unix_seconds};
use crate::crash_point::crash_point;

/// Begins an exchange. It goes on by itself.
pub(crate) async fn begin(agent: &Arc<Agent>) -> Result<Certificates> {
    let changing = agent.changing.lock().await;
    must_be_member(agent)?;
    let db = agent.db().await?;
    let known = Known::look(agent, &db).await?;
    Own::read(agent, &known).map_err(lost)?;
    may_begin(&known)?;
    nobody_is_on_the_way(agent).await?;
    let (me, now) = (agent.identity()?, unix_seconds(agent));
    let authority = Authority::create(&me.cluster_id, now - BACKDATE_SECONDS, now + AUTHORITY_SECONDS);
    let authority = authority.map_err(certificate_error)?;
    sql::cluster_key::put(&db, &known.keyring.wrap_ca(&authority)?).await?;
    crash_point("certificates::begun");
    tracing::info!(
        authority = authority.fingerprint(),
        "the cluster gets a new certificate authority"
    );
    drop((db, changing));
    agent.certificates_changed.notify_one();
    answer(agent).await
}

/// Without the old authority nobody could be told to believe a new one.
fn lost(cause: Error) -> Error {
    if cause.kind() != Kind::Unavailable {
        return cause;
    }
    Error::conflict("the key of the authority that this node's certificate is of is lost")
        .with_hint(
            "make a new cluster of this node and join the others to it: \"When its key is lost\" in docs/operations.md",
        )
        .caused_by(cause)
}

fn may_begin(known: &Known) -> Result<()> {
    if known.exchange.is_running() {
        return Err(Error::conflict("the certificate authority is being exchanged already")
            .with_hint("`ksctl cluster certificates list` shows which nodes it waits for"));
    }
    match known.roster.nodes.iter().find(|node| node.state == NodeState::Joining) {
        Some(node) => Err(
            Error::conflict(format!("node {} at {} is joining", node.id, node.address))
                .with_hint("try again when it is ready, or remove it"),
        ),
        None => Ok(()),
    }
}

/// A node that was signed and has not been recorded yet would believe the old authority alone.
async fn nobody_is_on_the_way(agent: &Agent) -> Result<()> {
    if sql::ticket::guests(&*agent.local.get().await?).await?.is_empty() {
        return Ok(());
    }
    Err(Error::conflict("a node was signed and has not joined yet")
        .with_hint("let it join, or wait until its ticket has expired, which takes 15 minutes"))
}

/// Takes away the authorities that nobody needs any more, and says whether there were any. Several members may do so at
/// once.
pub(super) async fn finish(db: &Connection, known: &Known) -> Result<bool> {
    for fingerprint in known.exchange.outlived() {
        crash_point("certificates::outlived");
        if let Some(row) = known.keyring.row_of_authority(fingerprint) {
            sql::cluster_key::delete(db, &row).await?;
            tracing::info!(
                authority = fingerprint,
                "the old certificate authority is believed no more"
            );
        }
    }
    Ok(!known.exchange.outlived().is_empty())
}
