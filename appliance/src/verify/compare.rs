//! Comparing this node with one member: digests of everything, then the rows of the buckets that differ.
//!
//! Writes go on meanwhile. Both sides are compared up to a time that both have everything up to, so what is on its way
//! is not taken for a difference.

use std::time::Duration;

use keystead::NodeNumber;
use keystead::clock::Micros;
use keystead::member::roster::{NodeState, Roster};
use keystead::replication::digest::{Agreement, Batch, Bounds, batches, buckets_for};
use keystead::replication::horizon::both_have;
use keystead::verify::{Difference, differences};
use keystead::{Error, Result};
use sql::verify::rows_of_buckets;
use sql::{Connection, Peer};
use tokio::time::Instant;

use crate::agent::Agent;

/// Buckets are compared this often before the rows of those that never agreed are looked at: each round leaves out those
/// in which rows were merely on their way.
const ROUNDS: usize = 3;

/// So few buckets that looking at their rows costs less than another round.
const FEW_BUCKETS: usize = 8;

/// About so many rows are asked for at once.
const BATCH_ROWS: i64 = 20_000;

/// No more differences than this are named in one look.
pub(super) const MOST: usize = 10_000;

/// How long to wait until both sides have what was written before the look. A member that is down is not waited for any
/// longer: then the look ends where that member went away.
const SETTLING: Duration = Duration::from_secs(5);

/// How often to look whether they have: a query on each side.
const LOOK: Duration = Duration::from_millis(100);

/// What comparing found.
pub(super) struct Found {
    /// The rows that differ, at most [`MOST`].
    pub(super) differences: Vec<Difference>,
    /// What was compared.
    pub(super) bounds: Bounds,
}

struct Sides<'a> {
    agent: &'a Agent,
    ours: &'a Connection,
    theirs: &'a Peer,
    buckets: i32,
}

/// Compares the data behind `ours`, this node's, and `theirs`.
///
/// # Errors
/// When either side cannot be asked.
pub(super) async fn compare(agent: &Agent, ours: &Connection, theirs: &Peer) -> Result<Found> {
    let sides = Sides {
        agent,
        ours,
        theirs,
        buckets: buckets_for(sql::verify::largest(ours).await?),
    };
    let (bounds, suspects) = sides.differing_buckets().await?;
    let mut found = Vec::new();
    for batch in &suspects {
        found.append(&mut sides.differing_rows(batch, bounds).await?);
        if found.len() >= MOST {
            found.truncate(MOST);
            break;
        }
    }
    Ok(Found {
        differences: found,
        bounds,
    })
}

impl Sides<'_> {
    /// The buckets that never agreed, and up to when everything was compared.
    async fn differing_buckets(&self) -> Result<(Bounds, Vec<Batch>)> {
        let mut agreement = Agreement::default();
        let first = self.settled().await?;
        let mut bounds = first;
        for round in 1.. {
            let (ours, theirs) = tokio::try_join!(
                sql::digest::within(self.ours, bounds),
                sql::digest::within(self.theirs, bounds)
            )?;
            let open = agreement.compare(&ours, &theirs);
            if open.len() <= FEW_BUCKETS || round == ROUNDS {
                let suspects = batches(&open, &ours, &theirs, BATCH_ROWS);
                return Ok((first, suspects));
            }
            tracing::debug!(buckets = open.len(), "buckets differ, looking again");
            bounds = self.settled().await?;
        }
        Ok((first, Vec::new()))
    }

    /// The rows of some buckets that differ. Tombstones may have been purged meanwhile, so the floor is read after them.
    async fn differing_rows(&self, batch: &Batch, bounds: Bounds) -> Result<Vec<Difference>> {
        let (ours, theirs) = tokio::try_join!(
            rows_of_buckets(self.ours, &batch.table, self.buckets, &batch.buckets),
            rows_of_buckets(self.theirs, &batch.table, self.buckets, &batch.buckets)
        )?;
        let bounds = Bounds {
            purged_up_to: self.purged_up_to().await?,
            ..bounds
        };
        Ok(differences(&batch.table, &ours, &theirs, &bounds))
    }

    /// What can be compared once both sides have everything written before now, or as much of it as they get.
    async fn settled(&self) -> Result<Bounds> {
        let (now, end) = (self.agent.clock.now(), Instant::now() + SETTLING);
        loop {
            let until = self.both_have().await?;
            if until >= Some(now) || Instant::now() > end {
                let until = until.ok_or_else(|| Error::unavailable("a member's heartbeat has not arrived yet"))?;
                return Ok(Bounds {
                    buckets: self.buckets,
                    until,
                    purged_up_to: self.purged_up_to().await?,
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn both_have(&self) -> Result<Option<Micros>> {
        let roster = sql::node::all(self.ours).await?;
        let (here, there) = tokio::try_join!(sql::heartbeat::newest(self.ours), sql::heartbeat::newest(self.theirs))?;
        let beats = |number| here.contains_key(&number) || there.contains_key(&number);
        Ok(both_have(&here, &there, writers(&roster, beats)))
    }

    async fn purged_up_to(&self) -> Result<Micros> {
        let (ours, theirs) = tokio::try_join!(
            sql::replication::purged_up_to(self.ours),
            sql::replication::purged_up_to(self.theirs)
        )?;
        Ok(ours.max(theirs))
    }
}

/// The nodes whose rows may be on their way. One that joins writes from its first heartbeat on.
fn writers(roster: &Roster, beats: impl Fn(NodeNumber) -> bool) -> Vec<NodeNumber> {
    let linked = roster.nodes.iter().filter(|node| node.state.is_linked());
    linked
        .filter(|node| node.state != NodeState::Joining || beats(node.number))
        .map(|node| node.number)
        .collect()
}
