//! `keysteadd check-config`: what can be said of a configuration without starting anything.
//!
//! This file decides which files named in a configuration are looked at, and that PostgreSQL's programs are asked for their
//! version. It changes nothing and connects to nothing.

use std::path::Path;

use keystead::config::NodeConfig;
use keystead::{Error, Kind, Result};

use crate::{postgres, private_file, telemetry};

/// Checks what the text alone does not show: the log filter, the URL, and that the files it names are there and
/// private.
pub(crate) fn check(config: &NodeConfig) -> Result<()> {
    telemetry::filter(&config.log.filter)?;
    if let Some(url) = &config.postgres.url {
        postgres::read_url(url)?;
    }
    there("postgres.bin_dir", config.postgres.bin_dir.as_deref(), Path::is_dir)?;
    there("rest.certificate", config.rest.certificate.as_deref(), Path::is_file)?;
    let secrets = [
        ("rest.key", &config.rest.key),
        ("admin.password_file", &config.admin.password_file),
    ];
    secrets.into_iter().try_for_each(|(key, file)| {
        there(key, file.as_deref(), Path::exists)?;
        file.iter().try_for_each(|file| private_file::check(file, None))
    })
}

/// What a start would warn of or be refused for, beside the configuration: the PostgreSQL that it would run. `None` when
/// there is nothing to say, or nothing can be said: no PostgreSQL is installed yet, or somebody else runs it.
pub(crate) fn postgres_version(config: &NodeConfig) -> Option<Error> {
    if config.postgres.url.is_some() {
        return None;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let found = runtime.block_on(postgres::version_of_programs(&config.postgres, &config.data_dir));
    found.ok()?.must_be_fixed().err()
}

/// Is what `key` names there, when it names anything?
fn there(key: &str, path: Option<&Path>, is_there: fn(&Path) -> bool) -> Result<()> {
    match path {
        Some(path) if !is_there(path) => Err(not_there(key, path)),
        _ => Ok(()),
    }
}

fn not_there(key: &str, path: &Path) -> Error {
    Error::new(Kind::NotFound, format!("{key}: {} is not there", path.display()))
        .with_hint(format!("correct {key}, or leave it out of the configuration"))
}
