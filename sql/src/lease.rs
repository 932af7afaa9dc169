//! The membership lease as one member grants it. Run over a connection to that member, or locally.

use keystead::NodeNumber;
use keystead::deadline::Work;
use keystead::member::roster::Member;

use crate::error::Result;
use crate::query::query;
use crate::side::Side;

/// A member's answer to a request for the lease.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    /// Was it granted?
    pub granted: bool,
    /// The highest node number this member knows of, given or set aside.
    pub highest: NodeNumber,
}

/// Asks for the lease for some seconds.
pub async fn grant(member: impl Into<Side<'_>>, holder: &str, seconds: i32) -> Result<Grant> {
    let row = query!("lease/grant")
        .ask_one(member.into(), &[&holder, &seconds], Work::Look)
        .await?;
    let highest: Option<i32> = row.get("highest_number")?;
    Ok(Grant {
        granted: row.get("granted")?,
        highest: NodeNumber(highest.unwrap_or_default()),
    })
}

/// Sets a number aside under the lease. False when the lease is no longer held.
pub async fn reserve(member: impl Into<Side<'_>>, holder: &str, number: NodeNumber) -> Result<bool> {
    query!("lease/reserve")
        .ask_one(member.into(), &[&holder, &number.0], Work::Look)
        .await?
        .get(0)
}

/// Records a joining node under the lease; one that is there stays as it is. False when the lease is no longer held.
pub async fn record_node(member: impl Into<Side<'_>>, holder: &str, node: &Member) -> Result<bool> {
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
    query!("lease/record_node")
        .ask_one(member.into(), &values, Work::Look)
        .await?
        .get(0)
}

/// Gives it back.
pub async fn end(member: impl Into<Side<'_>>, holder: &str) -> Result<()> {
    query!("lease/end")
        .ask_one(member.into(), &[&holder], Work::Look)
        .await
        .map(drop)
}
