//! Users' keys: making, finding, changing and deleting them.
//!
//! Material is made and wrapped here, before PostgreSQL sees it, and only an export's answer carries it. What a request may ask is
//! decided in `keystead::key`; that names are unique where the clash can be seen, in the SQL functions that write.

mod change;
mod create;
mod delete;
mod export;
mod find;
mod list;
mod shown;
mod transition;

pub(crate) use change::change;
pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use export::export;
pub(crate) use find::get;
pub(crate) use list::{Asked, list};
pub(crate) use transition::{destroy, revoke};

use keystead::{Error, Kind};

/// How often a write is tried that met another in a deadlock. About one in 20,000 does.
const TRIES: usize = 5;

/// Does a write again that PostgreSQL gave up because it met another; nothing of it has happened then.
async fn despite_deadlocks<T, F>(mut write: impl FnMut() -> F) -> sql::Result<T>
where
    F: Future<Output = sql::Result<T>>,
{
    for _ in 1..TRIES {
        match write().await {
            Err(error) if error.is_deadlock() => tracing::debug!("a write met another and is done again"),
            outcome => return outcome,
        }
    }
    write().await
}

fn name_taken(name: &str) -> Error {
    Error::new(Kind::KeyExists, format!("a key named {name:.80} exists")).with_hint("choose another name")
}
