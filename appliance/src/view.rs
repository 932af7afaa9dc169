//! How this node sees the others: looks every two seconds and when members change, decides by `keystead::summary`,
//! shares the view with all.
//! Views replicate like any row, so that a node that is down is still shown by what it last said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keystead::api::summary::{View, Viewed};
use keystead::clock::Micros;
use keystead::member::roster::{Member, NodeState, Roster};
use keystead::member::status::NodeStatus;
use keystead::replication::{horizon, names};
use keystead::summary::{self, LinkFacts};
use keystead::{NodeNumber, Result};
use sql::Connection;
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, Standing};
use crate::links;
use crate::peers::connect;
use crate::wake::Wake;

const PERIOD: Duration = Duration::from_secs(2);

/// What must be remembered between two looks to tell speed and standstill.
#[derive(Debug, Clone, Copy)]
struct Before {
    replay: u64,
    looked: Micros,
    stuck_since: Option<Micros>,
}

type Memory = BTreeMap<NodeNumber, Before>;

/// Looks until the agent stops, while this node is a member. A change of members is seen at once.
pub(crate) async fn run(agent: Arc<Agent>, stop: CancellationToken) {
    let mut memory = Memory::new();
    let mut wake = Wake::new(agent.postgres.config(sql::database::CLUSTER), links::CHANNEL);
    while !stop.is_cancelled() {
        if agent.standing() == Standing::Member
            && let Err(error) = publish(&agent, &mut memory).await
        {
            tracing::debug!(
                error = error.chain(),
                "this node's view of the others could not be published"
            );
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = wake.next(PERIOD) => {}
        }
    }
}

/// Shares this node's first view: with it the summary is whole as soon as the node is a member.
pub(crate) async fn publish_first(agent: &Agent) -> Result<()> {
    publish(agent, &mut Memory::new()).await
}

async fn publish(agent: &Agent, memory: &mut Memory) -> Result<()> {
    let me = agent.identity()?;
    let db = agent.db().await?;
    let roster = sql::node::all(&db).await?;
    let view = look(agent, &db, &roster, memory).await?;
    Ok(sql::node_view::put(&db, &me.node_id, &view).await?)
}

async fn look(agent: &Agent, db: &Connection, roster: &Roster, memory: &mut Memory) -> Result<View> {
    let me = agent.identity()?;
    let now = agent.clock.now();
    let facts = observe(agent, db, roster, memory).await?;
    let mut nodes: BTreeMap<String, Viewed> = BTreeMap::new();
    for node in roster.live() {
        let viewed = match facts.get(&node.number) {
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

/// What this node observes of each peer, by number.
pub(crate) async fn facts(agent: &Agent, db: &Connection, roster: &Roster) -> Result<BTreeMap<NodeNumber, LinkFacts>> {
    let me = agent.identity()?;
    let mut sending = sql::stat::links(db).await?;
    let receiving = sql::stat::receiving(db).await?;
    let heard = sql::heartbeat::newest(db).await?;
    let facts = roster.live().filter(|node| node.id != me.node_id).map(|node| {
        let mut link = sending.remove(&names::link(me.number, node.number)).unwrap_or_default();
        link.receiving = receiving.contains(&names::link(node.number, me.number));
        link.heard = heard.get(&node.number).copied();
        (node.number, link)
    });
    Ok(facts.collect())
}

async fn observe(
    agent: &Agent,
    db: &Connection,
    roster: &Roster,
    memory: &mut Memory,
) -> Result<BTreeMap<NodeNumber, LinkFacts>> {
    let me = agent.identity()?.node_id;
    let now = agent.clock.now();
    let mut facts = facts(agent, db, roster).await?;
    for (number, link) in &mut facts {
        remember(memory, *number, link, now);
    }
    for node in roster.ready() {
        if let Some(link) = facts
            .get_mut(&node.number)
            .filter(|link| summary::is_in_doubt(link, now))
        {
            link.error = why_silent(agent, &me, node).await;
        }
    }
    Ok(facts)
}

/// Tries to reach a peer that is silent, for the words of the failure.
async fn why_silent(agent: &Agent, me: &keystead::NodeId, node: &Member) -> Option<String> {
    connect::connect(agent.postgres.paths(), me, &node.address)
        .await
        .err()
        .map(|error| error.to_string())
}

fn remember(memory: &mut Memory, number: NodeNumber, link: &mut LinkFacts, now: Micros) {
    let before = memory.get(&number).copied();
    let moved = before.is_none_or(|before| before.replay != link.replay);
    let caught_up = link.replay >= link.current;
    link.stuck_since = match before {
        Some(before) if !moved && !caught_up => Some(before.stuck_since.unwrap_or(before.looked)),
        _ => None,
    };
    if let Some(before) = before {
        let millis = now.millis_since(before.looked).max(1);
        let bytes = i64::try_from(link.replay.saturating_sub(before.replay)).unwrap_or(i64::MAX);
        link.apply_rate = bytes.saturating_mul(1000) / millis;
    }
    memory.insert(
        number,
        Before {
            replay: link.replay,
            looked: now,
            stuck_since: link.stuck_since,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(replay: u64) -> LinkFacts {
        LinkFacts {
            current: 1000,
            replay,
            ..LinkFacts::default()
        }
    }

    fn at(seconds: i64) -> Micros {
        Micros(seconds * 1_000_000)
    }

    #[test]
    fn speed_is_measured_between_two_looks() {
        let (mut memory, peer) = (Memory::new(), NodeNumber(2));
        remember(&mut memory, peer, &mut link(100), at(0));
        let mut second = link(700);
        remember(&mut memory, peer, &mut second, at(2));
        assert_eq!(second.apply_rate, 300);
    }

    #[test]
    fn a_standstill_is_dated_from_its_beginning_and_ends_with_the_first_move() {
        let (mut memory, peer) = (Memory::new(), NodeNumber(2));
        for second in 0..3 {
            let mut looked = link(100);
            remember(&mut memory, peer, &mut looked, at(second));
            assert_eq!(looked.stuck_since, (second > 0).then(|| at(0)));
        }
        let mut moved = link(101);
        remember(&mut memory, peer, &mut moved, at(4));
        assert_eq!(moved.stuck_since, None);
    }
}
