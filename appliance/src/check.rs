//! `keysteadd check-config`: what can be said of a configuration without starting anything.
//!
//! This file decides which files named in a configuration are looked at. It changes nothing and connects to nothing.

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
    let folder = config.postgres.bin_dir.as_deref().filter(|folder| !folder.is_dir());
    let certificate = config.rest.certificate.as_deref().filter(|file| !file.is_file());
    if let Some(missing) = folder.or(certificate) {
        return Err(not_there(missing));
    }
    let secrets = [&config.rest.key, &config.admin.password_file];
    secrets
        .into_iter()
        .flatten()
        .try_for_each(|file| private_file::check(file, None))
}

fn not_there(path: &Path) -> Error {
    Error::new(Kind::NotFound, format!("{} is not there", path.display()))
}
