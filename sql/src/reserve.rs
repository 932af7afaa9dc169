//! Connections that were made ahead, for a pool that is to have all of its connections before it needs them.
//!
//! This file decides where a pool's next connection comes from: from those made ahead, else from `PostgreSQL`. It never
//! decides how many there are; that is `pool.rs`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use deadpool::managed::{self, Metrics, RecycleResult};
use deadpool_postgres::{ClientWrapper, Manager};

/// Makes connections for a pool, or takes those that were made ahead.
pub struct Reserve {
    manager: Manager,
    ahead: Mutex<Vec<ClientWrapper>>,
}

impl Reserve {
    /// None are made ahead yet.
    pub(crate) fn new(manager: Manager) -> Self {
        Self {
            manager,
            ahead: Mutex::default(),
        }
    }

    /// Makes one ahead.
    pub(crate) async fn add(&self) -> Result<(), tokio_postgres::Error> {
        let made = managed::Manager::create(&self.manager).await?;
        self.ahead().push(made);
        Ok(())
    }

    /// How many are there; those that have ended meanwhile are forgotten.
    pub(crate) fn len(&self) -> usize {
        let mut ahead = self.ahead();
        ahead.retain(|made| !made.is_closed());
        ahead.len()
    }

    /// Lets go of all.
    pub(crate) fn clear(&self) {
        self.ahead().clear();
    }

    fn take(&self) -> Option<ClientWrapper> {
        let mut ahead = self.ahead();
        ahead.retain(|made| !made.is_closed());
        ahead.pop()
    }

    fn ahead(&self) -> MutexGuard<'_, Vec<ClientWrapper>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Reserve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reserve").finish_non_exhaustive()
    }
}

impl managed::Manager for Reserve {
    type Type = ClientWrapper;
    type Error = tokio_postgres::Error;

    async fn create(&self) -> Result<ClientWrapper, tokio_postgres::Error> {
        match self.take() {
            Some(made) => Ok(made),
            None => managed::Manager::create(&self.manager).await,
        }
    }

    async fn recycle(&self, connection: &mut ClientWrapper, metrics: &Metrics) -> RecycleResult<tokio_postgres::Error> {
        managed::Manager::recycle(&self.manager, connection, metrics).await
    }

    fn detach(&self, connection: &mut ClientWrapper) {
        managed::Manager::detach(&self.manager, connection);
    }
}
