//! What a removed node wrote last may have reached some members only, and no change of another node is ever sent on. So
//! every member, before it forgets the link, sends the others what it has and they may lack. Merging twice does no harm.

use std::time::Duration;

use keystead::member::roster::{Member, Roster};
use keystead::replication::horizon::seen_by_all_up_to;
use keystead::replication::names;
use keystead::{Error, NodeNumber, Result};
use sql::Connection;

/// How long what has arrived of the node may take to be stored.
const PATIENCE: Duration = Duration::from_secs(10);

const LOOK: Duration = Duration::from_millis(50);

/// Ends the subscription `name` to a node that is gone, then sends on what the other members may not have of it.
pub(super) async fn send_on(db: &Connection, roster: &Roster, me: &Member, name: &str) -> Result<()> {
    let of_link = |node: &&Member| names::link(node.number, me.number) == name;
    let Some(gone) = roster.nodes.iter().find(of_link) else {
        return Ok(());
    };
    sql::link::detach(db, name).await?;
    tokio::time::timeout(PATIENCE, taken(db, name))
        .await
        .map_err(|_| Error::unavailable("what has arrived of a removed node is still being stored"))??;
    let members: Vec<NodeNumber> = roster.ready_peers(&me.id).map(|peer| peer.number).collect();
    let heartbeats = sql::heartbeat::all(db).await?;
    let Some(oldest) = seen_by_all_up_to(&heartbeats, &members, gone.number) else {
        return Ok(());
    };
    let sent = sql::orphan::send_on(db, gone.number, oldest).await?;
    tracing::info!(node_id = %gone.id, sent, "sent on what the other members may not have of a removed node");
    Ok(())
}

/// Waits until nothing of the subscription is being stored any more.
async fn taken(db: &Connection, name: &str) -> Result<()> {
    while sql::stat::receiving(db).await?.contains(name) {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
