//! Where everything of a node lives inside its data folder.
//!
//! This file only names places. Who makes them, with which owner and mode: `folders.rs`.

use std::path::{Path, PathBuf};

use keystead::{Error, Result};

/// The longest path a Unix socket may have: `sun_path` has 108 bytes, the last of them zero.
const SOCKET_PATH_LIMIT: usize = 107;

/// The places inside one data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paths {
    data_dir: PathBuf,
}

impl Paths {
    /// The places inside `data_dir`.
    pub(crate) fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
        }
    }

    /// The data folder itself.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Held by the agent that runs here.
    pub(crate) fn lock(&self) -> PathBuf {
        self.data_dir.join("agent.lock")
    }

    /// There when everything of this node is to go: see `wipe.rs`.
    pub(crate) fn reset(&self) -> PathBuf {
        self.data_dir.join("reset")
    }

    /// The first password of a new node, until it is changed.
    pub(crate) fn first_password(&self) -> PathBuf {
        self.data_dir.join("first-password")
    }

    /// Which sources have logged in to which account.
    pub(crate) fn known_sources(&self) -> PathBuf {
        self.data_dir.join("known-sources.json")
    }

    /// PostgreSQL's own data folder.
    pub(crate) fn pg(&self) -> PathBuf {
        self.data_dir.join("pg")
    }

    /// PostgreSQL's data folder while it is being made.
    pub(crate) fn pg_new(&self) -> PathBuf {
        self.data_dir.join("pg.new")
    }

    /// The folder of PostgreSQL's Unix socket.
    pub(crate) fn run(&self) -> PathBuf {
        self.data_dir.join("pg-run")
    }

    /// The folder of PostgreSQL's log files.
    pub(crate) fn log(&self) -> PathBuf {
        self.data_dir.join("pg-log")
    }

    /// What PostgreSQL says before its log collector runs.
    pub(crate) fn startup_log(&self) -> PathBuf {
        self.log().join("startup.log")
    }

    /// The folder of what PostgreSQL and the calls to peers use for TLS.
    pub(crate) fn tls(&self) -> PathBuf {
        self.data_dir.join("tls")
    }

    /// The certificate chain of this node.
    pub(crate) fn tls_certificate(&self) -> PathBuf {
        self.tls().join("node.crt")
    }

    /// The private key of this node's certificate.
    pub(crate) fn tls_key(&self) -> PathBuf {
        self.tls().join("node.key")
    }

    /// The cluster's authority.
    pub(crate) fn tls_authority(&self) -> PathBuf {
        self.tls().join("ca.crt")
    }

    /// The revocation list; not there until one was installed.
    pub(crate) fn tls_revoked(&self) -> PathBuf {
        self.tls().join("crl.pem")
    }

    /// Where PostgreSQL listens on this machine.
    pub(crate) fn socket(&self, port: u16) -> PathBuf {
        self.run().join(format!(".s.PGSQL.{port}"))
    }

    /// Refuses a data folder whose socket would have a longer path than the system takes.
    pub(crate) fn check_socket(&self, port: u16) -> Result<()> {
        let socket = self.socket(port);
        let length = socket.as_os_str().len();
        if length <= SOCKET_PATH_LIMIT {
            return Ok(());
        }
        let text = format!(
            "the socket {} has a path of {length} bytes, and {SOCKET_PATH_LIMIT} is the most",
            socket.display()
        );
        let spare = length - SOCKET_PATH_LIMIT;
        Err(Error::invalid_param(text).with_hint(format!("choose a data_dir whose path is shorter by {spare}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_too_deep_for_a_socket_is_refused_with_the_way_out() {
        let fits = "/".to_owned() + &"d".repeat(SOCKET_PATH_LIMIT - 1 - "/pg-run/.s.PGSQL.5432".len());
        Paths::new(&fits).check_socket(5432).unwrap();
        let error = Paths::new(fits + "d").check_socket(5432).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("has a path of 108 bytes, and 107 is the most"),
            "{error}"
        );
        assert_eq!(error.hint(), Some("choose a data_dir whose path is shorter by 1"));
    }
}
