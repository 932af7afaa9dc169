//! The task that keeps this node's certificate good, and takes its part in an exchange of the cluster's authority.
//!
//! Every member holds the key of the authority, so each renews its own certificate and asks nobody: also one that was
//! away until after the end of it. When, and who signs, is decided in `keystead::certificate`; this file looks, acts and
//! says what it has. Sessions that are open go on; new ones use what is installed. Revocation lists: `links/revoked.rs`.

mod answer;
mod exchange;
mod issue;
mod known;
mod own;

use std::sync::Arc;
use std::time::Duration;

use certs::Authority;
use keystead::alarm::Alarm;
use keystead::certificate::Told;
use keystead::certificate::renewal::Installed;
use keystead::clock::Micros;
use keystead::{Error, Result};
use sql::Connection;
use tokio::time::timeout;

pub(crate) use answer::answer;
pub(crate) use exchange::begin as rotate;
pub(crate) use issue::{for_self, issue};
pub(crate) use known::Known;
use own::Own;

use crate::agent::{Agent, Standing};
use crate::cluster::{must_be_member, unix_seconds};
use crate::crash_point::crash_point;
use crate::links::revoked;
use crate::postgres::Identity as TlsIdentity;
use crate::pulse::Pulse;

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(5);

/// Whose certificate an alarm is about.
const SUBJECT: &str = "node";

/// Keeps the certificate good until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    while pulse.goes_on() {
        // What was done may be what the next step waits for.
        if round(&agent).await.unwrap_or_else(|error| not_now(&error)) {
            continue;
        }
        pulse.rest(timeout(PERIOD, agent.certificates_changed.notified())).await;
    }
}

/// Whatever it was, the next round tries again.
fn not_now(error: &Error) -> bool {
    tracing::warn!(error = error.chain(), "certificates could not be seen to, trying again");
    false
}

/// Renews this node's certificate now.
pub(crate) async fn renew(agent: &Agent) -> Result<()> {
    let _changing = agent.changing.lock().await;
    must_be_member(agent)?;
    let db = agent.db().await?;
    let known = Known::look(agent, &db).await?;
    let own = Own::read(agent, &known)?;
    replace(agent, &known, known.signing(&own.authority)?).await?;
    tell(agent, &db, &known).await?;
    Ok(())
}

/// Looks once; whether this node has said something new, or ended an exchange.
async fn round(agent: &Agent) -> Result<bool> {
    // Not while the node leaves its cluster: that puts a placeholder in.
    let _changing = agent.changing.lock().await;
    if !matches!(agent.standing(), Standing::Member | Standing::Fenced) {
        return Ok(false);
    }
    let db = agent.db().await?;
    let known = Known::look(agent, &db).await?;
    keep(agent, &known).await?;
    agent.postgres.catch_up().await?;
    // What a node says that was rolled back is not heard before it has caught up.
    if agent.standing() != Standing::Member {
        return Ok(false);
    }
    Ok(tell(agent, &db, &known).await? || exchange::finish(&db, &known).await?)
}

/// Renews the certificate when it is time, and believes whom the cluster believes.
async fn keep(agent: &Agent, known: &Known) -> Result<()> {
    let own = Own::read(agent, known)?;
    let authority = known.signing(&own.authority)?;
    let lifetimes = agent.config.cluster.lifetimes;
    let installed = Installed {
        not_before: own.not_before,
        renewed_from: lifetimes.renewed_from(own.not_before, own.not_after),
        names_node: own.names_node,
        is_of_signing: authority.fingerprint() == own.authority,
    };
    if installed.is_outlived(unix_seconds(agent)) {
        return replace(agent, known, authority).await;
    }
    if own.chain == known.keyring.chain() {
        return Ok(());
    }
    install(agent, known, (&own.certificate, &own.key)).await?;
    tracing::info!("installed the authorities that the cluster believes");
    Ok(())
}

/// A new key, a certificate for it from `authority`, and both installed.
async fn replace(agent: &Agent, known: &Known, authority: &Authority) -> Result<()> {
    let me = agent.identity()?;
    let issued = for_self(agent, authority, &me.node_id, &me.address.host)?;
    crash_point("certificates::issued");
    install(agent, known, (&issued.certificate, &issued.key)).await?;
    crash_point("certificates::installed");
    let until = Micros(issued.not_after * 1_000_000).to_utc().unwrap_or_default();
    let text = format!("this node's certificate was renewed; the new one is good until {until}");
    tracing::info!(serial = issued.serial, authority = authority.fingerprint(), %until, "renewed this node's certificate");
    agent.alarms.raise(Alarm::CertificateRenewed, SUBJECT, text);
    agent.alarms.end(Alarm::CertificateRenewed, SUBJECT);
    Ok(())
}

/// Installs a certificate with its key, whom the cluster believes, and a revocation list of each of them.
async fn install(agent: &Agent, known: &Known, (certificate, key): (&str, &str)) -> Result<()> {
    let chain = known.keyring.chain();
    let lists = revoked::Lists::of_removed(agent, &known.keyring).await?;
    let tls = TlsIdentity {
        certificate,
        key,
        authority: &chain,
        revoked: Some(lists.pem()),
    };
    agent.postgres.install_tls(tls).await?;
    lists.are_installed(agent);
    Ok(())
}

/// Says what this node has, and whether that is not what it said last. PostgreSQL uses it by now.
async fn tell(agent: &Agent, db: &Connection, known: &Known) -> Result<bool> {
    let me = agent.identity()?.node_id;
    let own = Own::read(agent, known)?;
    let told = Told {
        renewed_from: agent
            .config
            .cluster
            .lifetimes
            .renewed_from(own.not_before, own.not_after),
        serial: own.serial,
        names_node: own.names_node,
        authority: own.authority,
        not_before: own.not_before,
        not_after: own.not_after,
        trusts: certs::fingerprints(&own.chain).map_err(|cause| Error::internal("reading the authorities", cause))?,
        former: Vec::new(),
    };
    let before = known.told.get(&me);
    let told = told.after(before, unix_seconds(agent));
    if before == Some(&told) {
        return Ok(false);
    }
    sql::node_certificate::put(db, &me, &told).await?;
    Ok(true)
}
