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
    /// The highest node number this member knows of.
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

/// Gives it back and leaves the highest number given under it.
pub async fn end(member: &Connection, holder: &str, highest: NodeNumber) -> Result<()> {
    query!("lease/end").one(member, &[&holder, &highest.0]).await?;
    Ok(())
}
