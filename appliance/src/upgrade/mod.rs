//! Rolling upgrades: this node says what it runs, and brings into use what came with a new version once all have it.
//!
//! What all have is decided in `keystead::member::versions` from what each node says; this file looks, says and does. It may
//! run again at any time. Before a node is migrated at all: [`may_start`].

mod start;

use keystead::member::roster::Roster;
use keystead::member::versions::{Running, reached};
use keystead::{Error, Result};
use sql::Connection;

pub(crate) use start::may_start;

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
    mine.sends = reached(roster, &all).schema;
    sql::version::send_pending(db, mine.sends).await?;
    crash_point("upgrade::sends");
    all.insert(me, mine.clone());
    mine.takes = take(agent, db, roster, reached(roster, &all).sends)
        .await?
        .unwrap_or(mine.takes);
    all.insert(me, mine.clone());
    if before.as_ref() != Some(&mine) {
        sql::version::put(db, me, &mine).await?;
    }
    if let Some(used) = sql::version::use_pending(db, reached(roster, &all).takes).await? {
        tracing::info!(
            used,
            version = mine.version,
            "every member runs this version: what is new in it may be used"
        );
    }
    Ok(())
}

/// Everything that all nodes send is taken from all of them, up to the schema that this answers; nothing while a link does
/// not know of it.
async fn take(agent: &Agent, db: &Connection, roster: &Roster, sent: i32) -> Result<Option<i32>> {
    for name in sql::link::ignorant(db).await? {
        let _subscribing = agent.subscribing.lock().await;
        // The peer may be away, or may not send it yet: then the next round tries again.
        match sql::link::refresh(db, &name).await {
            Ok(()) => tracing::info!(name, "a link takes the tables that are new"),
            Err(error) => tracing::debug!(
                name,
                error = Error::from(error).chain(),
                "a link could not be refreshed"
            ),
        }
    }
    let me = agent.identity()?;
    let links = sql::link::actual(db).await?.subscriptions;
    let mut peers = roster.ready_peers(&me.node_id);
    let has_all_links =
        peers.all(|peer| links.contains_key(&keystead::replication::names::link(peer.number, me.number)));
    let knows_all = has_all_links && sql::link::ignorant(db).await?.is_empty();
    Ok(knows_all.then_some(sent))
}
