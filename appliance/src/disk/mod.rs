//! Keeps the disk under the data from filling: looks every second, bounds what PostgreSQL keeps for members that are away,
//! gives up the worst slot when it fills all the same, and lets the node take no writes when it is full.
//!
//! What is decided is in `keystead::replication::retention`; this file looks and does. A member whose slot was given up
//! reads this node's rows anew when it is back (`crate::resync`). The space that is set aside is in `ballast.rs`.

mod ballast;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keystead::alarm::judge::Disk;
use keystead::api::links::Part;
use keystead::replication::names;
use keystead::replication::retention::{self, Bounds, Held};
use keystead::{Error, Kind, Result};

use crate::agent::{Agent, Standing};
use crate::alarm;
use crate::pulse::Pulse;
use ballast::Ballast;

/// A disk that fills fast has some seconds between the limit and its end.
const PERIOD: Duration = Duration::from_secs(1);

/// Whether the disk is full.
#[derive(Debug, Default)]
pub(crate) struct Fullness(AtomicBool);

impl Fullness {
    /// Does the node take no writes, because there is no room?
    pub(crate) fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// May anything be written that takes room?
///
/// # Errors
/// While the disk is full. Looks itself before it refuses: whoever has just made room need not wait for the next round.
pub(crate) fn may_write(agent: &Agent) -> Result<()> {
    if agent.fullness.is_full() && is_still_full(agent) {
        return Err(
            Error::new(Kind::DiskFull, "the node's disk is full, so it takes no writes")
                .with_hint("free or add disk space under its data_dir; reads go on, and other members take writes"),
        );
    }
    Ok(())
}

fn is_still_full(agent: &Agent) -> bool {
    let missing = Ballast::in_folder(agent.postgres.paths().data_dir()).missing();
    alarm::disk(agent).is_none_or(|disk| retention::is_full(disk, true, missing))
}

/// Looks until the agent stops. The disk of a PostgreSQL that somebody else runs is theirs to look after.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    if agent.postgres.is_attached() {
        return pulse.apart(pulse.stop().cancelled()).await;
    }
    let mut keeper = Keeper {
        ballast: Ballast::in_folder(agent.postgres.paths().data_dir()),
        told: None,
    };
    while pulse.rest(tokio::time::sleep(PERIOD)).await.is_some() {
        if let Some(disk) = alarm::disk(&agent)
            && let Err(error) = keeper.round(&agent, disk).await
        {
            tracing::debug!(error = error.chain(), "looking after the disk failed, trying again");
        }
    }
}

struct Keeper {
    ballast: Ballast,
    /// What PostgreSQL was told to keep at the most.
    told: Option<Bounds>,
}

impl Keeper {
    async fn round(&mut self, agent: &Arc<Agent>, disk: Disk) -> Result<()> {
        // First: it needs no database, which may be what is in trouble.
        self.look_whether_full(agent, disk).await;
        if agent.standing() == Standing::Joining {
            return self.raise(agent, disk).await;
        }
        let db = agent.db().await?;
        let slots = sql::stat::slots(&db).await?;
        let held: Vec<Held> = slots
            .into_iter()
            .filter(|(_, slot)| !slot.lost)
            .map(|(name, slot)| Held {
                name,
                active: slot.active,
                kept: slot.kept.unsigned_abs(),
            })
            .collect();
        self.bound(agent, disk, &held).await?;
        if let Some(slot) = retention::worst(disk, &held) {
            give_up(agent, disk, slot).await?;
        }
        Ok(())
    }

    async fn look_whether_full(&mut self, agent: &Agent, disk: Disk) {
        let was_full = agent.fullness.is_full();
        let is_full = retention::is_full(disk, was_full, self.ballast.missing());
        agent.fullness.0.store(is_full, Ordering::Relaxed);
        if is_full != was_full {
            told(disk, is_full);
            // Changes of others are taken or not: the reconciler's to see to.
            agent.links_changed.notify_one();
        }
        self.ballast.keep(disk, is_full).await;
    }

    async fn bound(&mut self, agent: &Agent, disk: Disk, held: &[Held]) -> Result<()> {
        let kept = held.iter().map(|slot| slot.kept).max().unwrap_or_default();
        let configured = agent.config.postgres.max_wal_kept_bytes();
        let bounds = retention::bounds(disk, kept, configured);
        if retention::is_news(self.told, bounds) {
            self.tell(agent, bounds).await?;
        }
        Ok(())
    }

    /// While this node joins, what it keeps is what members will need: no less than before. What was set while the disk was
    /// full must not count any more when there is room.
    async fn raise(&mut self, agent: &Agent, disk: Disk) -> Result<()> {
        let bounds = retention::bounds(disk, 0, agent.config.postgres.max_wal_kept_bytes());
        if self.told.is_some_and(|told| told.slot < bounds.slot) {
            self.tell(agent, bounds).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, agent: &Agent, bounds: Bounds) -> Result<()> {
        agent.postgres.set_bounds(bounds).await?;
        tracing::debug!(?bounds, "what is kept at the most was set");
        self.told = Some(bounds);
        Ok(())
    }
}

fn told(disk: Disk, is_full: bool) {
    if is_full {
        tracing::error!(
            free = disk.free,
            "the disk is full: this node takes no writes and no changes of others"
        );
    } else {
        there_is_room(disk);
    }
}

fn there_is_room(disk: Disk) {
    tracing::info!(free = disk.free, "there is room on the disk again");
}

/// Drops the slots of all lanes of a link.
async fn drop_link(db: &sql::Connection, link: &str) -> Result<()> {
    let slots = sql::link::made(db).await?.lane_slots;
    for lane in slots
        .iter()
        .filter(|lane| names::link_of_lane(lane).as_deref() == Some(link))
    {
        sql::link::drop_slot(db, lane).await?;
    }
    Ok(sql::link::drop_slot(db, link).await?)
}

/// Drops a slot and lets go of its WAL. Its member is told by `crate::resync` that it has lost something.
async fn give_up(agent: &Agent, disk: Disk, slot: &Held) -> Result<()> {
    let why = format!(
        "{} % of the disk was used, and {} bytes were kept for it",
        disk.percent(),
        slot.kept
    );
    let db = agent.db().await?;
    let dropped = drop_link(&db, &slot.name).await;
    let now = agent.clock.now();
    agent
        .deeds
        .did((Part::Slot, &slot.name), ("gave it up", &why), &dropped, now);
    dropped?;
    Ok(sql::server::checkpoint(&db).await?)
}
