//! Who may call what: each route names one of these as its argument, and is not reached without it.
//!
//! | argument | needs |
//! |---|---|
//! | [`Caller`] | a good token |
//! | [`Watcher`] | a good token; while a join runs or has failed, one from before it too, of any age |
//! | [`Ender`] | a good token; while a join runs, one from before it or of a log-in meanwhile too |
//! | [`Reader`] | a node that may answer from its data, and a good token |
//! | [`Writer`] | a node that may change its data and has room for it, and a good token |
//! | [`Entrant`] | the same, and a node that may be brought into a cluster |
//! | [`Freer`] | the same, but for the room: what it asks for may make some |
//! | [`Acting`] | the same, and says whose token it is |
//!
//! What a good token is, is decided in `account/token.rs` and `account/cache.rs`; what a node may do, in `standing.rs`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{header, request::Parts};
use keystead::{Error, Kind, Result};
use tokio::sync::OwnedRwLockReadGuard;

use super::error::Refusal;
use super::standing;
use crate::account;
use crate::account::token::{self, Claims, Purpose};
use crate::agent::{Agent, Standing};
use crate::disk;
use crate::tasks::Tasks;

/// Somebody with a good token.
pub(crate) struct Caller;

/// Somebody who may see how the cluster is.
pub(crate) struct Watcher;

/// Somebody who may end this node's part in a cluster.
pub(crate) struct Ender;

/// Somebody who may read.
pub(crate) struct Reader;

/// Somebody who may write. What is written meanwhile no restore replaces.
pub(crate) struct Writer {
    _call: OwnedRwLockReadGuard<()>,
}

/// Somebody who may bring this node into a cluster.
pub(crate) struct Entrant;

/// Somebody who may change what the cluster is made of, also on a full disk: a node that is removed frees what is kept for it.
pub(crate) struct Freer {
    /// The account's id.
    pub(crate) account: String,
}

/// Somebody who may write and whose name is kept with what is written.
pub(crate) struct Acting {
    /// The account's id.
    pub(crate) account: String,
    _writer: Writer,
}

impl Writer {
    /// Does work to its end, whether or not the client waits for it; until then it is a call that changes data.
    pub(crate) fn see_through<T, F>(
        self,
        tasks: Tasks,
        name: &'static str,
        work: F,
    ) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let work = Box::pin(work);
        let whole = async move {
            let outcome = work.await;
            drop(self);
            outcome
        };
        async move { tasks.see_through(name, whole).await }
    }
}

impl FromRequestParts<Arc<Agent>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, agent: &Arc<Agent>) -> Result<Self, Refusal> {
        check(parts, agent, &[]).await?;
        Ok(Self)
    }
}

impl FromRequestParts<Arc<Agent>> for Watcher {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, agent: &Arc<Agent>) -> Result<Self, Refusal> {
        if standing::takes_former_tokens(agent.standing()) {
            check(parts, agent, &agent.former_token_keys()).await?;
        } else {
            check(parts, agent, &[]).await?;
        }
        Ok(Self)
    }
}

impl FromRequestParts<Arc<Agent>> for Ender {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, agent: &Arc<Agent>) -> Result<Self, Refusal> {
        let Err(refused) = Caller::from_request_parts(parts, agent).await else {
            return Ok(Self);
        };
        if agent.standing() != Standing::Joining {
            return Err(refused);
        }
        // Unlike for watching, such a token must not be past its time: there are new ones.
        let (token, now) = (bearer(parts)?, agent.clock.now());
        let verified = |key: &Vec<u8>| token::verify(token, Purpose::Access, key, now).ok();
        let claims = agent.former_token_keys().iter().find_map(verified).ok_or(refused)?;
        account::must_be_in_force(agent, &claims).await?;
        Ok(Self)
    }
}

impl FromRequestParts<Arc<Agent>> for Reader {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, agent: &Arc<Agent>) -> Result<Self, Refusal> {
        // Before the token: while a join runs "try again" is the truth, whatever the token is.
        standing::may_read(agent.standing())?;
        check(parts, agent, &[]).await?;
        Ok(Self)
    }
}

