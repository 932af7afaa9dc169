//! Load: keys are made through REST on several nodes at once, as many programs do it, and what was acknowledged is
//! remembered.
//!
//! Decides nothing about the cluster under it; `joining.rs` lets a node join while this goes on. The test there uses
//! few keys, the benchmark many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::harness::Node;
use crate::harness::node::PASSWORD;
use crate::harness::rest::Rest;
use crate::harness::wait::until;

pub(crate) mod joining;

/// Programs that write to one node at a time, each over a connection that it keeps.
const WRITERS_A_NODE: usize = 4;

/// How long a writer rests after each key once it is told to go on steadily.
const REST: Duration = Duration::from_millis(20);

/// What a slow machine may need for one thousand keys.
const PATIENCE_A_THOUSAND: Duration = Duration::from_secs(30);

/// How many writers there were up to now.
static WRITERS: AtomicU64 = AtomicU64::new(0);

/// Writers at work. Dropping it stops them.
pub(crate) struct Load {
    writers: JoinSet<Result<Vec<String>>>,
    pub(crate) told: Arc<Told>,
}

/// What writers are told, and tell.
#[derive(Default)]
pub(crate) struct Told {
    stop: AtomicBool,
    steadily: AtomicBool,
    /// May a node refuse a key, or not answer? Then it is not counted, and the writer makes the next one.
    pub(crate) forgiving: AtomicBool,
    made: AtomicU64,
}

impl Load {
    /// Begins to write on these nodes.
    pub(crate) async fn start<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Result<Self> {
        let mut load = Self {
            writers: JoinSet::new(),
            told: Arc::default(),
        };
        for node in nodes {
            load.add(node).await?;
        }
        Ok(load)
    }

    /// Begins to write on one more node.
    pub(crate) async fn add(&mut self, node: &Node) -> Result<()> {
        for _ in 0..WRITERS_A_NODE {
            let writer = Writer {
                rest: node.rest().await?,
                // Another load may have written here before.
                name: format!("load-{}-{}", node.address, WRITERS.fetch_add(1, Ordering::Relaxed)),
                told: Arc::clone(&self.told),
            };
            self.writers.spawn(writer.run());
        }
        Ok(())
    }

    /// From now on writers leave the machine room for other work.
    pub(crate) fn go_on_steadily(&self) {
        self.told.steadily.store(true, Ordering::Relaxed);
    }

    /// Keys acknowledged up to now.
    pub(crate) fn made(&self) -> u64 {
        self.told.made.load(Ordering::Relaxed)
    }

    /// Waits until so many more keys are acknowledged; fails as soon as a writer has failed.
    pub(crate) async fn wait_for(&mut self, more: u64) -> Result<()> {
        let end = self.made() + more;
        let (writers, made) = (&mut self.writers, &self.told.made);
        let patience = PATIENCE_A_THOUSAND * u32::try_from(more / 1000 + 1)?;
        let mut failed = None;
        until(&format!("{more} keys are made"), patience, async || {
            failed = writers.try_join_next();
            Ok(failed.is_some() || made.load(Ordering::Relaxed) >= end)
        })
        .await?;
        match failed {
            Some(ended) => bail!("a writer has ended before its time: {:?}", ended?.err()),
            None => Ok(()),
        }
    }

    /// Ends the writers. The ids of all keys that were acknowledged.
    pub(crate) async fn stop(mut self) -> Result<Vec<String>> {
        self.told.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        while let Some(ids) = self.writers.join_next().await {
            all.extend(ids??);
        }
        Ok(all)
    }
}

struct Writer {
    rest: Rest,
    name: String,
    told: Arc<Told>,
}

impl Writer {
    /// Makes keys until told to stop. One that is refused ends it with an error, unless that is forgiven.
    async fn run(mut self) -> Result<Vec<String>> {
        let (mut ids, mut asked) = (Vec::new(), 0);
        while !self.told.stop.load(Ordering::Relaxed) {
            // What was not acknowledged may be there, so every name is asked for once.
            let key = json!({"name": format!("{}-{asked}", self.name), "size": 256});
            asked += 1;
            match self.make(&key).await {
                Ok(id) => {
                    ids.push(id);
                    self.told.made.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) if self.told.forgiving.load(Ordering::Relaxed) => {}
                Err(refused) => return Err(refused),
            }
            if self.told.steadily.load(Ordering::Relaxed) {
                // Not waiting for anything: this is the pace.
                sleep(REST).await;
            }
        }
        Ok(ids)
    }

    /// Makes one key; logs in again when the token has run out.
    async fn make(&mut self, key: &Value) -> Result<String> {
        let mut answer = self.rest.post("vault/keys2", key).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.rest.log_in("admin", PASSWORD).await?;
            answer = self.rest.post("vault/keys2", key).await?;
        }
        ensure!(answer.status.is_success(), "{key} was refused: {answer:?}");
        let id = answer.body["id"].as_str().context("a key without an id")?;
        Ok(id.to_owned())
    }
}
