//! One certificate for one node: its dates are this file's, who gets it is decided elsewhere.

use certs::{Authority, CheckedRequest, Identity, NodeKey, NodeTemplate};
use keystead::certificate::renewal::{BACKDATE_SECONDS, seconds};
use keystead::{NodeId, Result};
use zeroize::Zeroizing;

use crate::agent::Agent;
use crate::cluster::{certificate_error, unix_seconds};

/// A certificate with its key.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: Zeroizing<String>,
    pub(crate) serial: String,
    pub(crate) not_after: i64,
}

/// A certificate in PEM for the key of `request`, good as long as the configuration says and never longer than the
/// authority.
pub(crate) fn issue(
    agent: &Agent,
    authority: &Authority,
    request: &CheckedRequest,
    id: &NodeId,
    host: &str,
) -> Result<String> {
    let (now, lifetime) = (unix_seconds(agent), seconds(agent.config.cluster.lifetimes.certificate));
    let template = NodeTemplate {
        node_id: id.to_string(),
        host: host.to_owned(),
        cluster_id: authority.cluster_id().to_owned(),
        not_before: now - BACKDATE_SECONDS,
        not_after: (now + lifetime).min(authority.not_after().map_err(certificate_error)?),
    };
    authority.issue(request, &template).map_err(certificate_error)
}

/// A new key of this node, and a certificate for it.
pub(crate) fn for_self(agent: &Agent, authority: &Authority, id: &NodeId, host: &str) -> Result<Issued> {
    let key = NodeKey::generate().map_err(certificate_error)?;
    let request = key.request(host).and_then(|pem| CheckedRequest::parse(&pem));
    let certificate = issue(agent, authority, &request.map_err(certificate_error)?, id, host)?;
    let identity = Identity::from_pem(&certificate).map_err(certificate_error)?;
    Ok(Issued {
        certificate,
        key: key.to_pem(),
        serial: identity.serial,
        not_after: identity.not_after,
    })
}
