//! Asks all members at once how they find the slot they keep for this node, and what they have heard of it.
//!
//! Over connections that stay open: this is asked every few seconds, on every node of every other. Decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use keystead::clock::{Micros, Skew};
use keystead::member::roster::Member;
use keystead::replication::past::Heard;
use keystead::replication::resync::Kept;
use keystead::{NodeNumber, Result};
use sql::Peer;
use tokio::time::Instant;

use crate::agent::Agent;
use crate::peers::Target;

/// What one member says.
#[derive(Debug)]
pub(super) struct Sighting {
    /// The slot it keeps for this node.
    pub(super) kept: Option<Kept>,
    /// The newest heartbeat of this node that it has.
    pub(super) heard: Option<Heard>,
    /// How far its clock is ahead of this node's.
    pub(super) skew: Skew,
}

/// What those members say that answer.
pub(super) type Sightings = BTreeMap<NodeNumber, Sighting>;

/// What the questions of a look are called together.
const LOOK: &str = "how it finds this node";

/// Open connections to members.
#[derive(Default)]
pub(super) struct Peers {
    open: BTreeMap<NodeNumber, Peer>,
}

impl Peers {
    /// Asks `members`; those that do not answer in time are left out.
    pub(super) async fn ask(&mut self, agent: &Agent, members: &[Member], patience: Duration) -> Sightings {
        let mut open = std::mem::take(&mut self.open);
        let asking = members.iter().map(|member| {
            let connection = open.remove(&member.number);
            async move {
                let asked = ask_one(agent, member, connection);
                match agent.peers.together(&member.address, (LOOK, patience), asked).await {
                    Ok((connection, sighting)) => Some((member.number, connection, sighting)),
                    Err(error) => {
                        tracing::debug!(address = %member.address, error = error.chain(), "a member does not answer");
                        None
                    }
                }
            }
        });
        let mut seen = Sightings::new();
        for (number, connection, sighting) in join_all(asking).await.into_iter().flatten() {
            self.open.insert(number, connection);
            seen.insert(number, sighting);
        }
        seen
    }
}

async fn ask_one(agent: &Agent, member: &Member, open: Option<Peer>) -> Result<(Peer, Sighting)> {
    if let Some(open) = open
        && let Ok(sighting) = look(agent, &open).await
    {
        return Ok((open, sighting));
    }
    let me = agent.identity()?.node_id;
    let fresh = agent.peers.connect(&me, &Target::of(member)).await?;
    let sighting = look(agent, &fresh).await?;
    Ok((fresh, sighting))
}

async fn look(agent: &Agent, peer: &Peer) -> Result<Sighting> {
    Ok(Sighting {
        skew: skew(agent, peer).await?,
        kept: sql::resync::slot_kept(peer).await?,
        heard: sql::resync::heard_of_me(peer).await?,
    })
}

async fn skew(agent: &Agent, peer: &Peer) -> Result<Skew> {
    let (asked, began) = (agent.clock.now(), Instant::now());
    let said = sql::server::clock(peer).await?;
    let took = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
    Ok(Skew::measured(asked, Micros(took), said))
}