impl FromRequestParts<Arc<Agent>> for Writer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, agent: &Arc<Agent>) -> Result<Self, Refusal> {
        // Looked at first: a call that is refused now does not wait for a restore.
        let at_once = Arc::clone(&agent.calls).try_read_owned();
        may_change(parts, agent).await?;
        if let Ok(call) = at_once {
            return Ok(Self { _call: call });
        }
        let call = Arc::clone(&agent.calls).read_owned().await;
        // Accounts, keys and where the node stands may be others than before the restore that was waited for.
        may_change(parts, agent).await?;
        Ok(Self { _call: call })
    }
}

async fn may_change(parts: &Parts, agent: &Agent) -> Result<()> {
    // Before the token, as for a reader.
    standing::may_read(agent.standing())?;
    check(parts, agent, &[]).await?;
    standing::may_write(agent.standing())?;
    disk::may_write(agent)
}

impl FromRequestParts<Arc<Agent>> for Entrant {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, agent: &Arc<Agent>) -> Result<Self, Refusal> {
        standing::may_enter(agent.standing())?;
        check(parts, agent, &[]).await?;
        disk::may_write(agent)?;
        Ok(Self)
    }
}

impl FromRequestParts<Arc<Agent>> for Freer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, agent: &Arc<Agent>) -> Result<Self, Refusal> {
        Reader::from_request_parts(parts, agent).await?;
        standing::may_write(agent.standing())?;
        let account = check(parts, agent, &[]).await?;
        Ok(Self { account })
    }
}

impl FromRequestParts<Arc<Agent>> for Acting {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, agent: &Arc<Agent>) -> Result<Self, Refusal> {
        Ok(Self {
            _writer: Writer::from_request_parts(parts, agent).await?,
            account: check(parts, agent, &[]).await?,
        })
    }
}

/// Refuses a request without a good token of this node's token key, or one of any age that a key of `former` signed.
///
/// Tokens last 300 seconds and a join may take hours, in which nobody can log in on the node. So whoever began it goes on
/// watching it with the token of then, which opens nothing else. Its account has to be in force all the same. Answers with
/// the id of the token's account.
async fn check(parts: &Parts, agent: &Agent, former: &[Vec<u8>]) -> Result<String> {
    let claims = verified(parts, agent, former)?;
    account::must_be_in_force(agent, &claims).await?;
    tracing::Span::current().record("account", &claims.sub);
    Ok(claims.sub)
}

fn verified(parts: &Parts, agent: &Agent, former: &[Vec<u8>]) -> Result<Claims> {
    let token = bearer(parts)?;
    let now = agent.clock.now();
    let signed_by = |key: &[u8]| token::verify(token, Purpose::Access, key, now);
    let mut checked = agent
        .keyring()
        .and_then(|keyring| signed_by(&keyring.token_key().public));
    for key in former {
        let of_any_age = || token::verify_of_any_age(token, Purpose::Access, key, now);
        checked = checked.or_else(|refused| of_any_age().map_err(|_| refused));
    }
    checked
}

/// The token of `Authorization: Bearer …`.
pub(super) fn bearer(parts: &Parts) -> Result<&str> {
    let header = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    token.ok_or_else(|| {
        Error::new(
            Kind::Unauthorized,
            "this call needs a token, in the header Authorization: Bearer",
        )
        .with_hint("a token comes from POST /api/v1/auth/tokens")
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(value: &str) -> Parts {
        let (parts, ()) = Request::get("/")
            .header(header::AUTHORIZATION, value)
            .body(())
            .expect("a request")
            .into_parts();
        parts
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_no_other_scheme_is_taken() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "] {
            assert_eq!(bearer(&parts(value)).unwrap(), "a.b.c");
        }
        for value in ["Basic YTpi", "a.b.c", "Bearer", ""] {
            assert_eq!(bearer(&parts(value)).unwrap_err().kind(), Kind::Unauthorized, "{value}");
        }
    }
}
