//! The order in which a node comes up and goes down.
//!
//! This file decides that order and what ends the agent: a signal, which stops PostgreSQL too, or a part that died,
//! which leaves PostgreSQL running so that replication goes on until the supervisor has started the agent again.

use std::time::Duration;

use keystead::clock::Clock as _;
use keystead::config::NodeConfig;
use keystead::{Error, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::api::Door;
use crate::backup;
use crate::cli::Exit;
use crate::clock::SystemClock;
use crate::join;
use crate::open;
use crate::postgres::{Begun, Postgres};
use crate::reset;
use crate::supervisor;
use crate::tasks::Tasks;

/// How long tasks may take to end what they are doing when the agent goes down.
const TASKS_PATIENCE: Duration = Duration::from_secs(10);

/// Runs the node until it is asked to stop or a part of it dies.
pub(crate) async fn run(config: &NodeConfig) -> Result<Exit> {
    let mut asked = Asked::new()?;
    // First: where a reset is to be finished, it deletes what the others would make.
    let postgres = Postgres::open(config).await?;
    let door = Door::bind(config, SystemClock.now())?;
    supervisor::status("starting PostgreSQL");
    join::make_room(postgres.paths())?;
    let Some(begun) = begin(&postgres, &mut asked).await? else {
        return Ok(Exit::Done);
    };
    let tasks = Tasks::new();
    let ended = match up(config, door, &postgres, &tasks).await {
        Ok(()) => tokio::select! {
            () = asked.wait() => Ok(Exit::Done),
            _ = tasks.death() => Ok(Exit::Died),
            () = tasks.asked_to_begin_anew() => {
                tasks.shutdown(TASKS_PATIENCE).await;
                return Err(reset::begin_anew());
            }
        },
        Err(error) => Err(error),
    };
    supervisor::stopping();
    tasks.shutdown(TASKS_PATIENCE).await;
    let never_up = ended.is_err() && begun == Begun::Started;
    if never_up || matches!(ended, Ok(Exit::Done)) {
        postgres.stop().await?;
    }
    ended
}

/// Starts PostgreSQL; `None` when the agent was asked to stop meanwhile. A recovery after a crash may take long, so it
/// does not wait for the end of that.
async fn begin(postgres: &Postgres, asked: &mut Asked) -> Result<Option<Begun>> {
    let mut start = std::pin::pin!(postgres.start());
    tokio::select! {
        begun = &mut start => return begun.map(Some),
        () = asked.wait() => {}
    }
    // By then the process has left its id where `stop` looks for it.
    if let Ok(Err(error)) = tokio::time::timeout(TASKS_PATIENCE, start).await {
        return Err(error);
    }
    postgres.stop().await.map(|()| None)
}

/// Everything above PostgreSQL, in the order of its coming up.
async fn up(config: &NodeConfig, door: Door, postgres: &Postgres, tasks: &Tasks) -> Result<()> {
    let watched = postgres.clone();
    tasks.spawn("postgres", |pulse| async move { watched.watch(pulse).await });
    let agent = open::open(config, postgres.clone(), tasks.clone()).await?;
    backup::recover(&agent).await?;
    open::work(&agent, door);
    tasks.spawn_server("watchdog", supervisor::watchdog(tasks.clone()));
    supervisor::ready();
    Ok(())
}

/// The signals that ask the agent to stop.
struct Asked {
    terminate: Signal,
    interrupt: Signal,
}

impl Asked {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(|error| Error::internal("listening for signals", error));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
