//! Writes that met another in a deadlock are done again: PostgreSQL gave one of the two up, and nothing of it has happened.
//!
//! A write that others are waited for has its own way: `acknowledge/mod.rs`.

/// How often a write is tried that met another in a deadlock. About one in 20,000 does.
pub(crate) const TRIES: usize = 5;

/// Does a write again that PostgreSQL gave up because it met another.
pub(crate) async fn despite_deadlocks<T, F>(mut write: impl FnMut() -> F) -> sql::Result<T>
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
