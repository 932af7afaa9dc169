//! Runs a statement from `sql/queries`: prepared once a connection, named in errors.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::{Error, Result};
use crate::pool::Connection;

/// Values of a statement's parameters.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A statement with the name of its file.
#[derive(Clone, Copy)]
pub(crate) struct Query {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// `query!("node/all")` is the statement in `sql/queries/node/all.sql`.
macro_rules! query {
    ($name:literal) => {
        $crate::query::Query {
            name: $name,
            text: include_str!(concat!("../queries/", $name, ".sql")),
        }
    };
}
pub(crate) use query;

impl Query {
    /// All rows.
    pub(crate) async fn rows(self, db: &Connection, params: Params<'_>) -> Result<Vec<Row>> {
        let run = async { db.query(&db.prepare_cached(self.text).await?, params).await };
        run.await.map_err(|source| self.failed(source))
    }

    /// The one row there must be.
    pub(crate) async fn one(self, db: &Connection, params: Params<'_>) -> Result<Row> {
        let run = async { db.query_one(&db.prepare_cached(self.text).await?, params).await };
        run.await.map_err(|source| self.failed(source))
    }

    /// The row, if there is one.
    pub(crate) async fn opt(self, db: &Connection, params: Params<'_>) -> Result<Option<Row>> {
        let run = async { db.query_opt(&db.prepare_cached(self.text).await?, params).await };
        run.await.map_err(|source| self.failed(source))
    }

    /// No rows; how many were touched.
    pub(crate) async fn run(self, db: &Connection, params: Params<'_>) -> Result<u64> {
        let run = async { db.execute(&db.prepare_cached(self.text).await?, params).await };
        run.await.map_err(|source| self.failed(source))
    }

    /// Runs the statement that this query makes out of its parameters, quoted by PostgreSQL's own `format`.
    ///
    /// For commands that take no parameters, such as `create subscription`.
    pub(crate) async fn run_made(self, db: &Connection, params: Params<'_>) -> Result<()> {
        let made: String = self.one(db, params).await?.get(0);
        db.batch_execute(&made).await.map_err(|source| self.failed(source))
    }

    /// Names this statement in an error.
    pub(crate) fn failed(self, source: tokio_postgres::Error) -> Error {
        Error::Query {
            query: self.name,
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Columns of views of statistics that PostgreSQL 19 gives another name: none may be read by a statement that runs on
    /// every version.
    const RENAMED_IN_19: [&str; 1] = ["sync_error_count"];

    fn texts(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                texts(&path, found);
            } else {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }

    #[test]
    fn no_statement_reads_a_column_that_postgresql_19_has_under_another_name() {
        let mut found = Vec::new();
        for folder in ["queries", "migrations", "local_migrations"] {
            texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
        }
        assert!(found.len() > 100, "{} statements", found.len());
        for (file, text) in found {
            for column in RENAMED_IN_19 {
                assert!(!text.contains(column), "{file} reads {column}");
            }
        }
    }
}
