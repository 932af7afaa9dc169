//! What users see of certificates: `GET /v1/cluster/certificates`.

use certs::Authority;
use chrono::{DateTime, Utc};
use keystead::api::certificate::{AuthorityInfo, Certificates, NodeCertificate, WaitsFor};
use keystead::certificate::Told;
use keystead::certificate::exchange::Wanted;
use keystead::clock::Micros;
use keystead::member::roster::Member;
use keystead::{NodeId, Result};

use super::Known;
use crate::agent::Agent;
use crate::cluster::{certificate_error, must_be_member};

/// The authorities, the certificate of every node, and whom an exchange waits for.
pub(crate) async fn answer(agent: &Agent) -> Result<Certificates> {
    must_be_member(agent)?;
    let known = Known::look(agent, &*agent.db().await?).await?;
    let signing = known.issuing()?.fingerprint();
    let authority = |one: &Authority| {
        let fingerprint = one.fingerprint();
        Ok(AuthorityInfo {
            signs: fingerprint == signing,
            not_after: date(one.not_after().map_err(certificate_error)?),
            fingerprint,
        })
    };
    let node = |node: &Member| Some(shown(node, known.told.get(&node.id)?));
    let waits = known.exchange.waits_for();
    Ok(Certificates {
        authorities: known.keyring.authorities().map(authority).collect::<Result<_>>()?,
        nodes: known.roster.live().filter_map(node).collect(),
        waits_for: waits
            .into_iter()
            .map(|(id, wanted)| waiting(&known, id, wanted))
            .collect(),
    })
}

fn shown(node: &Member, told: &Told) -> NodeCertificate {
    NodeCertificate {
        node_id: node.id.clone(),
        host: node.address.host.clone(),
        serial: told.serial.clone(),
        authority: told.authority.clone(),
        not_after: date(told.not_after),
        renewed_from: date(told.renewed_from),
        trusts: told.trusts.clone(),
    }
}

fn waiting(known: &Known, node_id: NodeId, wanted: Wanted) -> WaitsFor {
    let host = known.roster.find(&node_id).map(|node| node.address.host.clone());
    WaitsFor {
        node_id,
        host: host.unwrap_or_default(),
        wanted: match wanted {
            Wanted::Trust => "is to believe the new authority",
            Wanted::Renewal => "is to renew its certificate",
        }
        .to_owned(),
    }
}

fn date(seconds: i64) -> DateTime<Utc> {
    Micros(seconds.saturating_mul(1_000_000)).to_utc().unwrap_or_default()
}
