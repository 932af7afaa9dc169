//! A node over a PostgreSQL that somebody else runs.

use anyhow::Result;

use crate::harness::cluster::Lab;
use crate::harness::postgres::Postgres;

#[tokio::test]
async fn a_node_keeps_keys_in_a_postgresql_that_somebody_else_runs() -> Result<()> {
    let postgres = Postgres::start().await?;
    let mut lab = Lab::new()?;
    let mut node = lab.node()?;
    node.configure(&format!("url = \"{}\"", postgres.url("postgres")))?;
    node.start_new("").await?;
    node.json(&["keys", "create", "--name", "kept"]).await?;

    let refused = node
        .ksctl(&["cluster", "new", "--host", &node.address.to_string()])
        .await?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("hint"), "{refused:?}");

    node.stop().await?;
    node.start().await?;
    node.json(&["keys", "get", "--name", "kept"]).await?;
    Ok(())
}
