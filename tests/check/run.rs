//! One run: a cluster, the workload on all its nodes, the faults, and what everybody holds at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::client::{Client, Shared};
use super::door::Door;
use super::history::{End, History, Record, Run};
use super::mutants::Mutant;
use super::nemesis::{FAULT_EVERY, Kind, Strikes};
use super::pairs::{self, Pairs};
use super::recorder::Recorder;
use super::steps::{HOT_KEYS, ROTATED_KEYS};
use super::strike::Victim;
use super::{settle, workers};
use crate::harness::Cluster;
use crate::harness::hosts::Hosts;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;

/// From the start of the workload to the first fault.
const BEFORE_FAULTS: Duration = Duration::from_secs(3);

/// What to run.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) seconds: u64,
    pub(super) nodes: usize,
    pub(super) lanes: i32,
    pub(super) mutant: Option<Mutant>,
    pub(super) faults: Vec<Kind>,
}

/// What says that no fault is wanted.
pub(super) const NO_FAULTS: &str = "none";

impl Plan {
    /// The names of the faults, unless they are those that happen when nobody chooses.
    fn chosen_faults(&self) -> Option<String> {
        let unchosen = self.mutant.map_or_else(Kind::usual, Mutant::faults);
        let names: Vec<&str> = self.faults.iter().map(|kind| kind.name()).collect();
        let names = if names.is_empty() {
            NO_FAULTS.to_owned()
        } else {
            names.join(",")
        };
        (self.faults != unchosen).then_some(names)
    }

    /// Where what is seen goes.
    pub(super) fn folder(&self) -> PathBuf {
        let mutant = self
            .mutant
            .map(|mutant| format!("-{}", mutant.name()))
            .unwrap_or_default();
        let name = format!("seed-{}-{}s-{}n{mutant}", self.seed, self.seconds, self.nodes);
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("check").join(name)
    }
}

/// Runs it. What was seen, and the file that has it.
pub(super) async fn run(plan: &Plan, hosts: &Hosts) -> Result<(History, PathBuf)> {
    let mut cluster = Cluster::with_hosts(hosts.clone(), plan.nodes).await?;
    send_in(&cluster, plan.lanes).await?;
    judge_often(&cluster).await?;
    let numbers = numbers(&cluster).await?;
    let doors = cluster.nodes.iter().map(Door::to).collect::<Result<Vec<Door>>>()?;
    let shared = Arc::new(Shared::new(doors, Recorder::begin(&plan.folder())?));
    shared.recorder.keep(Record::Run(Run {
        seed: plan.seed,
        seconds: plan.seconds,
        numbers: numbers.clone(),
        mutant: plan.mutant.map(|mutant| mutant.name().to_owned()),
        faults: plan.chosen_faults(),
        lanes: (plan.lanes > 1).then_some(plan.lanes),
    }));
    let client = Client::new(&shared, 0);
    let pairs = prepare(&cluster, &client).await?;
    if let Some(mutant) = plan.mutant {
        mutant.plant(&cluster).await?;
    }
    let mut crew = start(plan, &cluster, pairs, &shared);
    let suffered = suffer(plan, &mut cluster, (hosts, &numbers), &client).await;
    shared.stop.store(true, Ordering::Relaxed);
    while crew.join_next().await.is_some() {}
    let ended = match suffered {
        Ok(()) => heal(&cluster, hosts).await,
        broke_off => broke_off,
    };
    conclude(&cluster, &shared, ended).await
}

/// From now on every node sends in so many lanes.
async fn send_in(cluster: &Cluster, lanes: i32) -> Result<()> {
    let lanes = lanes.to_string();
    let set = ["cluster", "lanes", "set", "--lanes", &lanes];
    cluster.first().json(&set).await?;
    for node in &cluster.nodes {
        until("a node sends in the lanes that were set", PATIENCE, async || {
            Ok(node.query("select replication.lanes()::text").await? == lanes)
        })
        .await?;
    }
    Ok(())
}

/// At one in a hundred rows of a backlog it is judged whether the next ones are looked for. There are not the thousands of
/// rows here of which it is one otherwise.
async fn judge_often(cluster: &Cluster) -> Result<()> {
    let often = "create or replace function replication.judged_one_in() returns bigint
        language sql immutable as 'select 100::bigint'";
    for node in &cluster.nodes {
        node.db(sql::database::CLUSTER).await?.batch_execute(often).await?;
    }
    Ok(())
}

