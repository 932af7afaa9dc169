//! Moving the state of a key: revoking and destroying it. What may follow what is decided in `keystead::key::transition`.

use keystead::api;
use keystead::key::transition::{Revocation, Transition};
use keystead::{Error, Result};

use super::find::{find, not_found};
use super::{despite_deadlocks, shown};
use crate::agent::Agent;

/// How often a state is read again that somebody else has moved. It can move three times.
const TRIES: usize = 4;

/// Revokes the key that `what` names, and answers it as it then is.
pub(crate) async fn revoke(
    agent: &Agent,
    what: &str,
    kind: Option<&str>,
    revocation: Revocation,
) -> Result<api::key::Key> {
    let key = walk(agent, what, kind, revocation.transition).await?;
    tracing::info!(key = key.id, reason = revocation.reason, "a key was revoked");
    Ok(key)
}

/// Destroys the material of the key that `what` names; what is said of the key stays.
pub(crate) async fn destroy(agent: &Agent, what: &str, kind: Option<&str>) -> Result<api::key::Key> {
    let key = walk(agent, what, kind, Transition::Destroy).await?;
    tracing::info!(key = key.id, "a key was destroyed");
    Ok(key)
}

async fn walk(agent: &Agent, what: &str, kind: Option<&str>, transition: Transition) -> Result<api::key::Key> {
    let db = agent.db.get().await?;
    let mut key = find(&db, what, kind).await?;
    if transition == Transition::Destroy && key.undeletable {
        return Err(Error::conflict(format!(
            "the key {:.80} was made undeletable",
            key.name
        )));
    }
    for _ in 0..TRIES {
        let (from, to) = (key.state, transition.of(key.state)?);
        if let Some(moved) = despite_deadlocks(|| sql::key::set_state(&db, &key.id, from, to)).await? {
            return Ok(shown::shown(moved));
        }
        key = sql::key::by_id(&db, &key.id).await?.ok_or_else(not_found)?;
    }
    Err(Error::unavailable("the state of the key is being moved by others"))
}
