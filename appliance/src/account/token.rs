//! Tokens: what a log-in gets and every call shows. JSON web tokens signed with the cluster's token key by ES256.
//!
//! A token is bound to the key that signs it twice, by its signature and by its audience, which names that key; so one of
//! another cluster, or from before a join, is good nowhere else. No other algorithm is taken, whatever a token says of
//! itself. Next: `login.rs`, which issues them, and `api/auth.rs`, which asks for them.

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use keystead::clock::Micros;
pub(crate) use keystead::login::lifetime::Purpose;
use keystead::login::lifetime::{Times, Untimely};
use keystead::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

use crate::vault::TokenKey;

const ISSUER: &str = "keystead";
/// The algorithm of all tokens.
const ALGORITHM: Algorithm = Algorithm::ES256;

/// What a token says. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    /// The account's id.
    pub(crate) sub: String,
    /// The token's own id.
    pub(crate) jti: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    /// No version sets it; one that says it is held to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    /// When the password was shown, in seconds since 1970. A version that did not say it counts from `iat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(rename = "typ")]
    pub(crate) purpose: Purpose,
    /// The client a refresh token was given to.
    pub(crate) client: String,
    /// When the password was set that this log-in rests on, in microseconds.
    pub(crate) password_set: i64,
}

/// The log-in a token rests on.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The account's id.
    pub(crate) account: String,
    /// The client.
    pub(crate) client: String,
    /// When the password was set, in microseconds since 1970.
    pub(crate) password_set: i64,
    /// When the password was shown, in seconds since 1970.
    pub(crate) logged_in: i64,
}

impl Claims {
    /// A token for `session`, issued now.
    pub(crate) fn new(session: &Session, purpose: Purpose, now: Micros) -> Self {
        let iat = seconds(now);
        Self {
            iss: ISSUER.to_owned(),
            aud: String::new(),
            sub: session.account.clone(),
            jti: uuid::Uuid::new_v4().to_string(),
            iat,
            exp: purpose.end(iat, session.logged_in),
            nbf: None,
            auth_time: Some(session.logged_in),
            purpose,
            client: session.client.clone(),
            password_set: session.password_set,
        }
    }

    /// The log-in it rests on.
    pub(crate) fn session(&self) -> Session {
        Session {
            account: self.sub.clone(),
            client: self.client.clone(),
            password_set: self.password_set,
            logged_in: self.auth_time.unwrap_or(self.iat),
        }
    }

    fn times(&self) -> Times {
        Times {
            issued: self.iat,
            not_before: self.nbf,
            end: self.exp,
        }
    }
}

/// A time as tokens have it.
pub(crate) fn seconds(now: Micros) -> i64 {
    now.0 / 1_000_000
}

/// Signs a token.
pub(crate) fn sign(mut claims: Claims, key: &TokenKey) -> Result<String> {
    claims.aud = key_id(&key.public);
    let mut header = Header::new(ALGORITHM);
    header.kid = Some(claims.aud.clone());
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_der(&key.private))
        .map_err(|cause| Error::internal("signing a token", cause))
}

/// What a token says, if it was signed by the key with this public half, is for `purpose` and not past its time.
pub(crate) fn verify(token: &str, purpose: Purpose, public: &[u8], now: Micros) -> Result<Claims> {
    let claims = read(token, purpose, public)?;
    claims.times().check(purpose, seconds(now)).map_err(untimely)?;
    Ok(claims)
}

/// As [`verify`], and it may be past its time.
///
/// For watching a join alone: nobody can log in on a joining node, so whoever began the join has no way to a newer token,
/// and joins take longer than tokens last.
pub(crate) fn verify_of_any_age(token: &str, purpose: Purpose, public: &[u8], now: Micros) -> Result<Claims> {
    let claims = read(token, purpose, public)?;
    claims.times().check_possible(purpose, seconds(now)).map_err(untimely)?;
    Ok(claims)
}

/// What a token says whose signature is good. Its times are not looked at.
fn read(token: &str, purpose: Purpose, public: &[u8]) -> Result<Claims> {
    let mut asked = Validation::new(ALGORITHM);
    asked.set_issuer(&[ISSUER]);
    asked.set_audience(&[key_id(public)]);
    asked.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Time comes from the agent's clock, in `verify`.
    (asked.validate_exp, asked.validate_nbf) = (false, false);
    let decoded = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_ec_der(public), &asked);
    let decoded = decoded.map_err(refused)?;
    // Extensions that must be understood: there are none that we do.
    if decoded.header.crit.is_some() || decoded.claims.purpose != purpose {
        return Err(invalid());
    }
    Ok(decoded.claims)
}

/// The name of a token key: the first half of the SHA-256 of its public half, in hexadecimal.
fn key_id(public: &[u8]) -> String {
    let hash = certs::hex(digest(&SHA256, public).as_ref());
    hash.chars().take(32).collect()
}

fn refused(cause: jsonwebtoken::errors::Error) -> Error {
    match cause.kind() {
        ErrorKind::Provider(_) | ErrorKind::Signing(_) => Error::internal("checking a token", cause),
        _ => invalid().caused_by(cause),
    }
}

fn untimely(why: Untimely) -> Error {
    match why {
        Untimely::Expired => Error::new(Kind::Unauthorized, "Token has expired").with_hint("log in again"),
        Untimely::Impossible => invalid(),
    }
}

/// The words are those clients know.
fn invalid() -> Error {
    Error::new(Kind::Unauthorized, "Invalid token")
        .with_hint("log in again: tokens of another cluster, or from before this node joined one, are not good here")
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
