//! Mends one link: a new slot first, then all rows of the peer through the merge, then its changes from the slot on.
//!
//! What is committed on the peer after the slot comes through the slot, what was committed before comes with the copy.
//! Beginning again does no harm, so a crash costs what was copied. The need is forgotten last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keystead::member::roster::Member;
use keystead::peer::Subscribe;
use keystead::replication::names;
use keystead::replication::resync::{Needs, Reason};
use keystead::{Error, NodeId, NodeNumber, Result};
use sql::{Connection, Peer, resync};
use tokio::sync::Notify;

use super::{announce, fence};
use crate::agent::{Agent, Standing};
use crate::crash_point::crash_point;
use crate::links::{self, Confirming};
use crate::peers::{Target, call};

/// They carry the promise of time itself: they are heard, not copied.
const HEARTBEATS: [&str; 2] = ["public.heartbeat", "public.lane_beat"];

/// Which links are being mended, and which ones people were told of.
#[derive(Default)]
pub(super) struct Mending {
    busy: Mutex<BTreeSet<NodeNumber>>,
    announced: Mutex<BTreeMap<NodeNumber, NodeId>>,
    ended: Notify,
}

impl Mending {
    /// The links that are being mended now.
    pub(super) fn busy(&self) -> BTreeSet<NodeNumber> {
        lock(&self.busy).clone()
    }

    /// Links of nodes that were removed are lost for good, and nobody need know any more.
    pub(super) fn forget(&self, agent: &Agent, needs: &Needs) {
        lock(&self.announced).retain(|number, peer| {
            let is_needed = needs.contains_key(number);
            if !is_needed {
                announce::over(agent, peer);
            }
            is_needed
        });
    }

    /// Waits until one was mended, or could not be.
    pub(super) async fn one_ended(&self) {
        self.ended.notified().await;
    }

    /// Tells people of a link, and mends it in the background when its peer answers. Does nothing while it is being mended.
    pub(super) fn begin(self: &Arc<Self>, agent: &Arc<Agent>, peer: &Member, reason: Reason, answers: bool) {
        if lock(&self.announced).insert(peer.number, peer.id.clone()).is_none() {
            announce::lost(agent, peer, reason);
        }
        if !answers || !lock(&self.busy).insert(peer.number) {
            return;
        }
        let (mending, working, peer) = (Arc::clone(self), Arc::clone(agent), peer.clone());
        let stop = agent.tasks.stopping();
        agent.tasks.spawn_work("resync", async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = mending.try_to_mend(&working, &peer) => {}
            }
        });
    }

    async fn try_to_mend(&self, agent: &Agent, peer: &Member) {
        let outcome = mend(agent, peer).await;
        match &outcome {
            Ok(rows) => {
                lock(&self.announced).remove(&peer.number);
                announce::mended(agent, peer, *rows);
            }
            Err(error) => {
                tracing::info!(address = %peer.address, error = error.chain(), "a link could not be mended yet");
            }
        }
        lock(&self.busy).remove(&peer.number);
        // A failure waits for the next round of the timer.
        if outcome.is_ok() {
            self.ended.notify_one();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Mends the link from `peer`; how many rows it was sent.
pub(super) async fn mend(agent: &Agent, peer: &Member) -> Result<u64> {
    let me = agent.identity()?;
    // Connections of their own: when this is cut off, what is open on them goes with them.
    let db = sql::connect(&agent.postgres.config(sql::database::CLUSTER)).await?;
    let Some(reason) = take(&db, peer).await? else {
        return Ok(0);
    };
    let rolled_back = reason == Reason::RolledBack;
    let source = agent.peers.connect(&me.node_id, &Target::of(peer)).await?;
    let vouched = is_vouched_for(agent, &db, &source, peer).await?;
    prepare(agent, &db, &source, reason).await?;
    make_slot_anew(agent, &db, &source, peer).await?;
    // Read after the slot was made and before any row: all that it promises comes with the rows.
    let newest = resync::newest(&source, peer.number).await?;
    crash_point("resync::slot");
    let rows = read_anew(&source, &db).await?;
    crash_point("resync::rows");
    if rolled_back {
        fence::may_catch_up(agent, &db, &source).await?;
        fence::remember(&db, &source).await?;
    }
    resync::done(&db, peer.number, newest.as_ref().filter(|_| vouched)).await?;
    crash_point("resync::done");
    take_changes(agent, &db, peer).await?;
    Ok(rows)
}

/// What comes before a new slot, by the reason for it.
async fn prepare(agent: &Agent, db: &Connection, source: &Peer, reason: Reason) -> Result<()> {
    match reason {
        Reason::RolledBack => fence::may_catch_up(agent, db, source).await.map(drop),
        // It may have been away while this node joined: then it takes this node for one that still joins, until it hears
        // from it.
        Reason::Missing => call::ask(source, &Subscribe {}).await.map(drop),
        Reason::Lost | Reason::Moved | Reason::Gap => Ok(()),
    }
}

/// Why the link is to be mended, with the right to do so; nothing when that was done meanwhile.
async fn take(db: &Connection, peer: &Member) -> Result<Option<Reason>> {
    if resync::lock(db, peer.number).await? {
        return Ok(resync::needs(db).await?.get(&peer.number).copied());
    }
    Err(Error::unavailable("this link is being mended by another agent"))
}

/// Nothing is taken from the old slot any more, and there is a new one.
async fn make_slot_anew(agent: &Agent, db: &Connection, source: &Peer, peer: &Member) -> Result<()> {
    let me = agent.identity()?.number;
    let name = names::link(peer.number, me);
    links::lanes::drop_from(db, me, peer.number).await?;
    if sql::link::actual(db).await?.subscriptions.contains_key(&name) {
        sql::link::drop_subscription(db, &name).await?;
    }
    Ok(resync::keep_changes_anew(source).await?)
}

/// From the new slot on.
async fn take_changes(agent: &Agent, db: &Connection, peer: &Member) -> Result<()> {
    let me = agent.identity()?.node_id;
    match sql::node::all(db).await?.find(&me) {
        Some(me) => links::subscribe(agent, db, me, peer, Confirming::AtOnce).await,
        None => Ok(()),
    }
}

/// Does the peer remember what this node has heard of it? If it does not, it was rolled back, and what this node has heard
/// is the proof of it, which must not be overwritten before the peer knows. Then a healthy node waits for it; one that was
/// rolled back itself takes its rows and leaves the proof.
async fn is_vouched_for(agent: &Agent, db: &Connection, source: &Peer, peer: &Member) -> Result<bool> {
    let Some(heard) = resync::heard(db, peer.number).await? else {
        return Ok(true);
    };
    let vouched = resync::peers_past(source).await?.knows(&heard);
    if vouched || agent.standing() == Standing::Fenced {
        Ok(vouched)
    } else {
        Err(Error::unavailable(format!(
            "the node at {} was rolled back and has not caught up yet",
            peer.address
        )))
    }
}

/// Reads all rows of the peer through the merge: what both sides have a place for, as one may run a newer version.
async fn read_anew(source: &Peer, db: &Connection) -> Result<u64> {
    let here = sql::copy::tables(db).await?;
    let mut tables = sql::copy::tables(source).await?;
    tables.retain_mut(|table| {
        let same = here.iter().find(|same| same.relation == table.relation);
        table
            .columns
            .retain(|column| same.is_some_and(|same| same.columns.contains(column)));
        same.is_some() && !HEARTBEATS.contains(&table.relation.as_str())
    });
    let mut total = 0;
    sql::copy::merge(source, db, &tables, |rows, _| total += rows).await?;
    Ok(total)
}
