//! Writes that wait for a peer: confirmed by it, or said not to be, however their wait ends.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chrono::DateTime;
use keystead::key::state::KeyState;
use keystead::replication::names;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sql::key::{self, Key, Wrapped};
use sql::wait::{Ended, Writer, Writers, counted, end_forgotten};
use tokio::time::Instant;

use crate::node::{Node, ONE, PATIENCE, Pair, TWO};
use crate::wait::until;

/// Two nodes; writers on the first may wait for the second.
async fn waiting(pair: Pair) -> Result<(Pair, Writers)> {
    let link = names::link(ONE, TWO);
    for setting in [
        "alter system set synchronous_commit = local".to_owned(),
        format!("alter system set synchronous_standby_names = 'ANY 1 (\"{link}\")'"),
        "select pg_reload_conf()".to_owned(),
    ] {
        pair.one.run(&setting).await?;
    }
    let writers = Writers::new(pair.one.config.clone(), 2);
    Ok((pair, writers))
}

async fn linked() -> Result<(Pair, Writers)> {
    let (pair, writers) = waiting(Pair::linked().await?).await?;
    until("the peer counts", PATIENCE, async || {
        let streaming =
            "select count(*) from pg_stat_get_wal_senders() where state = 'streaming' and sync_priority > 0";
        Ok(pair.one.count(streaming).await? == 1)
    })
    .await?;
    Ok((pair, writers))
}

/// The peer's apply worker, stopped in its tracks until this is dropped.
struct Stopped(Pid);

impl Stopped {
    async fn on(pair: &Pair) -> Result<Self> {
        let worker = format!(
            "select pid::bigint from pg_stat_subscription where subname = '{}' and pid is not null",
            names::link(ONE, TWO)
        );
        let pid = Pid::from_raw(i32::try_from(pair.one.count(&worker).await?)?);
        kill(pid, Signal::SIGSTOP)?;
        Ok(Self(pid))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        kill(self.0, Signal::SIGCONT).ok();
    }
}

fn in_time() -> Instant {
    Instant::now() + PATIENCE
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(300)
}

async fn create(writer: &Writer, name: &str, deadline: Instant) -> sql::Result<Ended<Option<i64>>> {
    let key = Key {
        id: format!("id of {name}"),
        name: name.to_owned(),
        state: KeyState::Active,
        algorithm: "AES".to_owned(),
        size: 256,
        usage_mask: 12,
        description: String::new(),
        unexportable: false,
        undeletable: false,
        fingerprint: String::new(),
        material_version: 0,
        activation_date: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        version_of: None,
        row_version: 0,
    };
    let wrapped = Wrapped {
        epoch: 1,
        bytes: b"wrapped",
    };
    writer.ended(deadline, key::create(writer, &key, wrapped, 1)).await
}

async fn is_on(node: &Node, name: &str) -> Result<bool> {
    Ok(!key::by_name(&node.db, name, None).await?.is_empty())
}

/// Waits until a commit waits, and tells by which process.
async fn waits(node: &Node) -> Result<()> {
    until("a commit waits", PATIENCE, async || {
        let waiting = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
        Ok(node.count(waiting).await? == 1)
    })
    .await
}

