//! What comes up above PostgreSQL: databases, keys, who this node is, and the tasks that keep it working.
//!
//! A join that was cut off is found by its ledger before anything is opened, for its database may be half made.

use std::sync::Arc;

use keystead::Result;
use keystead::config::{self, NodeConfig};
use keystead::member::roster::NodeState;
use keystead::server_version::ServerVersion;
use sql::wait::Writers;
use sql::{Connection, Pool, database, migrate};

use crate::acknowledge::Acknowledging;
use crate::agent::{Agent, Parts, Standing};
use crate::api::Door;
use crate::clock::SystemClock;
use crate::postgres::{Postgres, programs};
use crate::tasks::Tasks;
use crate::vault::RootOfTrust;
use crate::{
    account, alarm, certificates, clock_step, disk, heartbeat, held_connections, join, links, peer_sessions, peers,
    purge, removed, resync, syslog, upgrade, upkeep, verify, view,
};

/// Connections for requests and tasks; beyond this many at once they wait their turn. All are held (`held_connections.rs`).
const POOL: usize = 24;

/// Connections for writes that wait for other members, so that those do not take the others from readers.
const WAITING_POOL: usize = 16;

/// Connections to the database of this node alone, which is rarely used.
const LOCAL_POOL: usize = 4;

/// Opens the databases and keys and takes over where this node stood.
pub(crate) async fn open(config: &NodeConfig, postgres: Postgres, tasks: Tasks) -> Result<Arc<Agent>> {
    let server = open_local(config, &postgres).await?;
    let agent = Agent::new(Parts {
        config: config.clone(),
        clock: Arc::new(SystemClock),
        db: Pool::new(postgres.config(database::CLUSTER), POOL)?,
        acknowledging: Acknowledging::new(Writers::new(postgres.config(database::CLUSTER), WAITING_POOL)),
        local: Pool::new(postgres.config(database::LOCAL), LOCAL_POOL)?,
        root_of_trust: RootOfTrust::open_or_create(&postgres.paths().data_dir().join("root-of-trust.key"))?,
        postgres,
        tasks,
    });
    join::load(&agent)?;
    let identity = agent.load_identity().await?;
    // A running join makes its database itself, and may be in the midst of it.
    if agent.join.borrow().as_ref().is_some_and(join::JoinState::is_wiping) {
        return Ok(agent);
    }
    database::ensure(&server, database::CLUSTER).await?;
    upgrade::migrate(&agent).await?;
    agent.open_keyring().await?;
    match identity {
        Some(identity) if agent.standing() == Standing::Alone => {
            let roster = sql::node::all(&*agent.db().await?).await?;
            let is_member = roster
                .find(&identity.node_id)
                .is_some_and(|node| node.state <= NodeState::Ready);
            agent.stand(if is_member {
                removed::standing_at_start(&agent).await?
            } else {
                Standing::Removed
            });
        }
        _ => account::make_first(&agent).await?,
    }
    Ok(agent)
}

/// Opens the database of this node alone; a connection to the server.
async fn open_local(config: &NodeConfig, postgres: &Postgres) -> Result<Connection> {
    let server = sql::connect(&postgres.config("postgres")).await?;
    // The one of somebody else has no peers.
    if !postgres.is_attached() {
        check_version(sql::server::version(&server).await?, &config.postgres)?;
    }
    database::ensure(&server, database::LOCAL).await?;
    migrate::local(&postgres.config(database::LOCAL)).await?;
    Ok(server)
}

/// The server that runs counts: it may have been started before its programs were exchanged.
fn check_version(version: ServerVersion, config: &config::Postgres) -> Result<()> {
    programs::must_be_accepted(version, config)?;
    if let Err(unfixed) = version.must_be_fixed() {
        tracing::warn!(hint = unfixed.hint(), "{unfixed}");
    }
    Ok(())
}

/// Starts everything that runs for as long as the agent does, and opens the door for users.
pub(crate) fn work(agent: &Arc<Agent>, door: Door) {
    let tasks = &agent.tasks;
    tasks.spawn("held connections", |pulse| {
        held_connections::run(Arc::clone(agent), pulse)
    });
    tasks.spawn("peers", |pulse| peers::calls::run(Arc::clone(agent), pulse));
    tasks.spawn("peer sessions", |pulse| peer_sessions::run(Arc::clone(agent), pulse));
    tasks.spawn("certificates", |pulse| certificates::run(Arc::clone(agent), pulse));
    tasks.spawn("links", |pulse| links::run(Arc::clone(agent), pulse));
    tasks.spawn("heartbeat", |pulse| heartbeat::run(Arc::clone(agent), pulse));
    tasks.spawn("view", |pulse| view::run(Arc::clone(agent), pulse));
    tasks.spawn("removed", |pulse| removed::run(Arc::clone(agent), pulse));
    tasks.spawn("resync", |pulse| resync::run(Arc::clone(agent), pulse));
    tasks.spawn("slots", |pulse| resync::watch(Arc::clone(agent), pulse));
    tasks.spawn("accounts", |pulse| account::run(Arc::clone(agent), pulse));
    tasks.spawn("alarms", |pulse| alarm::run(Arc::clone(agent), pulse));
    tasks.spawn("syslog", |pulse| syslog::run(Arc::clone(agent), pulse));
    tasks.spawn("upkeep", |pulse| upkeep::run(Arc::clone(agent), pulse));
    tasks.spawn("disk", |pulse| disk::run(Arc::clone(agent), pulse));
    tasks.spawn("clock", |pulse| clock_step::run(Arc::clone(agent), pulse));
    tasks.spawn("purge", |pulse| purge::run(Arc::clone(agent), pulse));
    tasks.spawn("verify", |pulse| verify::background(Arc::clone(agent), pulse));
    let (serving, closing) = (Arc::clone(agent), tasks.stopping());
    tasks.spawn_server("rest", async move {
        if let Err(error) = door.serve(serving, closing).await {
            tracing::error!(error = error.chain(), "REST cannot be served");
        }
    });
    join::resume(agent);
}
