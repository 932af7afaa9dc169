//! Connections to this node's own databases: a pool, and single ones. Those to peers are of another type: `peer`.

use std::time::Duration;

use deadpool::managed::{self, Object};
use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, RecyclingMethod, Runtime};
use tokio::time::timeout;
use tokio_postgres::{Config, NoTls};

use crate::error::{Error, Result};
use crate::reserve::Reserve;

/// One connection to this node's own database, pooled or not, with its own cache of prepared statements.
pub type Connection = ClientWrapper;

/// A connection that goes back to its pool.
pub type Pooled = Object<Reserve>;

/// How long a caller waits for a connection before the database counts as away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections to one database over the local socket. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool(managed::Pool<Reserve>);

impl Pool {
    /// Makes a pool of at most `size` connections. One is made when it is first asked for, unless [`Self::fill`] has made
    /// it before; none is ended while it works.
    ///
    /// # Errors
    /// Only when the parameters contradict each other.
    pub fn new(mut config: Config, size: usize) -> Result<Self> {
        config.connect_timeout(PATIENCE);
        let manager = Manager::from_config(
            config,
            NoTls,
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = managed::Pool::builder(Reserve::new(manager))
            .max_size(size)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|source| Error::Connect(Box::new(source)))?;
        Ok(Self(pool))
    }

    /// A connection of the pool.
    ///
    /// # Errors
    /// When there is none within five seconds.
    pub async fn get(&self) -> Result<Pooled> {
        self.0.get().await.map_err(|error| match error {
            managed::PoolError::Backend(source) => Error::Connect(Box::new(source)),
            other => Error::Connect(Box::new(other)),
        })
    }

    /// Connects until the pool has all its connections, beside those that are in use: from then on nothing has to be
    /// connected, and nobody who takes the server's last place takes it from the pool. How many were made.
    ///
    /// # Errors
    /// When `PostgreSQL` is away or has no place left. What was made until then is kept.
    pub async fn fill(&self) -> Result<usize> {
        self.0.retain(|connection, _| !connection.is_closed());
        let mut made = 0;
        loop {
            let status = self.0.status();
            if status.size + self.0.manager().len() >= status.max_size {
                return Ok(made);
            }
            let added = timeout(PATIENCE, self.0.manager().add()).await;
            let added = added.map_err(|late| Error::Connect(Box::new(late)))?;
            added.map_err(|source| Error::Connect(Box::new(source)))?;
            made += 1;
        }
    }

    /// Lets go of every idle connection: the database they are to is about to be dropped.
    pub fn clear(&self) {
        self.0.manager().clear();
        self.0.retain(|_, _| false);
    }
}

/// A connection of its own over the local socket, for work that lasts long or listens.
///
/// # Errors
/// When PostgreSQL does not answer or refuses.
pub async fn connect(config: &Config) -> Result<Connection> {
    let (client, connection) = config
        .connect(NoTls)
        .await
        .map_err(|source| Error::Connect(Box::new(source)))?;
    Ok(Connection::new(client, drive(connection)))
}

/// Drives a connection's traffic until it ends. How it ended is told by the next query on it.
#[expect(
    clippy::disallowed_methods,
    reason = "the task ends with its connection and is aborted when that is dropped"
)]
pub fn drive<F>(connection: F) -> tokio::task::JoinHandle<()>
where
    F: Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
{
    tokio::spawn(async move {
        let _ended: Result<(), tokio_postgres::Error> = connection.await;
    })
}