#[tokio::test]
async fn what_is_confirmed_is_on_the_peer_at_that_moment() -> Result<()> {
    let (pair, writers) = linked().await?;
    for number in 0..50 {
        let name = format!("key {number}");
        let ended = create(&writers.get(in_time()).await?, &name, in_time()).await?;
        ensure!(ended.is_confirmed && ended.value.is_some(), "{ended:?}");
        ensure!(is_on(&pair.two, &name).await?, "{name} is not on the peer");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_peer_nothing_is_written() -> Result<()> {
    let (pair, writers) = waiting(Pair::apart().await?).await?;
    let refused = create(&writers.get(in_time()).await?, "a", in_time())
        .await
        .unwrap_err();
    ensure!(refused.is_short_of_peers(), "{refused:?}");
    ensure!(!is_on(&pair.one, "a").await?);
    Ok(())
}

#[tokio::test]
async fn a_server_that_waits_for_fewer_than_are_asked_for_writes_nothing() -> Result<()> {
    let (pair, writers) = linked().await?;
    pair.one.run("insert into public.item values ('a', '1')").await?;
    let ask = "update public.item set value = '2' returning replication.wait_for_peers(2)::text";
    let writer = writers.get(in_time()).await?;
    let refused = writer.query_one(ask, &[]).await.unwrap_err();
    assert_eq!(refused.code().context("PostgreSQL did not answer")?.code(), "KS001");
    pair.one.run("alter system set synchronous_standby_names = ''").await?;
    pair.one.run("select pg_reload_conf()").await?;
    until("a server that does not wait at all refuses too", PATIENCE, async || {
        let refused = create(&writer, "a", in_time()).await;
        Ok(refused.is_err_and(|error| error.is_short_of_peers()) && counted(&pair.one.db).await? == 0)
    })
    .await?;
    assert_eq!(pair.one.text("select value from public.item").await?, "1");
    Ok(())
}

#[tokio::test]
async fn a_write_that_is_not_confirmed_in_time_says_so_and_arrives_later() -> Result<()> {
    let (pair, writers) = linked().await?;
    let stopped = Stopped::on(&pair).await?;
    let ended = create(&writers.get(in_time()).await?, "a", soon()).await?;
    ensure!(!ended.is_confirmed && ended.value.is_some(), "{ended:?}");
    ensure!(is_on(&pair.one, "a").await? && !is_on(&pair.two, "a").await?);
    drop(stopped);
    until("it arrives by itself", PATIENCE, async || is_on(&pair.two, "a").await).await?;
    let ended = create(&writers.get(in_time()).await?, "b", in_time()).await?;
    ensure!(ended.is_confirmed, "a cancellation met the next write: {ended:?}");
    Ok(())
}

#[tokio::test]
async fn a_wait_that_somebody_else_cancels_is_never_taken_for_a_confirmation() -> Result<()> {
    let (pair, writers) = linked().await?;
    let _stopped = Stopped::on(&pair).await?;
    let writer = writers.get(in_time()).await?;
    let cancel = async {
        waits(&pair.one).await?;
        Ok::<_, anyhow::Error>(end_forgotten(&pair.one.db, 0.0).await?)
    };
    let (ended, cancelled) = tokio::join!(create(&writer, "a", in_time()), cancel);
    assert_eq!(cancelled?, 1);
    assert!(!ended?.is_confirmed);
    Ok(())
}

#[tokio::test]
async fn a_wait_whose_process_is_ended_is_not_known_to_be_anything() -> Result<()> {
    let (pair, writers) = linked().await?;
    let _stopped = Stopped::on(&pair).await?;
    let writer = writers.get(in_time()).await?;
    let end = async {
        waits(&pair.one).await?;
        pair.one
            .run("select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")
            .await
    };
    let (ended, ending) = tokio::join!(create(&writer, "a", in_time()), end);
    ending?;
    let refused = ended.unwrap_err();
    ensure!(refused.is_unknown(), "{refused:?}");
    drop(writer);
    ensure!(writers.get(in_time()).await?.query_one("select 1", &[]).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn a_write_that_another_one_holds_up_is_given_up_and_nothing_is_written() -> Result<()> {
    let (pair, writers) = linked().await?;
    let other = pair.one.session().await?;
    other
        .batch_execute("begin; select pg_advisory_xact_lock(hashtextextended('key a', 0))")
        .await?;
    let refused = create(&writers.get(in_time()).await?, "a", soon()).await.unwrap_err();
    ensure!(refused.is_given_up(), "{refused:?}");
    other.batch_execute("rollback").await?;
    ensure!(!is_on(&pair.one, "a").await?);
    Ok(())
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_connection_that_still_waits() -> Result<()> {
    let (pair, writers) = linked().await?;
    let stopped = Stopped::on(&pair).await?;
    let writer = writers.get(in_time()).await?;
    let gone = tokio::time::timeout(Duration::from_millis(300), create(&writer, "a", in_time())).await;
    ensure!(gone.is_err());
    drop(writer);
    let next = writers.get(in_time()).await?;
    ensure!(next.query_one("select 1", &[]).await.is_ok());
    drop(stopped);
    Ok(())
}

#[tokio::test]
async fn writers_wait_their_turn_and_no_longer_than_their_time() -> Result<()> {
    let (_pair, writers) = waiting(Pair::apart().await?).await?;
    let both = (writers.get(in_time()).await?, writers.get(in_time()).await?);
    ensure!(writers.get(soon()).await.is_err());
    drop(both);
    ensure!(writers.get(soon()).await.is_ok());
    Ok(())
}
