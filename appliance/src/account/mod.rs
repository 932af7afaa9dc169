//! Accounts: who may log in, and what a log-in gets.
//!
//! Passwords are kept as argon2id hashes (`password.rs`), which replicate with the account, and are checked one at a time in
//! fair turns (`check.rs`, `gate.rs`). Tokens are signed with the cluster's token key (`token.rs`) and kept nowhere: a
//! token is good on every member, as long as its account stands (`cache.rs`). What a password must be is decided in
//! `keystead::password`, whose turn it is in `keystead::login`.

mod audit;
mod cache;
mod change;
mod check;
mod first;
mod gate;
mod login;
mod password;
pub(crate) mod token;
mod watch;

pub(crate) use cache::{AccountCache, must_be_in_force};
pub(crate) use change::change_password;
pub(crate) use first::make_first;
pub(crate) use gate::LoginGate;
pub(crate) use login::log_in;
pub(crate) use password::stretch;
pub(crate) use watch::run;

use keystead::Result;
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
