//! A join takes nothing from writers and loses none of their keys. The benchmark does the same with many more.

use anyhow::Result;

use crate::load::joining::join_while_writing;

const KEYS: u64 = 2000;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_joins_under_load_has_every_acknowledged_key() -> Result<()> {
    let seen = join_while_writing(KEYS).await?;
    assert!(seen.acknowledged as u64 >= KEYS, "{seen:?}");
    for pace in [seen.made, seen.plain, seen.copied] {
        assert!(pace.rows >= KEYS && pace.seconds > 0.0, "{seen:?}");
    }
    assert!(seen.meanwhile.rows > 0, "nothing was written during the join: {seen:?}");
    Ok(())
}
