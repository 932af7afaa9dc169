//! The membership lease as one member grants it. Run over a connection to that member, or locally.

use keystead::NodeNumber;

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
    /// Was it set aside a moment ago, so that its node may still be unheard of?
    pub is_fresh: bool,
}

/// Asks for the lease for some seconds.
pub async fn grant(member: &Connection, holder: &str, seconds: i32) -> Result<Grant> {
    let row = query!("lease/grant").one(member, &[&holder, &seconds]).await?;
    let highest: Option<i32> = row.get("highest_number");
    Ok(Grant {
        granted: row.get("granted"),
        highest: NodeNumber(highest.unwrap_or_default()),
        is_fresh: row.get("is_fresh"),
    })
}

/// Sets a number aside under the lease. False when the lease is no longer held.
pub async fn reserve(member: &Connection, holder: &str, number: NodeNumber) -> Result<bool> {
    Ok(query!("lease/reserve").one(member, &[&holder, &number.0]).await?.get(0))
}

/// Gives it back.
pub async fn end(member: &Connection, holder: &str) -> Result<()> {
    query!("lease/end").one(member, &[&holder]).await?;
    Ok(())
}
