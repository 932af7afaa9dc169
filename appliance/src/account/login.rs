//! Logging in: with a password, or with a refresh token.
//!
//! Refresh tokens are kept nowhere. One ends with its time, and with the password it rests on: changing the password ends
//! them all. However often one is exchanged for a new one, all end 90 days after the password was shown
//! (`keystead::login::lifetime`).

use std::net::IpAddr;
use std::sync::Arc;

use keystead::api::auth::{TokenAnswer, TokenRequest};
use keystead::api::secret::Secret;
use keystead::login::Source;
use keystead::login::lifetime::ACCESS_SECONDS;
use keystead::{Error, Kind, Result};
use sql::account::Account;

use super::audit;
use super::check::{Credentials, checked};
use super::token::{self, Claims, Purpose, Session};
use crate::agent::{Agent, Standing};

/// What the lines about it are called in the log.
const LOG_IN: &str = "log-in";

/// `POST /v1/auth/tokens`, of somebody at the other end of a connection from `peer`.
///
/// # Errors
/// `Unauthorized` when what is shown is not good, `TooManyRequests` when it is not checked now.
pub(crate) async fn log_in(agent: &Arc<Agent>, asked: TokenRequest, peer: IpAddr) -> Result<TokenAnswer> {
    must_be_known(&asked)?;
    let by_default = if asked.password.is_none() && asked.refresh_token.is_some() {
        "refresh_token"
    } else {
        "password"
    };
    match asked.grant_type.as_deref().unwrap_or(by_default) {
        "refresh_token" if agent.standing() == Standing::Joining => {
            Err(Error::unavailable("this node is joining a cluster")
                .with_hint("log in with the password of before the join, to watch the join or to end it"))
        }
        "password" => by_password(agent, asked, peer).await,
        "refresh_token" => by_refresh_token(agent, asked, Source::of(peer)).await,
        other => Err(
            Error::new(Kind::NotBuilt, format!("grant_type {other:.40} is not built"))
                .with_hint("password and refresh_token are"),
        ),
    }
}

/// Accounts are in one place. Whoever means another one must not be let in by the account of the same name here.
fn must_be_known(asked: &TokenRequest) -> Result<()> {
    for (field, given, known) in [
        ("domain", &asked.domain, ["root"].as_slice()),
        ("auth_domain", &asked.auth_domain, &["root"]),
        ("auth_domain_path", &asked.auth_domain_path, &["/", "root"]),
        ("connection", &asked.connection, &["local_account"]),
    ] {
        if given.as_deref().is_some_and(|given| !known.contains(&given)) {
            let only = known.join(" or ");
            return Err(
                Error::new(Kind::Unauthorized, format!("there is no {field} but {only}"))
                    .with_hint(format!("leave {field} out, or send \"\" or {only}")),
            );
        }
    }
    Ok(())
}

async fn by_password(agent: &Arc<Agent>, asked: TokenRequest, peer: IpAddr) -> Result<TokenAnswer> {
    let missing = |field: &str| Error::bad_request(format!("{field} is missing"));
    let shown = Credentials {
        peer,
        username: asked.username.ok_or_else(|| missing("username"))?,
        password: asked.password.ok_or_else(|| missing("password"))?.into_text(),
    };
    let account = checked(agent, shown, LOG_IN).await?;
    must_not_be_changed(&account)?;
    let session = Session {
        logged_in: token::seconds(agent.clock.now()),
        client: uuid::Uuid::new_v4().to_string(),
        password_set: account.password_changed_at.timestamp_micros(),
        account: account.id,
    };
    fresh(agent, &session)
}

async fn by_refresh_token(agent: &Agent, asked: TokenRequest, source: Source) -> Result<TokenAnswer> {
    let renew = asked.renew_refresh_token;
    let given = asked
        .refresh_token
        .ok_or_else(|| Error::bad_request("refresh_token is missing"))?;
    let said = of_refresh_token(agent, &given).await;
    let said = said.inspect_err(|why| audit::not_refreshed(&agent.logins, source, LOG_IN, why))?;
    audit::refreshed(&said.sub, source, LOG_IN);
    if renew {
        fresh(agent, &said.session())
    } else {
        answer(agent, &said.session(), said.jti.clone(), given)
    }
}

/// What a refresh token says that is good.
async fn of_refresh_token(agent: &Agent, given: &Secret) -> Result<Claims> {
    let said = {
        let keyring = agent.keyring()?;
        let public = &keyring.token_key().public;
        token::verify(given.expose(), Purpose::Refresh, public, agent.clock.now())?
    };
    let account = sql::account::by_id(&*agent.db.get().await?, &said.sub).await?;
    let same_password = |account: &Account| account.password_changed_at.timestamp_micros() == said.password_set;
    let account = account.filter(same_password).ok_or_else(|| {
        Error::new(Kind::Unauthorized, "Token has been revoked").with_hint("log in with the password")
    })?;
    must_not_be_changed(&account)?;
    Ok(said)
}

fn must_not_be_changed(account: &Account) -> Result<()> {
    if !account.password_change_required {
        return Ok(());
    }
    Err(Error::new(
        Kind::Unauthorized,
        format!(
            "the password must be changed before the first log-in of {}",
            account.username
        ),
    )
    .with_hint("change it with `ksctl login`, or PATCH /api/v1/auth/changepw"))
}

/// A token and a new refresh token.
fn fresh(agent: &Agent, session: &Session) -> Result<TokenAnswer> {
    let refresh = Claims::new(session, Purpose::Refresh, agent.clock.now());
    let id = refresh.jti.clone();
    let signed = sign(agent, refresh)?;
    answer(agent, session, id, signed)
}

/// A token beside this refresh token.
fn answer(agent: &Agent, session: &Session, refresh_token_id: String, refresh_token: Secret) -> Result<TokenAnswer> {
    let access = Claims::new(session, Purpose::Access, agent.clock.now());
    Ok(TokenAnswer {
        jwt: sign(agent, access)?,
        duration: ACCESS_SECONDS.unsigned_abs(),
        token_type: "Bearer".to_owned(),
        client_id: session.client.clone(),
        refresh_token_id,
        refresh_token,
    })
}

fn sign(agent: &Agent, claims: Claims) -> Result<Secret> {
    let signed = match agent.standing() {
        Standing::Joining => token::sign(claims, agent.passing_key()?),
        _ => token::sign(claims, agent.keyring()?.token_key()),
    };
    signed.map(Secret::from)
}
