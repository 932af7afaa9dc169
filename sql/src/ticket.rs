//! What this node signed for others: good for one join each. In the database of this node alone, so a ticket is bound
//! to the member that issued it.

use keystead::{NodeId, NodeNumber};

use crate::error::Result;
use crate::identity::node_id;
use crate::pool::Connection;
use crate::query::query;

/// A new ticket.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// Its id, random.
    pub id: String,
    /// The node it is for.
    pub node_id: NodeId,
    /// The hash of the key it is for, in hexadecimal.
    pub key_hash: String,
    /// The address the certificate was made out to.
    pub host: String,
    /// The certificate's serial number in hexadecimal.
    pub serial: String,
    /// When it ends, in seconds since 1970.
    pub not_after: i64,
}

/// A ticket that was issued.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// The node it is for.
    pub node_id: NodeId,
    /// The address the certificate was made out to.
    pub host: String,
    /// The certificate's serial number in hexadecimal.
    pub serial: String,
    /// Is it past its time?
    pub expired: bool,
    /// Is it used up: by a join, or because its node was forgotten?
    pub spent: bool,
    /// The number its node was given; none when no join has begun with it.
    pub number: Option<NodeNumber>,
}

/// Keeps a new ticket.
pub async fn add(local: &Connection, ticket: &NewTicket) -> Result<()> {
    let NewTicket {
        id,
        node_id,
        key_hash,
        host,
        serial,
        not_after,
    } = ticket;
    query!("ticket/add")
        .run(local, &[id, &node_id.as_str(), key_hash, host, serial, not_after])
        .await?;
    Ok(())
}

/// The ticket with this id.
pub async fn find(local: &Connection, id: &str) -> Result<Option<Ticket>> {
    let row = query!("ticket/find").opt(local, &[&id]).await?;
    row.map(|row| {
        Ok(Ticket {
            node_id: node_id(row.get("node_id"))?,
            host: row.get("host"),
            serial: row.get("serial"),
            expired: row.get("expired"),
            spent: row.get("spent"),
            number: row
                .get::<_, Option<i32>>("number")
                .map(NodeNumber)
                .filter(|number| *number != NodeNumber::NONE),
        })
    })
    .transpose()
}

/// Marks a ticket as used for the node with this number, [`NodeNumber::NONE`] when that was forgotten. False when it had been used before.
pub async fn spend(local: &Connection, id: &str, number: NodeNumber) -> Result<bool> {
    Ok(query!("ticket/spend").run(local, &[&id, &number.0]).await? == 1)
}

/// Nodes with a ticket that is still good: they may log in to begin their join.
pub async fn guests(local: &Connection) -> Result<Vec<NodeId>> {
    let rows = query!("ticket/guests").rows(local, &[]).await?;
    rows.iter().map(|row| node_id(row.get("node_id"))).collect()
}

/// Tickets that have ended unused, with the nodes they were for; some of them.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn expired(local: &Connection) -> Result<Vec<(String, NodeId)>> {
    let rows = query!("ticket/expired").rows(local, &[]).await?;
    rows.iter()
        .map(|row| Ok((row.get("id"), node_id(row.get("node_id"))?)))
        .collect()
}

/// The address that the newest certificate for a guest was made out to; `None` when this member signed none for it.
pub async fn host_of(local: &Connection, node: &NodeId) -> Result<Option<String>> {
    let row = query!("ticket/host_of").opt(local, &[&node.as_str()]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Deletes all: this node is in the cluster no more that they were for.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn forget_all(local: &Connection) -> Result<()> {
    query!("ticket/forget_all").run(local, &[]).await?;
    Ok(())
}

/// Deletes tickets that ended long ago and were used, or whose nodes were forgotten.
pub async fn forget_old(local: &Connection) -> Result<u64> {
    query!("ticket/forget_old").run(local, &[]).await
}
