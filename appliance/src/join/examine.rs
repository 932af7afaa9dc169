//! `POST /v1/cluster/preflight`: every check of a join as a list, and nothing done.
//!
//! This node's data, standing and certificate are as before afterwards. The ticket stays good for a join, unless it is to
//! be given back. The checks themselves are `begin`'s and `preflight`'s.

use std::sync::Arc;

use keystead::Result;
use keystead::api::preflight::PreflightReport;
use keystead::join::preflight::{Check, name, report};
use keystead::join::request::Join;

use super::begin::{Presented, check, may_join};
use super::preflight::{self, signer};
use super::withdrawal;
use crate::agent::Agent;
use crate::cluster::pending_key;
use crate::postgres::Identity as TlsIdentity;

/// Makes the checks of a join; with `give_back`, has the member void the ticket afterwards.
pub(crate) async fn examine(agent: &Arc<Agent>, join: Join, give_back: bool) -> Result<PreflightReport> {
    let _changing = agent.changing.lock().await;
    let standing = may_join(agent).map(|()| "this node is in no cluster".to_owned());
    let mut checks = vec![Check::of(name::STANDING, standing)];
    if report(&checks).passed {
        checks.extend(of_join(agent, &join, give_back).await?);
    } else {
        checks.extend(Check::not_made(&[name::CERTIFICATE, name::WAY_THERE]));
        checks.extend(Check::not_made(&name::BY_THE_MEMBER));
        checks.extend(Check::not_needed());
    }
    Ok(report(&checks))
}

async fn of_join(agent: &Arc<Agent>, join: &Join, give_back: bool) -> Result<Vec<Check>> {
    let presented = pending_key(agent).and_then(|key| check(agent, &key, join).map(|presented| (key, presented)));
    let (key, presented) = match presented {
        Ok(presented) => presented,
        Err(refused) => {
            let not_made = Check::not_made(&[name::WAY_THERE]).chain(Check::not_made(&name::BY_THE_MEMBER));
            let refused = [Check::of(name::CERTIFICATE, Err(refused))];
            return Ok(refused.into_iter().chain(not_made).chain(Check::not_needed()).collect());
        }
    };
    let Presented {
        header, node_id, chain, ..
    } = presented;
    let seen = format!(
        "it is this node's, for {}, of cluster {}",
        join.local.host, header.cluster_id
    );
    let mut checks = vec![Check::of(name::CERTIFICATE, Ok(seen))];
    let tls = TlsIdentity {
        certificate: &join.cert,
        key: &key.to_pem(),
        authority: &chain,
        revoked: None,
    };
    agent.postgres.install_tls(tls).await?;
    checks.extend(preflight::run(agent, &header, join).await.checks);
    let member = signer(&header, join)?;
    if give_back && let Err(error) = withdrawal::give_back(agent, &node_id, &header.ticket, &member).await {
        // It ends by itself within minutes.
        tracing::warn!(
            error = error.chain(),
            "the member could not be told that no join follows"
        );
    }
    agent.postgres.install_placeholder().await?;
    Ok(checks)
}
