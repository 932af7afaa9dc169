//! Kills at random moments of joins, while keys are written on all members: every join ends ready or is rolled back, and
//! nothing is left of a node that is not a member.
//!
//! A seed decides who dies when, not how it interleaves. `KILLS` and `KILLS_SEED` choose; both are printed, with what came
//! of each kill. `Round` is one join with one kill; what must hold after it is in `clean.rs`.

mod clean;

use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::{Instant, sleep};

use crate::check::dice::Dice;
use crate::harness::cluster::fulljoin;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::load::Load;
use crate::load::joining::has_all;

/// A join ends within this time, whoever dies: a minute for a member that is gone, and what a busy machine needs.
const ENDS: Duration = Duration::from_mins(4);

/// A join of these few keys takes about so long.
const JOIN_MILLIS: usize = 4_500;

/// The stages of a join, as its ledger has them.
const STAGES: [&str; 5] = ["creating", "bootstrapping", "initial_sync", "catching_up", "completing"];

/// A kill that is aimed comes within this time of the beginning of its stage.
const AIM_MILLIS: usize = 300;

/// So often the stage is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Nodes of the cluster that the others join.
const MEMBERS: usize = 3;

/// What dies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Agent,
    Postgres,
    Everything,
}

/// One kill.
#[derive(Debug)]
struct Kill {
    /// Which member is asked to take the node in.
    through: usize,
    /// The member that dies, or none: the joining node.
    member: Option<usize>,
    what: What,
    /// The stage of the join with whose beginning it is aimed, if it is.
    stage: Option<&'static str>,
    /// From the beginning of the stage, or of the join.
    after: Duration,
    /// How long it stays away.
    away: Duration,
}

impl Kill {
    fn next(dice: &mut Dice) -> Self {
        let through = dice.below(MEMBERS);
        let member = match dice.below(3) {
            0 => None,
            1 => Some(through),
            _ => Some(dice.below_but(MEMBERS, through)),
        };
        // One in ten stays away for longer than it is waited for.
        let long = dice.below(10) == 0;
        let away = if long { 80_000 } else { 200 + dice.below(4_000) };
        Self {
            through,
            member,
            what: dice.one_of(&[What::Agent, What::Postgres, What::Everything]),
            stage: None,
            after: Duration::from_millis(dice.below(JOIN_MILLIS) as u64),
            away: Duration::from_millis(away as u64),
        }
    }

    /// The joining node's PostgreSQL dies as a stage begins.
    fn next_aimed(dice: &mut Dice) -> Self {
        Self {
            through: dice.below(MEMBERS),
            member: None,
            what: What::Postgres,
            stage: Some(dice.one_of(&STAGES)),
            after: Duration::from_millis(dice.below(AIM_MILLIS) as u64),
            away: Duration::ZERO,
        }
    }

    /// Does it, lets it last, and brings up again what was killed.
    async fn strike(&self, node: &mut Node) -> Result<()> {
        match self.what {
            // The agent starts it again.
            What::Postgres => return node.kill_postgres(),
            What::Agent => node.kill()?,
            What::Everything => node.kill_everything().await?,
        }
        // Not waiting for anything: this is how long it is away.
        sleep(self.away).await;
        node.start().await
    }
}

/// How a join ended.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Ready,
    RolledBack,
}

