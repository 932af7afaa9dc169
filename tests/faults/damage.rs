//! Rotten disks: a page that is not what was written, and a WAL that is cut off. What is damaged is told and does not travel,
//! and the documented way back leads back.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{has_all, make, node_id, on_their_own};
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

#[tokio::test]
async fn a_flipped_bit_is_an_error_and_an_alarm_and_stays_where_it_is() -> Result<()> {
    let mut cluster = on_their_own(3).await?;
    let (rest, mut ids) = (cluster.first().rest().await?, Vec::new());
    for number in 0..30 {
        ids.push(make(&rest, &format!("key-{number}")).await?);
    }
    cluster.wait_until_all_have_all().await?;
    let file = cluster.nodes[1]
        .query("select pg_relation_filepath('public.key')")
        .await?;
    cluster.nodes[1].stop().await?;
    flip_a_bit(&cluster.nodes[1], &file)?;
    cluster.nodes[1].start().await?;

    let damaged = &cluster.nodes[1];
    let answer = damaged.rest().await?.get("vault/keys2?limit=100").await?;
    ensure!(answer.status.is_server_error(), "not an error: {answer:?}");
    ensure!(
        answer.body["resources"] == Value::Null,
        "rotten rows are shown: {answer:?}"
    );
    let id = node_id(damaged).await?;
    until(
        "another node shows the alarm of the damaged one",
        PATIENCE,
        async || {
            let list = cluster
                .first()
                .json(&["alarms", "list", "--name", "Data Damaged", "--state", "on"])
                .await?;
            ensure!(list["resources"][0]["source"] == *id, "{list}");
            Ok(true)
        },
    )
    .await?;
    for sound in [&cluster.nodes[0], &cluster.nodes[2]] {
        has_all(sound, &ids).await?;
    }
    assert_eq!(cluster.nodes[0].digest().await?, cluster.nodes[2].digest().await?);

    begin_anew(&mut cluster, 1).await?;
    cluster.wait_until_equal().await?;
    has_all(&cluster.nodes[2], &ids).await
}

#[tokio::test]
async fn a_node_whose_wal_is_cut_off_does_not_start_and_says_why() -> Result<()> {
    let mut cluster = on_their_own(2).await?;
    let id = make(&cluster.nodes[1].rest().await?, "everywhere").await?;
    cluster.wait_until_all_have_all().await?;
    cluster.nodes[1].kill_everything().await?;
    cut_wal_off(&cluster.nodes[1])?;

    let node = &mut cluster.nodes[1];
    node.spawn("")?;
    let ended = node.wait_until_it_ends().await?;
    let words = node.last_words();
    ensure!(
        !ended.success() && words.contains("could not locate a valid checkpoint record"),
        "{ended}: {words}"
    );
    ensure!(words.contains("hint"), "no way out is told: {words}");

    begin_anew(&mut cluster, 1).await?;
    cluster.wait_until_equal().await?;
    has_all(&cluster.nodes[1], &[id]).await
}

/// As the disk might: in the rows of the first page.
fn flip_a_bit(node: &Node, file: &str) -> Result<()> {
    let path = node.data().join("pg").join(file);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| path.display().to_string())?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, 8000)?;
    Ok(file.write_all_at(&[byte[0] ^ 1], 8000)?)
}

/// As a file system might that has lost what was not yet on the disk.
fn cut_wal_off(node: &Node) -> Result<()> {
    let mut cut = 0;
    for entry in fs::read_dir(node.data().join("pg/pg_wal"))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.len() == 24 && name.chars().all(|digit| digit.is_ascii_hexdigit()) {
            OpenOptions::new().write(true).open(&path)?.set_len(0)?;
            cut += 1;
        }
    }
    ensure!(cut > 0, "there is no WAL");
    Ok(())
}

/// The way back of `docs/operations.md`: removed on a member, made anew, joined. It comes back as the last of the nodes.
async fn begin_anew(cluster: &mut Cluster, place: usize) -> Result<()> {
    let mut node = cluster.nodes.remove(place);
    let address = node.address.to_string();
    let list = cluster.first().json(&["cluster", "nodes", "list"]).await?;
    let listed = list["resources"].as_array().into_iter().flatten();
    let id = listed
        .filter(|one| one["host"] == *address)
        .find_map(|one| one["nodeID"].as_str());
    let delete = [
        "cluster",
        "nodes",
        "delete",
        "--id",
        id.context("the node is listed")?,
        "-y",
    ];
    cluster.first().ksctl(&delete).await?.text()?;
    // The damaged one may not even be able to stop.
    node.kill().ok();
    node.kill_rest();
    fs::remove_dir_all(node.data())?;
    node.start_new("").await?;
    cluster.join(node).await
}
