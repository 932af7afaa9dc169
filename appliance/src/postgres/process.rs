//! The process of an owned PostgreSQL: started, taken over from an earlier agent, stopped.
//!
//! This file decides when a running server is good enough to keep, and how long each step may take. PostgreSQL is in a
//! session of its own (`pg_ctl` sees to that), so it outlives the agent. What happens when it dies: `watch.rs`.

use std::time::Duration;

use keystead::{Error, Result};
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep};

use super::folders::cannot;
use super::logs::{self, Said};
use super::owned::Owned;
use super::port;
use super::postmaster::Postmaster;
use super::programs;
use super::reload;
use super::watch::Status;

/// How long `pg_ctl` waits before we look ourselves: a recovery after a crash may take longer and is not cut short.
const START_WAIT_SECONDS: u32 = 30;
/// How long the clients' sessions and the last checkpoint may take at a clean stop. Walsenders wait for their
/// subscribers there, for `wal_sender_timeout` at most.
const FAST_STOP: Duration = Duration::from_secs(40);
/// How long a stop without a checkpoint may take.
const HARD_STOP: Duration = Duration::from_secs(10);
/// Between two looks at the process.
const LOOK: Duration = Duration::from_millis(50);

/// How a server came to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// This agent started it.
    Started,
    /// It ran already: an earlier agent left it, or somebody else runs it.
    Adopted,
}

impl Owned {
    /// See [`super::Postgres::start`].
    pub(super) async fn start(&self) -> Result<Begun> {
        let _turn = self.turn.lock().await;
        if let Some(running) = Postmaster::of(&self.paths.pg()) {
            if self.has_its_settings().await? {
                self.adopt(running).await?;
                return Ok(Begun::Adopted);
            }
            tracing::info!(
                pid = running.pid().as_raw(),
                "PostgreSQL runs with other settings; restarting it"
            );
            self.end(running).await?;
        }
        self.launch().await.map(|()| Begun::Started)
    }

    /// Whether the running server was started with the settings that it would be started with now.
    async fn has_its_settings(&self) -> Result<bool> {
        let started_with = |knows| Postmaster::started_with(&self.paths.pg(), &self.settings_mark(knows));
        match self.knows_output_plugins().await {
            Some(knows) if started_with(knows) => self.write_settings(knows).map(|_| true),
            Some(_) => Ok(false),
            // Programs that do not answer are no reason to stop a server that works.
            None => Ok(started_with(true) || started_with(false)),
        }
    }

    /// Starts the process and waits until it takes connections.
    pub(super) async fn launch(&self) -> Result<()> {
        self.status.send_replace(Status::Starting);
        let launched = self.try_launch().await;
        self.status.send_replace(match &launched {
            Ok(()) => Status::Running,
            Err(error) => Status::Failed(error.to_string()),
        });
        launched
    }

    async fn try_launch(&self) -> Result<()> {
        port::check_free(&self.config.listen, self.config.port)?;
        let mark = self.fit_settings().await?;
        let log = self.paths.startup_log();
        logs::begin(&self.paths, &self.account).map_err(|error| cannot("write", &log, error))?;
        let pg_ctl = self.binaries.program("pg_ctl");
        let mut command = self.account.command(&pg_ctl, &self.paths.run());
        command.args([
            "start",
            "--silent",
            "--wait",
            "--timeout",
            &START_WAIT_SECONDS.to_string(),
        ]);
        command.arg("--pgdata").arg(self.paths.pg()).arg("--log").arg(&log);
        command.args(["--options", &format!("-c {mark}")]);
        let output = command.output().await.map_err(|error| cannot("run", &pg_ctl, error))?;
        if !output.status.success() {
            self.until_ready().await?;
        }
        tracing::info!(
            port = self.config.port,
            major = self.major(),
            "PostgreSQL takes connections"
        );
        Ok(())
    }

    /// Writes the settings for the programs as they are now: they may have been exchanged since the last start. Programs
    /// that do not answer get no setting that they may not know.
    async fn fit_settings(&self) -> Result<String> {
        if let Some(version) = self.installed_version().await {
            programs::must_be_accepted(version, &self.config)?;
        }
        let knows = self.knows_output_plugins().await.unwrap_or_default();
        self.write_settings(knows)?;
        Ok(self.settings_mark(knows))
    }

    async fn adopt(&self, running: Postmaster) -> Result<()> {
        self.status.send_replace(Status::Starting);
        self.until_ready().await?;
        // The files may have been written anew for this agent's account.
        reload::signal(running)?;
        self.status.send_replace(Status::Running);
        tracing::info!(
            pid = running.pid().as_raw(),
            "took over a PostgreSQL that an earlier agent started"
        );
        Ok(())
    }

    /// Waits for as long as a server starts, and refuses when there is none.
    async fn until_ready(&self) -> Result<()> {
        loop {
            match Postmaster::of(&self.paths.pg()) {
                Some(running) if running.is_ready() => return Ok(()),
                Some(_) => sleep(LOOK).await,
                None => return Err(self.does_not_run("PostgreSQL does not start")),
            }
        }
    }

    /// See [`super::Postgres::stop`].
    pub(super) async fn stop(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        if let Some(running) = Postmaster::of(&self.paths.pg()) {
            self.end(running).await?;
            tracing::info!("PostgreSQL has stopped");
        }
        self.status.send_replace(Status::Stopped);
        Ok(())
    }

    async fn end(&self, running: Postmaster) -> Result<()> {
        // In PostgreSQL's words: "fast" ends the sessions and writes a checkpoint, "immediate" is as a crash. Neither
        // loses what was committed.
        if self.ends_by(Signal::SIGINT, running, FAST_STOP).await? {
            return Ok(());
        }
        tracing::warn!(
            pid = running.pid().as_raw(),
            "PostgreSQL did not stop in time; stopping it hard"
        );
        if self.ends_by(Signal::SIGQUIT, running, HARD_STOP).await? {
            return Ok(());
        }
        Err(Error::unavailable(format!(
            "PostgreSQL (process {}) does not stop",
            running.pid()
        )))
    }

    async fn ends_by(&self, signal: Signal, running: Postmaster, patience: Duration) -> Result<bool> {
        running
            .signal(signal)
            .map_err(|error| Error::internal("telling PostgreSQL to stop", error))?;
        Ok(self.is_gone(running, patience).await)
    }

    async fn is_gone(&self, running: Postmaster, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while running.still_runs(&self.paths.pg()) {
            if Instant::now() >= deadline {
                return false;
            }
            sleep(LOOK).await;
        }
        true
    }

    /// An error with PostgreSQL's last words as its cause.
    pub(super) fn does_not_run(&self, what: &str) -> Error {
        let said: Said = logs::last_said(&self.paths);
        let hint = format!("the reason is in {}", self.paths.log().display());
        Error::unavailable(what).with_hint(hint).caused_by(said)
    }
}
