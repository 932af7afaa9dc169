//! Versions: what each node runs, and what of a new version waits until all run it.

use std::collections::BTreeMap;

use keystead::NodeNumber;
use keystead::join::request::Address;
use keystead::member::versions::Running;

use crate::bad_row::readable;
use crate::error::Result;
use crate::identity::address;
use crate::pool::Connection;
use crate::query::query;

/// What the nodes run, by number, as they have said last.
pub async fn all(db: &Connection) -> Result<BTreeMap<NodeNumber, Running>> {
    let all = named(db).await?.into_iter();
    Ok(all.map(|(number, _, running)| (number, running)).collect())
}

/// Read before a migration too, so from what no migration may change.
async fn named(db: &Connection) -> Result<Vec<(NodeNumber, Address, Running)>> {
    let rows = query!("version/all").rows(db, &[]).await?;
    let read = |row: &tokio_postgres::Row| {
        let running = Running {
            version: row.get("product"),
            schema: row.get("schema"),
            sends: row.get("sends"),
            takes: row.get("takes"),
        };
        Ok((
            NodeNumber(row.get("number")),
            address(row.get("host"), row.get("port"))?,
            running,
        ))
    };
    Ok(readable(db, ("public.node_version", "number"), &rows, read).await)
}

/// What a database that was not migrated yet says.
#[derive(Debug, Default)]
pub struct Found {
    /// The number of its newest migration; nothing in a new database.
    pub schema: Option<i32>,
    /// Where the nodes are and what they run, as they have said last.
    pub nodes: Vec<(NodeNumber, Address, Running)>,
}

/// Reads what is there, in a database of any version.
pub async fn found(db: &Connection) -> Result<Found> {
    let there = query!("version/is_there").one(db, &[]).await?;
    let mut found = Found::default();
    if there.get(0) {
        found.schema = query!("version/applied").one(db, &[]).await?.get(0);
    }
    if there.get(1) {
        found.nodes = named(db).await?;
    }
    Ok(found)
}

/// Says what this node runs.
pub async fn put(db: &Connection, number: NodeNumber, running: &Running) -> Result<()> {
    let Running {
        version,
        schema,
        sends,
        takes,
    } = running;
    query!("version/put")
        .run(db, &[&number.0, version, schema, sends, takes])
        .await?;
    Ok(())
}

/// Sends what came with the migrations up to this one: every member has a place for it.
pub async fn send_pending(db: &Connection, up_to: i32) -> Result<()> {
    query!("version/send_pending").opt(db, &[&up_to]).await?;
    Ok(())
}

/// Sends and uses all there is: in a database that no other node takes anything from.
pub async fn use_all(db: &Connection) -> Result<()> {
    send_pending(db, i32::MAX).await?;
    use_pending(db, i32::MAX).await?;
    Ok(())
}

/// Lets what came with the migrations up to this one be written: every member passes it on. What that is, if anything.
pub async fn use_pending(db: &Connection, up_to: i32) -> Result<Option<String>> {
    let row = query!("version/use_pending").opt(db, &[&up_to]).await?;
    Ok(row.and_then(|row| row.get(0)))
}
