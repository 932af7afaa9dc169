//! Changing a password: the password in force is the credential, so that a first password can be changed before any
//! log-in.

use std::net::IpAddr;
use std::sync::Arc;

use keystead::api::auth::{ChangePasswordAnswer, ChangePasswordRequest};
use keystead::password::check_new;
use keystead::{Error, Result};

use super::check::{Credentials, checked};
use super::{first, password};
use crate::agent::Agent;

/// `PATCH /v1/auth/changepw`. All tokens that rest on the old password end with it.
///
/// # Errors
/// `Unauthorized` when the old password is wrong, `InvalidParam` when the new one is weak.
pub(crate) async fn change_password(
    agent: &Arc<Agent>,
    asked: ChangePasswordRequest,
    peer: IpAddr,
) -> Result<ChangePasswordAnswer> {
    let unchanged = asked.password == asked.new_password;
    let (old, new) = (asked.password.into_text(), asked.new_password.into_text());
    let shown = Credentials {
        peer,
        username: asked.username,
        password: old,
    };
    let account = checked(agent, shown, "password for a change of it").await?;
    check_new(&new)?;
    if unchanged {
        return Err(Error::invalid_param("the new password is the old one"));
    }
    let hash = password::hash(new).await?;
    let db = agent.db.get().await?;
    let version = sql::account::set_password(&db, &account.id, &account.password_hash, &hash).await?;
    agent.accounts.forget();
    let row_version = version.ok_or_else(|| {
        Error::conflict("the password was changed by somebody else meanwhile").with_hint("try again with that one")
    })?;
    first::forget(agent, &account);
    tracing::info!(target: "audit", account = account.id, "a password was changed");
    Ok(ChangePasswordAnswer {
        username: account.username,
        row_version,
    })
}