#[tokio::test(flavor = "multi_thread")]
async fn two_kills_during_joins_leave_a_member_or_nothing() -> Result<()> {
    kills(Kill::next, (2, 4)).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute a kill"]
async fn many_kills_during_joins_leave_a_member_or_nothing() -> Result<()> {
    kills(Kill::next, asked(20)?).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of a minute a kill"]
async fn many_kills_of_postgresql_as_a_stage_begins_leave_a_member_or_nothing() -> Result<()> {
    kills(Kill::next_aimed, asked(40)?).await
}

/// How many kills, and from which seed.
fn asked(otherwise: u64) -> Result<(u64, u64)> {
    let number = |name, otherwise| match std::env::var(name) {
        Ok(text) if !text.is_empty() => text.parse().with_context(|| format!("{name} is a number, not {text}")),
        _ => Ok(otherwise),
    };
    Ok((
        number("KILLS", otherwise)?,
        number("KILLS_SEED", u64::from(std::process::id()))?,
    ))
}

async fn kills(next: fn(&mut Dice) -> Kill, (count, seed): (u64, u64)) -> Result<()> {
    say(&format!("{count} kills, KILLS_SEED={seed}"));
    let mut cluster = Cluster::new(MEMBERS).await?;
    let mut joiner = cluster.lab.single().await?;
    let mut dice = Dice::new(seed, 0);
    let mut ready = 0;
    for round in 1..=count {
        let kill = next(&mut dice);
        say(&format!("kill {round}: {kill:?}"));
        let begin = Instant::now();
        let end = one(&mut cluster, &mut joiner, &kill)
            .await
            .with_context(|| format!("kill {round} of KILLS_SEED={seed}: {kill:?}"))?;
        ready += u64::from(end == End::Ready);
        say(&format!("kill {round}: {end:?} after {:?}", begin.elapsed()));
    }
    say(&format!(
        "{count} kills: {ready} joins ended ready, {} were rolled back",
        count - ready
    ));
    Ok(())
}

/// One join with one kill; then the node is alone again.
async fn one(cluster: &mut Cluster, joiner: &mut Node, kill: &Kill) -> Result<End> {
    let load = Load::start(&cluster.nodes).await?;
    load.told.forgiving.store(true, Ordering::Relaxed);
    load.go_on_steadily();
    fulljoin(&cluster.nodes[kill.through], joiner, false).await?;
    strike(cluster, joiner, kill).await?;
    let end = ended(joiner).await?;
    let acknowledged = load.stop().await?;
    ensure!(!acknowledged.is_empty(), "nothing was written during the join");

    members_are_well(cluster).await?;
    all_is_well(cluster, (end == End::Ready).then_some(&*joiner), &acknowledged).await?;
    if end == End::Ready {
        remove(&cluster.nodes[kill.through], joiner).await?;
    }
    joiner.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
    clean::nothing_is_left(cluster, None).await?;
    ensure!(joiner.links().await?.is_empty(), "{}", joiner.links().await?);
    Ok(end)
}

/// Kills whom it is to be, when it is time.
async fn strike(cluster: &mut Cluster, joiner: &mut Node, kill: &Kill) -> Result<()> {
    if let Some(aim) = kill.stage {
        let has_begun = || matches!(stage(joiner).as_str(), now if [aim, "ready", "killed"].contains(&now));
        while !has_begun() {
            sleep(LOOK).await;
        }
    }
    // Not waiting for anything: this is when it happens.
    sleep(kill.after).await;
    say(&format!("  in stage {}", stage(joiner)));
    match kill.member {
        Some(member) => kill.strike(&mut cluster.nodes[member]).await,
        None => kill.strike(joiner).await,
    }
}

/// Nothing is left of anybody who is no member, and the members, with `more`, hold the same: all that was acknowledged.
async fn all_is_well(cluster: &Cluster, more: Option<&Node>, acknowledged: &[String]) -> Result<()> {
    clean::nothing_is_left(cluster, more).await?;
    cluster.wait_until_equal().await?;
    for node in cluster.nodes.iter().chain(more) {
        until("the node holds what the members hold", PATIENCE, async || {
            Ok(node.digest().await? == cluster.first().digest().await?)
        })
        .await?;
        has_all(node, acknowledged).await?;
    }
    Ok(())
}

/// Where the join is now: what it remembers, which is nothing once it has ended.
fn stage(joiner: &Node) -> String {
    let ledger = std::fs::read_to_string(joiner.data().join("join.json")).unwrap_or_default();
    let stage = ledger
        .split_once("\"stage\": \"")
        .and_then(|(_, rest)| rest.split_once('"'));
    stage.map_or("ready", |(stage, _)| stage).to_owned()
}

/// Waits until the join has ended, one way or the other.
async fn ended(joiner: &Node) -> Result<End> {
    let mut end = None;
    until("the join has ended", ENDS, async || {
        let info = joiner.json(&["cluster", "info"]).await?;
        end = match info["status"]["code"].as_str() {
            Some("r") => Some(End::Ready),
            Some("k") => Some(End::RolledBack),
            _ => None,
        };
        ensure!(end.is_some(), "{info}");
        if end == Some(End::RolledBack) {
            say(&format!("  rolled back: {}", info["status"]));
        }
        Ok(true)
    })
    .await?;
    end.context("a join that has ended")
}

async fn members_are_well(cluster: &Cluster) -> Result<()> {
    for node in &cluster.nodes {
        until("the members take calls", PATIENCE, async || {
            let info = node.json(&["cluster", "info"]).await?;
            ensure!(info["status"]["code"] == "r" && info["raftStatus"] == "up", "{info}");
            Ok(true)
        })
        .await?;
    }
    Ok(())
}

/// Removes the node on a member, and waits until it knows.
async fn remove(member: &Node, joiner: &Node) -> Result<()> {
    let info = joiner.json(&["cluster", "info"]).await?;
    let id = info["nodeID"].as_str().context("a member has an id")?;
    // A lease that a dead member holds ends by itself.
    until("the node is removed", PATIENCE, async || {
        let delete = ["cluster", "nodes", "delete", "--id", id, "-y"];
        let said = member.ksctl(&delete).await?;
        ensure!(said.code == Some(0), "{said:?}");
        Ok(true)
    })
    .await?;
    until("the node knows that it was removed", PATIENCE, async || {
        let info = joiner.json(&["cluster", "info"]).await?;
        ensure!(info["status"]["code"] == "v", "{info}");
        Ok(true)
    })
    .await
}

fn say(text: &str) {
    // Nobody listens when this fails.
    writeln!(std::io::stdout(), "{text}").ok();
}
