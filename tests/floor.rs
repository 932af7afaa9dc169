//! A joining node does not believe every purge floor: one that is too high would make it drop what others write.

use anyhow::{Result, ensure};

use crate::harness::Cluster;

/// The first member says that it has purged up to the year 2255.
const FAR: &str = "create or replace function peer.purged_up_to() returns bigint
    language sql stable security definer set search_path = pg_catalog, pg_temp as 'select 9000000000000000'";

#[tokio::test]
async fn a_source_that_says_it_has_purged_what_nobody_has_reached_is_exchanged_for_another() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    cluster
        .first()
        .db(sql::database::CLUSTER)
        .await?
        .batch_execute(FAR)
        .await?;
    let node = cluster.lab.single().await?;
    cluster.join(node).await?;
    let joined = cluster.nodes.last().expect("the node that has joined");
    let floor: i64 = joined.query("select peer.purged_up_to()::text").await?.parse()?;
    ensure!(floor < 9_000_000_000_000_000, "{floor}");
    let address = cluster.first().address.to_string();
    let told = joined
        .logged()
        .lines()
        .any(|line| line.contains("it has purged up to a time") && line.contains(&address));
    ensure!(told, "another source was taken for another reason");
    // What is written now is younger than the floor, so it is taken.
    let id = cluster.first().json(&["keys", "create", "--name", "young"]).await?["id"].clone();
    cluster.wait_until_equal().await?;
    let there = format!(
        "select count(*)::text from live.key where id = '{}'",
        id.as_str().unwrap_or_default()
    );
    assert_eq!(joined.query(&there).await?, "1");
    Ok(())
}
