//! A join takes nothing from writers and loses none of their keys. The benchmark does the same with many more.

use anyhow::Result;

use crate::load::joining::join_while_writing;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_joins_under_load_has_every_acknowledged_key() -> Result<()> {
    join_while_writing(2000).await?;
    Ok(())
}
