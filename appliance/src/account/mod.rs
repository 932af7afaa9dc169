//! Accounts: who may log in, and what a log-in gets.
//!
//! Passwords are kept as argon2id hashes (`password.rs`), which replicate with the account. Tokens are signed with the
//! cluster's token key (`token.rs`) and kept nowhere: a token is good on every member. What a password must be is decided
//! in `keystead::password`.

mod change;
mod first;
mod login;
mod password;
pub(crate) mod token;

pub(crate) use change::change_password;
pub(crate) use first::make_first;
pub(crate) use login::log_in;
pub(crate) use password::stretch;

use keystead::{Error, Kind, Result};
use sql::account::Account;

use crate::agent::Agent;

/// The account of this name.
async fn named(agent: &Agent, username: &str) -> Result<Option<Account>> {
    // PostgreSQL cannot even be asked for such a name.
    if username.contains('\0') {
        return Ok(None);
    }
    Ok(sql::account::by_username(&*agent.db.get().await?, username).await?)
}

/// Nobody is told whether the name or the password was wrong. The words are those clients know.
fn wrong_credentials() -> Error {
    Error::new(Kind::Unauthorized, "Wrong username or password.")
}
