//! The revocation list that PostgreSQL checks members' certificates against.
//!
//! Any member can make it, for the CA's key is in everyone's keyring. It names the certificates of all removed nodes.

use std::sync::PoisonError;

use keystead::{Error, Kind, Result};

use crate::agent::Agent;
use crate::cluster::{certificate_error, unix_seconds};

/// A list past its end makes PostgreSQL refuse everyone, so it ends with the CA itself.
const LIST_SECONDS: i64 = 20 * 365 * 86_400;

/// Backdated, for a member whose clock is behind.
const BACKDATE_SECONDS: i64 = 3600;

/// Installs a list of `serials`, unless that is the one this agent installed last.
pub(super) async fn install(agent: &Agent, serials: &[String]) -> Result<()> {
    if *agent.revoked.lock().unwrap_or_else(PoisonError::into_inner) == serials {
        return Ok(());
    }
    let (keyring, now) = (agent.keyring()?, unix_seconds(agent));
    let authority = keyring
        .ca()
        .ok_or_else(|| Error::new(Kind::Internal, "this member has no certificate authority"))?;
    let list = authority
        .revocation_list(serials, now - BACKDATE_SECONDS, now + LIST_SECONDS, now.unsigned_abs())
        .map_err(certificate_error)?;
    agent.postgres.install_crl(&list).await?;
    *agent.revoked.lock().unwrap_or_else(PoisonError::into_inner) = serials.to_vec();
    tracing::info!(certificates = serials.len(), "installed a revocation list");
    Ok(())
}
