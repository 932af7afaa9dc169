//! A pool that was filled needs nothing of the server when the server has nothing left.

use anyhow::Result;
use sql::Pool;
use sql::wait::Writers;
use tokio::time::{Duration, Instant};

use crate::node::PATIENCE;
use crate::postgres::Postgres;
use crate::{scratch, wait};

/// Few, so that they are soon taken; 3 of them are kept for superusers, which all of this test are.
const SETTINGS: [&str; 4] = [
    "listen_addresses=",
    "max_connections=12",
    "fsync=off",
    "shared_buffers=16MB",
];

const SIZE: usize = 4;

/// Sessions until the server takes no more.
async fn take_all(postgres: &Postgres) -> Vec<sql::Connection> {
    let mut taken = Vec::new();
    while let Ok(one) = sql::connect(&postgres.config("postgres")).await {
        taken.push(one);
    }
    taken
}

#[tokio::test]
async fn what_was_connected_ahead_is_there_when_strangers_have_taken_every_place() -> Result<()> {
    let postgres = Postgres::start_in(scratch::folder()?, &SETTINGS).await?;
    let config = postgres.config("postgres");
    let (pool, writers) = (Pool::new(config.clone(), SIZE)?, Writers::new(config.clone(), 2));
    let unfilled = Pool::new(config, SIZE)?;
    assert_eq!((pool.fill().await?, writers.fill().await?), (SIZE, 2));
    assert_eq!(
        (pool.fill().await?, writers.fill().await?),
        (0, 0),
        "there is nothing more to fill"
    );

    let taken = take_all(&postgres).await;
    assert!(!taken.is_empty());
    assert!(unfilled.get().await.is_err(), "the test took not all");
    let deadline = Instant::now() + Duration::from_secs(5);
    for _ in 0..3 {
        // All at once, and they go back.
        let mut held = Vec::new();
        for _ in 0..SIZE {
            held.push(pool.get().await?);
        }
        for one in &held {
            one.query_one("select 1", &[]).await?;
        }
        let (one, two) = (writers.get(deadline).await?, writers.get(deadline).await?);
        one.query_one("select 1", &[]).await?;
        two.query_one("select 1", &[]).await?;
    }

    drop(taken);
    Ok(())
}

#[tokio::test]
async fn what_was_lost_is_connected_again() -> Result<()> {
    let postgres = Postgres::start_in(scratch::folder()?, &SETTINGS).await?;
    let config = postgres.config("postgres");
    let pool = Pool::new(config.clone(), SIZE)?;
    pool.fill().await?;
    let used = pool.get().await?;
    let end_all = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()
        and backend_type = 'client backend'";
    sql::connect(&config).await?.batch_execute(end_all).await?;
    drop(used);
    let mut made = 0;
    wait::until("all are connected again", PATIENCE, async || {
        made += pool.fill().await?;
        Ok(made == SIZE)
    })
    .await
}
