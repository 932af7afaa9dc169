//! Halts what runs on a node: stops it for a while, or kills PostgreSQL alone. Killing the agent: `node.rs`.

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::node::{Node, PATIENCE};
use super::processes::family;
use super::wait::until;

impl Node {
    /// Stops the agent as a debugger does: it keeps everything and does nothing, until [`Self::let_agent_go_on`].
    pub(crate) fn halt_agent(&self) -> Result<()> {
        Ok(kill(self.agent_pid()?, Signal::SIGSTOP)?)
    }

    /// Lets a halted agent go on.
    pub(crate) fn let_agent_go_on(&self) -> Result<()> {
        Ok(kill(self.agent_pid()?, Signal::SIGCONT)?)
    }

    /// Stops PostgreSQL and all its children, until [`Self::let_postgres_go_on`].
    pub(crate) fn halt_postgres(&self) -> Result<()> {
        self.signal_postgres(Signal::SIGSTOP)
    }

    /// Lets a halted PostgreSQL go on.
    pub(crate) fn let_postgres_go_on(&self) -> Result<()> {
        self.signal_postgres(Signal::SIGCONT)
    }

    /// Kills PostgreSQL and all its children at once, as a lack of memory does. The agent goes on.
    pub(crate) fn kill_postgres(&self) -> Result<()> {
        // Stopped first: a child that sees its siblings die would tell them in its log, and end cleaner than a kill is.
        self.signal_postgres(Signal::SIGSTOP)?;
        self.signal_postgres(Signal::SIGKILL)
    }

    /// Kills the agent and all of its PostgreSQL in the midst of what they do, and waits until they are gone.
    pub(crate) async fn kill_everything(&mut self) -> Result<()> {
        let postgres = family(self.postmaster()?);
        self.kill_postgres()?;
        self.kill()?;
        until("nothing of the node is left", PATIENCE, async || {
            Ok(postgres.iter().all(|pid| kill(*pid, None) == Err(Errno::ESRCH)))
        })
        .await
    }

    /// The process of PostgreSQL that all others of this node are children of.
    pub(crate) fn postmaster(&self) -> Result<Pid> {
        let file = self.data().join("pg/postmaster.pid");
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let pid = text.lines().next().context("an empty postmaster.pid")?;
        Ok(Pid::from_raw(pid.parse()?))
    }

    /// The parent comes first, so that it makes no more children while they are signalled.
    fn signal_postgres(&self, signal: Signal) -> Result<()> {
        let postmaster = self.postmaster()?;
        for pid in family(postmaster) {
            match kill(pid, signal) {
                // A child may have ended meanwhile.
                Err(Errno::ESRCH) if pid != postmaster => {}
                other => other.with_context(|| format!("{signal} for process {pid}"))?,
            }
        }
        Ok(())
    }
}
