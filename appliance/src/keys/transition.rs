//! Moving the state of a key: revoking and destroying it. What may follow what is decided in `keystead::key::transition`.

use keystead::api;
use keystead::key::transition::{Revocation, Transition};
use keystead::replication::ack::{Ack, Operation, Written};
use keystead::{Error, Result};

use super::find::{Named, find, not_found};
use super::{must_be_deletable, shown};
use crate::acknowledge;
use crate::agent::Agent;

/// How often a state is read again that somebody else has moved. It can move three times.
const TRIES: usize = 4;

/// Revokes a key, and answers it as it then is.
pub(crate) async fn revoke(
    agent: &Agent,
    named: &Named<'_>,
    revocation: Revocation,
    ack: Option<Ack>,
) -> Result<(api::key::Key, Ack)> {
    let (key, ack) = walk(agent, named, revocation.transition, ack).await?;
    tracing::info!(key = key.id, reason = revocation.reason, "a key was revoked");
    Ok((key, ack))
}

/// Destroys the material of a key; what is said of the key stays.
pub(crate) async fn destroy(agent: &Agent, named: &Named<'_>, ack: Option<Ack>) -> Result<(api::key::Key, Ack)> {
    let (key, ack) = walk(agent, named, Transition::Destroy, ack).await?;
    tracing::info!(key = key.id, "a key was destroyed");
    Ok((key, ack))
}

async fn walk(
    agent: &Agent,
    named: &Named<'_>,
    transition: Transition,
    ack: Option<Ack>,
) -> Result<(api::key::Key, Ack)> {
    let mut key = find(&*agent.db().await?, named).await?;
    for _ in 0..TRIES {
        if transition == Transition::Destroy {
            must_be_deletable(&key)?;
        }
        let (from, to) = (key.state, transition.of(key.state)?);
        let write = acknowledge::begin(agent, ack, Operation::MakesOrEndsKey).await?;
        let made = write
            .make(|| sql::key::set_state(write.db(), &key.id, from, to, write.peers()))
            .await?;
        if let Some(moved) = made.value().clone() {
            let ack = made.acknowledged(|| Written {
                id: moved.id.clone(),
                row_version: moved.row_version,
            })?;
            return Ok((shown::shown(moved), ack));
        }
        key = sql::key::by_id(&*agent.db().await?, &key.id)
            .await?
            .ok_or_else(not_found)?;
    }
    Err(Error::unavailable("the state of the key is being moved by others"))
}
