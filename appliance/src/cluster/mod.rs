//! The cluster as this node serves it: making one, signing, members, removal, the summary.
//!
//! Each function is the work behind one route or one peer's call. Joining is in `join`.

mod answers;
mod create;
mod csr;
mod lease;
mod nodes;
mod record;
mod removal;
mod sign;
mod wait;

pub(crate) use answers::{errors, info, summary};
pub(crate) use create::{AUTHORITY_SECONDS, create};
pub(crate) use csr::{csr, drop_pending_key, pending_key};
pub(crate) use nodes::{nodes, set_public_address};
pub(crate) use record::{forget_expired, record, report, withdraw};
pub(crate) use removal::{Removal, leave, remove};
pub(crate) use sign::sign;
pub(crate) use wait::{heard_by, wait};

use keystead::join::own_machine;
use keystead::member::status::NodeStatus;
use keystead::{Error, Kind, Result};
use sql::Connection;

use crate::agent::{Agent, Standing};

/// 32 random hexadecimal digits: ids of nodes, clusters, tickets and leases.
pub(crate) fn random_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// What certificates count in.
pub(crate) fn unix_seconds(agent: &Agent) -> i64 {
    agent.clock.now().0 / 1_000_000
}

/// A certificate that was given to us is not good: said to the user as it is, faults of ours are not.
pub(crate) fn certificate_error(error: certs::Error) -> Error {
    let kind = match &error {
        certs::Error::Signing { .. } | certs::Error::Crypto { .. } => {
            return Error::internal("handling a certificate", error);
        }
        certs::Error::OtherCluster { .. }
        | certs::Error::OtherKey { .. }
        | certs::Error::OtherNode { .. }
        | certs::Error::OtherAuthority
        | certs::Error::OtherChain
        | certs::Error::UnboundChain
        | certs::Error::Forged => Kind::Forbidden,
        _ => Kind::InvalidParam,
    };
    Error::new(kind, error.to_string()).with_hint(
        "make a new request on the joining node and have it signed: `ksctl cluster csr`, `ksctl cluster nodes create`",
    )
}

/// Refuses a node's host that means the machine that reads it, unless all nodes are on this one.
pub(crate) fn check_host(agent: &Agent, field: &str, host: &str) -> Result<()> {
    if agent.config.cluster.allow_loopback {
        return Ok(());
    }
    own_machine::refuse(field, host)
}

/// What a node that is or was a member says of itself.
async fn own_status(agent: &Agent, db: &Connection) -> Result<NodeStatus> {
    Ok(match agent.standing() {
        Standing::Member => NodeStatus::Ready,
        Standing::Fenced => NodeStatus::fenced(sql::resync::too_old(db).await?.unwrap_or_default()),
        Standing::Removed | Standing::Alone | Standing::Restoring | Standing::Joining | Standing::Killed => {
            NodeStatus::Removed
        }
    })
}

/// Members only.
pub(crate) fn must_be_member(agent: &Agent) -> Result<()> {
    match agent.standing() {
        Standing::Member => Ok(()),
        Standing::Joining => {
            Err(Error::consensus_down("this node is itself still joining").with_hint("try again when it is ready"))
        }
        Standing::Fenced => Err(
            Error::consensus_down("this node was rolled back and has not caught up yet")
                .with_hint("`ksctl cluster info` says more; run the command on another member"),
        ),
        Standing::Alone | Standing::Restoring | Standing::Killed => {
            Err(Error::conflict("this node is not in a cluster")
                .with_hint("run the command on a member, or make a cluster with `ksctl cluster new`"))
        }
        Standing::Removed => {
            Err(Error::conflict("this node was removed from its cluster").with_hint("run the command on a member"))
        }
    }
}