/// The number of each node.
async fn numbers(cluster: &Cluster) -> Result<Vec<i32>> {
    let mut numbers = Vec::new();
    for node in &cluster.nodes {
        numbers.push(node.query("select replication.this_node()::text").await?.parse()?);
    }
    Ok(numbers)
}

/// Makes the keys that everybody writes, a pair for each node, and the keys that are rotated, and waits until all nodes have them.
async fn prepare(cluster: &Cluster, client: &Client) -> Result<Vec<[String; 2]>> {
    let mut keys = Vec::new();
    let pairs = (HOT_KEYS..HOT_KEYS + 2 * cluster.nodes.len()).map(|number| Some(format!("pair-{number}")));
    // Pairs are changed, and keys rotated, without a name, so theirs does not end with what was written.
    let named = pairs.chain((0..ROTATED_KEYS).map(|number| Some(workers::rotated(number))));
    for name in std::iter::repeat_n(None, HOT_KEYS).chain(named) {
        let made = client.create(0, name.as_deref()).await;
        let key = made.key.filter(|_| made.version.is_some());
        keys.push(key.with_context(|| format!("a key was not made: {}", made.answer))?);
    }
    for node in &cluster.nodes {
        until("the first keys are everywhere", PATIENCE, async || {
            settle::has_all(node, &keys).await
        })
        .await?;
    }
    keys.truncate(HOT_KEYS + 2 * cluster.nodes.len());
    let pairs = keys.split_off(HOT_KEYS);
    client.shared.hot.set(keys).ok();
    let (pairs, _) = pairs.as_chunks::<2>();
    Ok(pairs.to_vec())
}

/// Everybody who works until the run is over.
fn start(plan: &Plan, cluster: &Cluster, keys: Vec<[String; 2]>, shared: &Arc<Shared>) -> JoinSet<()> {
    let mut crew = workers::start(shared, plan.seed);
    let sockets: Vec<PathBuf> = cluster.nodes.iter().map(|node| node.data().join("pg-run")).collect();
    if let Some(mutant) = plan.mutant {
        let (shared, sockets) = (Arc::clone(shared), sockets.clone());
        crew.spawn(async move { mutant.meddle(&sockets, || shared.is_over()).await });
    }
    let pairs = Arc::new(Pairs {
        shared: Arc::clone(shared),
        sockets,
        keys,
    });
    pairs::start(&mut crew, &pairs, plan.seed);
    crew
}

/// Lets things go wrong, one after the other, until time is up.
async fn suffer(plan: &Plan, cluster: &mut Cluster, place: (&Hosts, &[i32]), client: &Client) -> Result<()> {
    let (hosts, numbers) = place;
    let end = Instant::now() + Duration::from_secs(plan.seconds);
    sleep_until(end.min(Instant::now() + BEFORE_FAULTS)).await;
    if let Some(mutant) = plan.mutant {
        mutant.meddle_once(cluster, numbers).await?;
    }
    for strike in Strikes::new(plan.seed, plan.nodes, plan.faults.clone()) {
        let begin = Instant::now();
        if begin + strike.lasts > end {
            break;
        }
        let mut victim = Victim {
            cluster: &mut *cluster,
            hosts,
            numbers,
        };
        let told = victim.suffer(&strike, &client.shared.recorder).await?;
        settle::after_fault(cluster, client, &told).await;
        // Not waiting for anything: this is how often something goes wrong.
        sleep_until(end.min(begin + FAULT_EVERY)).await;
    }
    sleep_until(end).await;
    Ok(())
}

async fn heal(cluster: &Cluster, hosts: &Hosts) -> Result<()> {
    hosts.heal()?;
    for node in &cluster.nodes {
        node.set_clock(0)?;
    }
    settle::until_well(cluster).await
}

/// Waits until all nodes agree, and keeps what each of them holds.
async fn conclude(cluster: &Cluster, shared: &Shared, ended: Result<()>) -> Result<(History, PathBuf)> {
    let recorder = &shared.recorder;
    let mut end = match &ended {
        Ok(()) => settle::at_the_end(cluster, || recorder.now()).await,
        Err(_) => End::default(),
    };
    end.broke_off = ended.err().map(|error| format!("{error:#}"));
    recorder.keep(Record::End(end));
    for dump in settle::dumps(cluster).await {
        recorder.keep(Record::Dump(dump));
    }
    recorder.end()
}
