//! The membership lease as one member grants it. Run over a connection to that member, or locally.

use keystead::NodeNumber;
use keystead::member::roster::Member;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// A member's answer to a request for the lease.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    /// Was it granted?
    pub granted: bool,
    /// The highest node number this member knows of, given or set aside.
    pub highest: NodeNumber,
}

/// Asks for the lease for some seconds.
pub async fn grant(member: &Connection, holder: &str, seconds: i32) -> Result<Grant> {
    let row = query!("lease/grant").one(member, &[&holder, &seconds]).await?;
    let highest: Option<i32> = row.get("highest_number");
    Ok(Grant {
        granted: row.get("granted"),
        highest: NodeNumber(highest.unwrap_or_default()),
    })
}

/// Sets a number aside under the lease. False when the lease is no longer held.
pub async fn reserve(member: &Connection, holder: &str, number: NodeNumber) -> Result<bool> {
    Ok(query!("lease/reserve").one(member, &[&holder, &number.0]).await?.get(0))
}

/// Records a joining node under the lease; one that is there stays as it is. False when the lease is no longer held.
pub async fn record_node(member: &Connection, holder: &str, node: &Member) -> Result<bool> {
    let port = i32::from(node.address.port);
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] = [
        &holder,
        &node.id.as_str(),
        &node.number.0,
        &node.address.host,
        &port,
        &node.public_address,
        &node.serial,
    ];
    Ok(query!("lease/record_node").one(member, &values).await?.get(0))
}

/// Gives it back.
pub async fn end(member: &Connection, holder: &str) -> Result<()> {
    query!("lease/end").one(member, &[&holder]).await?;
    Ok(())
}
