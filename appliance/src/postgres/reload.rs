//! Has a running PostgreSQL read its files again, and waits until it has.
//!
//! A signal alone would not do: a member that was just removed could come back in the moment before PostgreSQL looks at
//! the new access files. Sessions that are open keep what they had; ending them is the caller's work.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use keystead::clock::Micros;
use keystead::{Error, Result};
use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::owned::Owned;
use super::postmaster::Postmaster;

/// How long PostgreSQL may take to read its files.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(5);

impl Owned {
    /// Changes files where the disk may block; `work` tells whether it changed any. Returns when PostgreSQL has read
    /// them, if it runs. What a failed reload left unread is read again the next time.
    pub(super) async fn change<F>(self: &Arc<Self>, work: F) -> Result<()>
    where
        F: FnOnce(&Self) -> Result<bool> + Send + 'static,
    {
        let owned = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&owned)).await;
        if done.map_err(|error| Error::internal("changing the files of PostgreSQL", error))?? {
            self.unread.store(true, Ordering::SeqCst);
        }
        if self.unread.load(Ordering::SeqCst) {
            self.reload().await?;
            self.unread.store(false, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Has a running PostgreSQL read its files, and waits until it has.
    pub(super) async fn reload(&self) -> Result<()> {
        // One that does not run reads its files when it starts.
        let Some(running) = Postmaster::of(&self.paths.pg()) else {
            return Ok(());
        };
        let before = self.read_at().await?;
        signal(running)?;
        let read = async {
            while self.read_at().await? == before {
                sleep(LOOK).await;
            }
            Ok(())
        };
        let late = |_| Error::unavailable("PostgreSQL does not read its files again");
        tokio::time::timeout(PATIENCE, read).await.map_err(late)?
    }

    /// When the server last read its files, as a new connection has it.
    async fn read_at(&self) -> Result<Micros> {
        let server = sql::connect(self.config().dbname("postgres")).await?;
        Ok(sql::server::settings_read_at(&server).await?)
    }
}

/// Tells PostgreSQL to read its files again, soon.
pub(super) fn signal(running: Postmaster) -> Result<()> {
    running
        .signal(Signal::SIGHUP)
        .map_err(|error| Error::internal("telling PostgreSQL to reload", error))
}
