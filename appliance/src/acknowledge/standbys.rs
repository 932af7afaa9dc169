//! Keeps PostgreSQL told whom a waiting commit waits for: the members as they are now, and as many as the cluster wants.
//!
//! Part of the reconciler: looks at the tables, compares with the file, changes it when it differs. The value and the
//! steps of its exchange are decided in `keystead::replication::standbys`.

use std::sync::Arc;
use std::time::Duration;

use keystead::alarm::Alarm;
use keystead::member::roster::{Member, Roster};
use keystead::replication::ack::Terms;
use keystead::replication::names;
use keystead::replication::standbys::{Exchange, Standbys};
use keystead::{Error, Result};
use sql::Connection;
use tokio::time::sleep;

use super::InForce;
use crate::agent::Agent;

/// There is one such alarm a node.
const ALARM_SUBJECT: &str = "cluster";

/// How long the processes that serve the other members may take to read their settings.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks whether they have.
const LOOK: Duration = Duration::from_millis(5);

/// A wait older than this has lost the agent that would have cancelled it, in time limits of a write.
const FORGOTTEN: u32 = 3;

/// Brings PostgreSQL in step with the tables, and ends waits that nobody waits for any more.
pub(crate) async fn keep(agent: &Agent, db: &Connection) -> Result<()> {
    let terms = tell(agent).await?.terms;
    let wanted = terms.quorum().min(terms.peers);
    alarm(agent, wanted, sql::wait::counted(db).await?);
    let forgotten = agent.config.replication.ack_timeout * FORGOTTEN;
    let ended = sql::wait::end_forgotten(db, forgotten.as_secs_f64()).await?;
    if ended > 0 {
        tracing::warn!(ended, "ended waits for other members that an earlier agent had left");
    }
    Ok(())
}

/// Tells when too few others are connected for the writes that wait for some.
fn alarm(agent: &Agent, wanted: u8, connected: i64) {
    if connected >= i64::from(wanted) {
        return agent.alarms.clear(Alarm::AckDegraded, ALARM_SUBJECT);
    }
    let text = format!("{connected} other members are connected, and writes are to wait for {wanted}");
    agent.alarms.raise(Alarm::AckDegraded, ALARM_SUBJECT, text);
}

/// This node has no others any more.
pub(crate) async fn forget(agent: &Agent) -> Result<()> {
    let _turn = agent.acknowledging.telling.lock().await;
    *agent.acknowledging.known() = None;
    agent.acknowledging.writers.clear();
    agent.postgres.set_standbys(&Standbys::nobody()).await
}

/// Tells PostgreSQL what the tables say now.
pub(super) async fn tell(agent: &Agent) -> Result<Arc<InForce>> {
    let _turn = agent.acknowledging.telling.lock().await;
    let db = agent.db().await?;
    let (me, roster) = (agent.identity()?.node_id, sql::node::all(&db).await?);
    let me = roster
        .find(&me)
        .ok_or_else(|| Error::unavailable("this node is not in its own list of nodes"))?;
    let terms = Terms {
        property: super::property::stored(&db).await?,
        peers: u8::try_from(roster.ready_peers(&me.id).count()).unwrap_or(u8::MAX),
    };
    exchange(agent, &db, &Standbys::of(&roster, me, terms.quorum())).await?;
    let in_force = Arc::new(InForce {
        terms,
        links: links(&roster, me),
    });
    *agent.acknowledging.known() = Some(Arc::clone(&in_force));
    Ok(in_force)
}

fn links(roster: &Roster, me: &Member) -> std::collections::BTreeMap<String, keystead::join::request::Address> {
    roster
        .ready_peers(&me.id)
        .map(|peer| (names::link(me.number, peer.number), peer.address.clone()))
        .collect()
}

async fn exchange(agent: &Agent, db: &Connection, wanted: &Standbys) -> Result<()> {
    let current = agent.postgres.standbys()?;
    match Standbys::exchange(current.as_ref(), wanted) {
        Exchange::None => return Ok(()),
        Exchange::AtOnce => {}
        Exchange::ThroughNobody => {
            agent.postgres.set_standbys(&Standbys::nobody()).await?;
            let read = tokio::time::timeout(PATIENCE, nobody_counts(db)).await;
            read.map_err(|_| Error::unavailable("PostgreSQL still goes by who its writers waited for before"))??;
        }
    }
    agent.postgres.set_standbys(wanted).await?;
    tracing::info!(standbys = wanted.value(), "writers that wait for others wait for these");
    Ok(())
}

/// Waits until every process that serves another member goes by the new value.
async fn nobody_counts(db: &Connection) -> Result<()> {
    while sql::wait::counted(db).await? > 0 {
        sleep(LOOK).await;
    }
    Ok(())
}
