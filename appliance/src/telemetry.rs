//! Where the log goes: to standard error, as text for people or as JSON for programs.
//!
//! This file decides the shape of a line. What is let through is the configuration's to say (`log.filter`). Keeping and
//! turning of log files is the supervisor's work.

use std::io::{self, IsTerminal as _};

use keystead::config::{Log, LogFormat};
use keystead::{Error, Result};
use tracing_subscriber::EnvFilter;

/// The driver of PostgreSQL tells every query with its values below this level, hashes of passwords among them.
const QUERIES: &str = "tokio_postgres=info";

/// Sets up logging for the whole process. To be called once.
pub(crate) fn start(log: &Log) -> Result<()> {
    let filter = filter(&log.filter)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let started = match log.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Error::conflict(format!("logging has been set up before: {error}")))
}

/// Reads `log.filter`.
pub(crate) fn filter(text: &str) -> Result<EnvFilter> {
    EnvFilter::try_new(format!("{text},{QUERIES}")).map_err(|error| {
        Error::invalid_param(format!("log.filter is not a filter: {text:?}"))
            .with_hint("a level (error, warn, info, debug, trace), or levels by module: info,keysteadd::postgres=debug")
            .caused_by(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_refused_with_an_example() {
        assert!(filter("info,keysteadd::postgres=debug").is_ok());
        let error = filter("keysteadd=louder").unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("debug")), "{error}");
    }
}
