//! The `syslog` table: where every node sends its alarms.

use chrono::{DateTime, Utc};
use keystead::syslog::request::{Sink, format, transport};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::bad_row::readable;
use crate::error::{Error, Result};
use crate::pool::Connection;
use crate::query::query;

/// A syslog server as it is kept.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Where it is and how it is spoken to.
    pub sink: Sink,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// All servers, the oldest first.
pub async fn all(db: &Connection) -> Result<Vec<Entry>> {
    let rows = query!("syslog/all").rows(db, &[]).await?;
    Ok(readable(db, ("public.syslog", "id"), &rows, read).await)
}

/// Keeps a server, in place of the one with this id. One that was deleted stays so.
pub async fn put(db: &Connection, id: &str, sink: &Sink, at: DateTime<Utc>) -> Result<()> {
    let Sink {
        host,
        port,
        transport,
        format,
        ca_cert,
    } = sink;
    let values: [&(dyn ToSql + Sync); 7] = [
        &id,
        host,
        &i32::from(*port),
        &transport.name(),
        &format.name(),
        ca_cert,
        &at,
    ];
    query!("syslog/put").run(db, &values).await?;
    Ok(())
}

/// Deletes a server. False when it is not there.
pub async fn delete(db: &Connection, id: &str) -> Result<bool> {
    Ok(query!("syslog/delete").opt(db, &[&id]).await?.is_some())
}

fn read(row: &Row) -> Result<Entry> {
    let odd = |error: keystead::Error| Error::Unexpected(format!("a syslog server ({error})"));
    let port: i32 = row.get("port");
    Ok(Entry {
        id: row.get("id"),
        sink: Sink {
            host: row.get("host"),
            port: u16::try_from(port).map_err(|_| Error::Unexpected(format!("port {port}")))?,
            transport: transport(row.get("transport")).map_err(odd)?,
            format: format(row.get("format")).map_err(odd)?,
            ca_cert: row.get("ca_cert"),
        },
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    })
}
