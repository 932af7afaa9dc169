//! A joining node whose disk is full: the join ends and says so, the members let go of it, and it can join again when there
//! is room.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::fcntl::posix_fallocate;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statvfs::statvfs;
use nix::unistd::Uid;

use crate::harness::cluster::fulljoin;
use crate::harness::node::PATIENCE;
use crate::harness::run::succeed;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// What the disk of the joining node holds at first.
const SMALL: &str = "600M";

/// With this it can join.
const LARGE: &str = "1500M";

/// About 100 MB on the member.
const ROWS: &str = "insert into public.key (id, name, state, algorithm, size, usage_mask, description, unexportable,
    undeletable, fingerprint, material_version, epoch, wrapped)
    select md5(n::text) || md5((-n)::text), 'big-' || n, 'Active', 'AES', 256, 12, repeat('x', 900), false, false,
           md5(n::text), 0, 1, decode(md5(n::text), 'hex')
    from generate_series(1, 60000) n";

/// Runs a test in which disks can be mounted: they go with the last process that sees them, however the test ends.
fn with_disks<T>(test: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    ensure!(
        Uid::effective().is_root(),
        "this test needs root, to mount a disk of its own: run it as root"
    );
    unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None::<&str>,
    )?;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build()?.block_on(test())
}

/// A disk of this size at `folder`.
fn disk(folder: &Path, size: &str) -> Result<()> {
    fs::create_dir_all(folder)?;
    let options = format!("size={size},mode=0711");
    mount(
        Some("tmpfs"),
        folder,
        Some("tmpfs"),
        MsFlags::empty(),
        Some(options.as_str()),
    )?;
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o711))?)
}

/// Fills a disk until so much is left.
fn fill(folder: &Path, left: u64) -> Result<PathBuf> {
    let disk = statvfs(folder)?;
    let free = disk.blocks_available() * disk.fragment_size();
    let file = folder.join("filler");
    let size = i64::try_from(free.checked_sub(left).context("the disk is fuller than that")?)?;
    posix_fallocate(File::create(&file)?, 0, size)?;
    Ok(file)
}

#[test]
fn a_join_that_fills_the_disk_ends_clearly_and_works_when_there_is_room() -> Result<()> {
    // The rows are more.
    a_join_with_so_much_room(24 << 20)
}

#[test]
#[ignore = "takes a minute; on a full disk PostgreSQL itself may not start"]
fn a_join_whose_disk_others_have_filled_ends_clearly_and_works_when_there_is_room() -> Result<()> {
    // What PostgreSQL writes meanwhile has to fit, too.
    a_join_with_so_much_room(2 << 20)
}

/// Joins when there is so much room left for the copy, then again with enough.
fn a_join_with_so_much_room(left: u64) -> Result<()> {
    with_disks(async || {
        let mut cluster = Cluster::new(2).await?;
        cluster
            .first()
            .json(&["cluster", "ack", "set", "--ack", "local"])
            .await?;
        cluster
            .first()
            .db(sql::database::CLUSTER)
            .await?
            .batch_execute(ROWS)
            .await?;
        cluster.wait_until_equal().await?;
        let links = [cluster.nodes[0].links().await?, cluster.nodes[1].links().await?];

        let mut node = cluster.lab.node()?;
        disk(&node.data(), SMALL)?;
        node.start_new("join::initial_sync::halt=return").await?;
        fulljoin(cluster.first(), &node, false).await?;
        until("the copy is about to begin", PATIENCE, async || {
            Ok(node.logged().contains("halted by a fail point"))
        })
        .await?;
        node.kill()?;
        let filler = fill(&node.data(), left)?;
        node.start().await?;
        ends_for_want_of_space(&node).await?;
        for (member, links) in cluster.nodes.iter().zip(&links) {
            until("the members have let go of the node", PATIENCE, async || {
                let now = member.links().await?;
                ensure!(now == *links, "{now} is not {links}");
                Ok(true)
            })
            .await?;
        }
        node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;

        fs::remove_file(filler)?;
        succeed(
            Command::new("mount")
                .args(["-o", &format!("remount,size={LARGE}")])
                .arg(node.data()),
        )?;
        cluster.join(node).await?;
        cluster.wait_until_equal().await
    })
}

/// The join is killed, says why and what to do, and the node answers as before.
async fn ends_for_want_of_space(node: &Node) -> Result<()> {
    until("the join is over", Duration::from_mins(3), async || {
        let status = node.json(&["cluster", "info"]).await?["status"].clone();
        ensure!(status["code"] == "k", "{status}");
        let text = status.to_string();
        ensure!(
            text.contains("no space is left") && text.contains("add disk space"),
            "{text}"
        );
        Ok(true)
    })
    .await?;
    ensure!(!node.data().join("join.reserve").exists(), "the reserve is left");
    node.json(&["keys", "list"]).await.map(drop)
}
