//! Keys of the cluster, wrapped by its master key.

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// One wrapped key. What is not `public` is wrapped by the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterKey {
    /// `kek-<epoch>`, `token`, `ca`, `ca-<generation>` or `scrape`.
    pub name: String,
    /// The public half, where there is one: the point of the token key, the authority's certificate in PEM.
    pub public: Option<Vec<u8>>,
    /// The secret, wrapped.
    pub wrapped: Vec<u8>,
}

/// Keeps a key, in place of one of that name.
pub async fn put(db: &Connection, key: &ClusterKey) -> Result<()> {
    query!("cluster_key/put")
        .run(db, &[&key.name, &key.public, &key.wrapped])
        .await?;
    Ok(())
}

/// Forgets a key.
pub async fn delete(db: &Connection, name: &str) -> Result<()> {
    query!("cluster_key/delete").run(db, &[&name]).await?;
    Ok(())
}

/// All keys, by name.
pub async fn all(db: &Connection) -> Result<Vec<ClusterKey>> {
    let rows = query!("cluster_key/all").rows(db, &[]).await?;
    let read = |row: &tokio_postgres::Row| ClusterKey {
        name: row.get("name"),
        public: row.get("public"),
        wrapped: row.get("wrapped"),
    };
    Ok(rows.iter().map(read).collect())
}
