//! Rolling upgrades: this node says what it runs, and brings into use what came with a new version once all have it.
//!
//! What all have is decided in `keystead::member::versions` from what each node says; this file looks, says and does. It may
//! run again at any time. Whether a node may be migrated at all: `start.rs`.

mod start;

use keystead::member::roster::Roster;
use keystead::member::versions::{Running, reached};
use keystead::replication::names;
use keystead::{Error, Result};
use sql::Connection;

pub(crate) use start::migrate;

use crate::agent::{Agent, Standing};
use crate::crash_point::crash_point;
use crate::version::version;

/// The number of this program's newest migration.
fn schema() -> Result<i32> {
    i32::try_from(sql::migrate::newest()).map_err(|source| Error::internal("numbering migrations", source))
}

/// Goes on with an upgrade as far as the other nodes are.
pub(crate) async fn keep(agent: &Agent, db: &Connection, roster: &Roster) -> Result<()> {
    if agent.standing() != Standing::Member {
        return Ok(());
    }
    let me = agent.identity()?.number;
    let mut all = sql::version::all(db).await?;
    let before = all.get(&me).cloned();
    let mut mine = Running {
        version: version(),
        schema: schema()?,
        ..before.clone().unwrap_or_default()
    };
    all.insert(me, mine.clone());
    // What was reached stays, also while a node that joins has not said anything.
    mine.sends = mine.sends.max(reached(roster, &all).schema);
    sql::version::send_pending(db, mine.sends).await?;
    crash_point("upgrade::sends");
    all.insert(me, mine.clone());
    if reached(roster, &all).sends >= mine.sends && takes_all(agent, db, roster).await? {
        mine.takes = mine.sends;
    }
    all.insert(me, mine.clone());
    if before.as_ref() != Some(&mine) {
        sql::version::put(db, me, &mine).await?;
    }
    let used = sql::version::use_pending(db, reached(roster, &all).takes).await?;
    told(&mine, used);
    Ok(())
}

fn told(mine: &Running, used: Option<String>) {
    if let Some(used) = used {
        let version = &mine.version;
        tracing::info!(
            used,
            version,
            "every member runs this version: what is new in it may be used"
        );
    }
}

/// Is everything that this node publishes, as all others do, taken from all of them?
async fn takes_all(agent: &Agent, db: &Connection, roster: &Roster) -> Result<bool> {
    for name in sql::link::ignorant(db).await? {
        let _subscribing = agent.subscribing.lock().await;
        tracing::info!(name, "a link is to take the tables that are new");
        let config = agent.postgres.config(sql::database::CLUSTER);
        sql::link::refresh(&config, &name).await.unwrap_or_else(not_now);
    }
    let me = agent.identity()?;
    let links = sql::link::actual(db).await?.subscriptions;
    let mut peers = roster.ready_peers(&me.node_id);
    let has_all_links = peers.all(|peer| links.contains_key(&names::link(peer.number, me.number)));
    Ok(has_all_links && sql::link::ignorant(db).await?.is_empty())
}

/// The peer may be away: the next round tries again.
fn not_now(error: sql::Error) {
    tracing::debug!(error = Error::from(error).chain(), "a link could not be refreshed");
}
