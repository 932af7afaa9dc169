//! Metrics: who may scrape this node, and what it answers then.
//!
//! The token is one for the cluster, wrapped by its master key. `gather.rs` measures; which measures there are is
//! `keystead::metrics::families`.

mod gather;

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use keystead::api::metrics::PrometheusStatus;
use keystead::api::secret::Secret;
use keystead::{Error, Kind, Result};
use zeroize::Zeroizing;

use crate::agent::{Agent, Standing};

pub(crate) use gather::text;

/// Bytes of a token before they are written in hexadecimal.
const TOKEN_BYTES: usize = 32;

/// The token as it was read last, and whether it is good: while a join makes the database anew, that one counts.
#[derive(Default)]
pub(crate) struct ScrapeToken(Mutex<Option<(Zeroizing<Vec<u8>>, bool)>>);

/// May Prometheus scrape, and with which token?
pub(crate) async fn status(agent: &Agent) -> Result<PrometheusStatus> {
    let (token, enabled) = read(agent).await?.unwrap_or_default();
    let token = if enabled { shown(&token) } else { Secret::default() };
    Ok(PrometheusStatus { enabled, token })
}

/// From now on scrapes are answered, or not. A token that there is already stays.
pub(crate) async fn enable(agent: &Agent, enabled: bool) -> Result<PrometheusStatus> {
    let token = match read(agent).await? {
        Some((token, _)) => shown(&token),
        None => fresh_token()?,
    };
    keep(agent, &token, enabled).await
}

/// Makes another token. Whoever shows the old one is refused.
pub(crate) async fn renew(agent: &Agent) -> Result<PrometheusStatus> {
    let (_, enabled) = read(agent).await?.unwrap_or_default();
    keep(agent, &fresh_token()?, enabled).await
}

/// Refuses whoever does not show the token.
pub(crate) async fn check(agent: &Agent, shown: &str) -> Result<()> {
    let known = match agent.standing() {
        Standing::Joining => agent.last_read(),
        _ => read(agent).await.unwrap_or_else(|_| agent.last_read()),
    };
    match known {
        Some((token, true)) if verify_slices_are_equal(&token, shown.as_bytes()).is_ok() => Ok(()),
        Some((_, true)) => Err(Error::new(Kind::Unauthorized, "this is not the token for scraping")
            .with_hint("`ksctl metrics prometheus status` shows it")),
        _ => Err(Error::new(Kind::Unauthorized, "metrics are not enabled")
            .with_hint("`ksctl metrics prometheus enable` enables them and shows the token")),
    }
}

impl Agent {
    fn last_read(&self) -> Option<(Zeroizing<Vec<u8>>, bool)> {
        self.scrape_token
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn read(agent: &Agent) -> Result<Option<(Zeroizing<Vec<u8>>, bool)>> {
    let stored = sql::cluster_key::all(&*agent.db().await?).await?;
    let token = agent.keyring()?.scrape_token(&stored)?;
    agent
        .scrape_token
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone_from(&token);
    Ok(token)
}

async fn keep(agent: &Agent, token: &Secret, enabled: bool) -> Result<PrometheusStatus> {
    let row = agent.keyring()?.wrap_scrape_token(token.expose(), enabled)?;
    sql::cluster_key::put(&*agent.db().await?, &row).await?;
    status(agent).await
}

fn fresh_token() -> Result<Secret> {
    let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
    let filled = SystemRandom::new().fill(&mut *bytes);
    filled.map_err(|fault| Error::internal("making a token for Prometheus", fault))?;
    Ok(certs::hex(&*bytes).into())
}

fn shown(token: &[u8]) -> Secret {
    String::from_utf8_lossy(token).into_owned().into()
}
