//! Changing what is said of a key: its name, description and usage.

use keystead::Result;
use keystead::api;
use keystead::key::request::KeyChange;
use sql::key::Change;

use super::find::{find, not_found};
use super::{despite_deadlocks, name_taken, shown};
use crate::agent::Agent;

/// Changes the key that `what` names, and answers it as it then is.
pub(crate) async fn change(agent: &Agent, what: &str, kind: Option<&str>, change: &KeyChange) -> Result<api::key::Key> {
    let db = agent.db.get().await?;
    let id = find(&db, what, kind).await?.id;
    match despite_deadlocks(|| sql::key::change(&db, &id, change)).await? {
        Change::Made => Ok(shown::shown(sql::key::by_id(&db, &id).await?.ok_or_else(not_found)?)),
        Change::NameTaken => Err(name_taken(change.name.as_deref().unwrap_or_default())),
        Change::NotThere => Err(not_found()),
    }
}
