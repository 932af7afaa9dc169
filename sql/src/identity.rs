//! Which node this is in which cluster: one row in the database of this node alone.

use keystead::join::request::Address;
use keystead::{NodeId, NodeNumber};
use tokio_postgres::Row;

use crate::error::{Error, Result};
use crate::pool::Connection;
use crate::query::query;

/// This node in its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub node_id: NodeId,
    /// Its number.
    pub number: NodeNumber,
    /// The cluster's id.
    pub cluster_id: String,
    /// Where other nodes reach it.
    pub address: Address,
}

/// This node's identity, or nothing while it is in no cluster.
pub async fn get(local: &Connection) -> Result<Option<Identity>> {
    query!("identity/get")
        .opt(local, &[])
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// Says who this node is.
pub async fn set(local: &Connection, identity: &Identity) -> Result<()> {
    let Identity {
        node_id,
        number,
        cluster_id,
        address,
    } = identity;
    let port = i32::from(address.port);
    query!("identity/set")
        .run(local, &[&node_id.as_str(), &number.0, cluster_id, &address.host, &port])
        .await?;
    Ok(())
}

/// This node is in no cluster any more.
pub async fn clear(local: &Connection) -> Result<()> {
    query!("identity/clear").run(local, &[]).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Identity> {
    Ok(Identity {
        node_id: node_id(row.get("node_id"))?,
        number: NodeNumber(row.get("number")),
        cluster_id: row.get("cluster_id"),
        address: address(row.get("host"), row.get("port"))?,
    })
}

/// A node id as a column holds it.
pub(crate) fn node_id(text: &str) -> Result<NodeId> {
    text.parse().map_err(|_| Error::Unexpected(format!("node id {text:?}")))
}

/// The columns `host` and `port` of a row.
pub(crate) fn address(host: String, port: i32) -> Result<Address> {
    let port = u16::try_from(port).map_err(|_| Error::Unexpected(format!("port {port}")))?;
    Ok(Address { host, port })
}
