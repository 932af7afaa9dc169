//! Changing a password: the password in force is the credential, so that a first password can be changed before any
//! log-in.

use keystead::api::auth::{ChangePasswordAnswer, ChangePasswordRequest};
use keystead::password::check_new;
use keystead::{Error, Result};

use super::{named, password, wrong_credentials};
use crate::agent::Agent;

/// `PATCH /v1/auth/changepw`. Refresh tokens that rest on the old password end with it.
pub(crate) async fn change_password(agent: &Agent, asked: ChangePasswordRequest) -> Result<ChangePasswordAnswer> {
    let unchanged = asked.password == asked.new_password;
    let (old, new) = (asked.password.into_text(), asked.new_password.into_text());
    let account = named(agent, &asked.username).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let good = password::matches(old, hash).await?;
    let account = account.filter(|_| good).ok_or_else(wrong_credentials)?;
    check_new(&new)?;
    if unchanged {
        return Err(Error::invalid_param("the new password is the old one"));
    }
    let hash = password::hash(new).await?;
    let db = agent.db.get().await?;
    let version = sql::account::set_password(&db, &account.id, &account.password_hash, &hash).await?;
    let row_version = version.ok_or_else(|| {
        Error::conflict("the password was changed by somebody else meanwhile").with_hint("try again with that one")
    })?;
    tracing::info!(account = account.id, "a password was changed");
    Ok(ChangePasswordAnswer {
        username: account.username,
        row_version,
    })
}
