//! Checking a password: in its turn, to the end whether or not the client waits, and with a line in the log.
//!
//! Everything that takes a password goes through here, so nothing is an unguarded way to guess one. Whose turn it is:
//! `gate.rs`; what a check costs: `password.rs`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use keystead::login::gate::Outcome;
use keystead::login::{AccountName, Attempt, Source};
use keystead::{Error, Kind, Result};
use sql::account::Account;
use zeroize::Zeroizing;

use super::{audit, named, password};
use crate::agent::{Agent, Standing};

/// How long the database may take to say whose account it is: everybody waits for it.
const LOOK_UP: Duration = Duration::from_secs(10);

/// What a client shows to be somebody.
pub(super) struct Credentials {
    pub(super) peer: IpAddr,
    pub(super) username: String,
    pub(super) password: Zeroizing<String>,
}

/// The account whose password this is.
///
/// # Errors
/// `Unauthorized` when it is nobody's, `TooManyRequests` when it is not checked now.
pub(super) async fn checked(agent: &Arc<Agent>, shown: Credentials, call: &'static str) -> Result<Account> {
    let attempt = Attempt {
        account: AccountName::of(&shown.username),
        source: Source::of(shown.peer),
    };
    let turn = match agent.logins.enter(attempt.clone()).await {
        Ok(turn) => turn,
        Err(refused) => {
            audit::unchecked(&agent.logins, &attempt, call, &refused);
            return Err(refused);
        }
    };
    let checking = Arc::clone(agent);
    // To its end: whoever hangs up in the midst of it is charged all the same.
    let work = async move {
        let Some(account) = match_password(&checking, shown).await? else {
            audit::wrong(&attempt, call);
            turn.judge(Outcome::Wrong).await;
            return Err(wrong_credentials());
        };
        audit::right(&attempt, call, &account);
        turn.judge(Outcome::Right).await;
        Ok(account)
    };
    agent.tasks.see_through("log-in", work).await
}

async fn match_password(agent: &Agent, shown: Credentials) -> Result<Option<Account>> {
    let account = match agent.standing() {
        // A join exchanges the accounts; those of before it watch it and may end it.
        Standing::Joining => agent.former_account(&shown.username),
        _ => tokio::time::timeout(LOOK_UP, named(agent, &shown.username))
            .await
            .map_err(|late| Error::unavailable("the database does not answer").caused_by(late))??,
    };
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let is_right = password::matches(shown.password, hash).await?;
    Ok(account.filter(|_| is_right))
}

/// Nobody is told whether the name or the password was wrong. The words are those clients know.
pub(super) fn wrong_credentials() -> Error {
    Error::new(Kind::Unauthorized, "Wrong username or password.")
}
