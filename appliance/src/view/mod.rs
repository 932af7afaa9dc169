//! How this node sees the others: looks every second and when members change, decides by `keystead::summary`, shares
//! the view with all every two seconds, in a large cluster less often, and at once when it says something else than before.
//!
//! Views replicate like any row, so that a node that is down is still shown by what it last said. What is remembered
//! between looks is in `memory.rs`; why a peer is silent, in `reach.rs`.

mod memory;
mod reach;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keystead::api::summary::{View, Viewed};
use keystead::member::roster::{Member, NodeState, Roster};
use keystead::member::status::NodeStatus;
use keystead::replication::horizon::{self, Seen};
use keystead::replication::names;
use keystead::summary::{self, LinkFacts};
use keystead::{NodeNumber, Result};
use sql::Connection;
use tokio::time::Instant;

use crate::agent::{Agent, Standing};
use crate::links;
use crate::pulse::Pulse;
use crate::wake::Wake;
pub(crate) use memory::Memory;
use memory::Times;
pub(crate) use reach::Reach;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);

/// A view that says what the one before said is shared this often in a small cluster.
const SHARED_EVERY: Duration = Duration::from_millis(1900);

/// All nodes together share a view this often: each costs every node work, and is as long as there are nodes.
const SHARED_BY_ALL_EVERY: Duration = Duration::from_millis(250);

type Links = BTreeMap<NodeNumber, LinkFacts>;

/// The view that was shared last.
#[derive(Default)]
struct Shared {
    at: Option<Instant>,
    said: Vec<(String, String, Option<String>)>,
}

/// Looks until the agent stops, while this node is a member. A change of members is seen at once.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    let mut shared = Shared::default();
    let mut wake = Wake::new(agent.postgres.config(sql::database::CLUSTER), links::CHANNEL);
    while pulse.goes_on() {
        if let Err(error) = round(&agent, &mut shared).await {
            tracing::debug!(
                error = error.chain(),
                "this node's view of the others could not be published"
            );
        }
        pulse.rest(wake.next(PERIOD)).await;
    }
}

async fn round(agent: &Agent, shared: &mut Shared) -> Result<()> {
    match agent.standing() {
        Standing::Member => publish(agent, shared).await,
        // It sees the others and tells nobody.
        Standing::Fenced => look(agent, &*agent.db().await?).await.map(drop),
        // Its stages look when they need to.
        Standing::Joining => Ok(()),
        Standing::Alone | Standing::Restoring | Standing::Killed | Standing::Removed => {
            agent.memory.clear();
            Ok(())
        }
    }
}

/// Shares this node's first view: with it the summary is whole as soon as the node is a member.
pub(crate) async fn publish_first(agent: &Agent) -> Result<()> {
    publish(agent, &mut Shared::default()).await
}

async fn publish(agent: &Agent, shared: &mut Shared) -> Result<()> {
    let me = agent.identity()?;
    let db = agent.db().await?;
    let view = look(agent, &db).await?;
    let said = said(&view);
    let every = SHARED_EVERY.max(SHARED_BY_ALL_EVERY * u32::try_from(said.len()).unwrap_or(u32::MAX));
    if shared.said == said && shared.at.is_some_and(|at| at.elapsed() < every) {
        return Ok(());
    }
    sql::node_view::put(&db, &me.node_id, &view).await?;
    *shared = Shared {
        at: Some(Instant::now()),
        said,
    };
    Ok(())
}

/// What a view says but for numbers that change all the time.
fn said(view: &View) -> Vec<(String, String, Option<String>)> {
    let nodes = view.cluster_summary.iter();
    nodes
        .map(|(id, node)| {
            let status = &node.node_info.status;
            (
                id.clone(),
                format!("{} {}", status.code, node.summary),
                status.reason.clone(),
            )
        })
        .collect()
}

async fn look(agent: &Agent, db: &Connection) -> Result<View> {
    let me = agent.identity()?;
    let roster = sql::node::all(db).await?;
    let links = observe(agent, db, &roster).await?;
    let now = agent.clock.now();
    let mut nodes: BTreeMap<String, Viewed> = BTreeMap::new();
    for node in roster.live() {
        let viewed = match links.get(&node.number) {
            Some(link) => summary::peer(node, link, now),
            None if node.id == me.node_id => summary::itself(node, itself_status(node)),
            None => summary::peer(node, &LinkFacts::default(), now),
        };
        nodes.insert(node.id.to_string(), viewed);
    }
    let members: Vec<NodeNumber> = roster.ready().map(|node| node.number).collect();
    let horizon = horizon::horizon(&sql::heartbeat::all(db).await?, &members);
    Ok(View {
        cluster_summary: nodes,
        last_updated: now.to_utc().unwrap_or_default(),
        stable_time: summary::stable_time(horizon),
    })
}

fn itself_status(node: &Member) -> NodeStatus {
    if node.state == NodeState::Ready {
        NodeStatus::Ready
    } else {
        NodeStatus::Removing
    }
}

/// When the newest heartbeat of each peer arrived here, by this node's clock.
pub(crate) fn heard(agent: &Agent) -> Seen {
    agent.memory.heard(times(agent))
}

fn times(agent: &Agent) -> Times {
    Times {
        now: Instant::now(),
        wall: agent.clock.now(),
    }
}

/// What this node observes of each peer, by number, with what it remembers of earlier looks.
pub(crate) async fn facts(agent: &Agent, db: &Connection, roster: &Roster) -> Result<Links> {
    let mut links = now(agent, db, roster).await?;
    agent.memory.recall(&mut links, times(agent));
    for (number, link) in &mut links {
        link.reached = agent.reach.known(*number);
    }
    Ok(links)
}

/// What there is to see of each peer at this moment alone.
async fn now(agent: &Agent, db: &Connection, roster: &Roster) -> Result<Links> {
    let me = agent.identity()?;
    let mut sending = sql::stat::links(db).await?;
    let receiving = sql::stat::receiving(db).await?;
    let errors = sql::stat::apply_errors(db).await?;
    let resyncing = sql::resync::needs(db).await?;
    let links = roster.live().filter(|node| node.id != me.node_id).map(|node| {
        let mut link = sending.remove(&names::link(me.number, node.number)).unwrap_or_default();
        let incoming = names::link(node.number, me.number);
        link.receiving = receiving.contains(&incoming);
        link.apply_errors = errors.get(&incoming).map_or(0, |errors| errors.count);
        link.resyncing = resyncing.contains_key(&node.number);
        (node.number, link)
    });
    Ok(links.collect())
}

/// Looks, remembers, and tries to reach those that are in doubt.
async fn observe(agent: &Agent, db: &Connection, roster: &Roster) -> Result<Links> {
    let me = agent.identity()?.node_id;
    let mut links = now(agent, db, roster).await?;
    let heartbeats = sql::heartbeat::newest(db).await?;
    let times = times(agent);
    agent.memory.note(&heartbeats, &links, times.now);
    agent.memory.recall(&mut links, times);
    let members = roster.ready().count();
    for node in roster.ready() {
        let Some(link) = links.get_mut(&node.number) else {
            continue;
        };
        if summary::is_in_doubt(link, members, times.wall) {
            link.reached = agent.reach.of(agent, &me, node);
        } else {
            agent.reach.forget(node.number);
        }
    }
    Ok(links)
}
