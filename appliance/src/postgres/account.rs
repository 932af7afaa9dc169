//! Which account of the machine PostgreSQL runs as, and how a program is started as that account.
//!
//! This file decides it once, at the start: the agent's own account, unless that is root. PostgreSQL never runs as
//! root.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use keystead::{Error, Kind, Result};
use nix::unistd::{Gid, Uid, User};
use tokio::process::Command;

/// The account of PostgreSQL, and that of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    name: String,
    uid: Uid,
    gid: Gid,
    agent: String,
    switched: bool,
}

impl Account {
    /// `os_user` when this process is root, else the account of this process.
    pub(crate) fn choose(os_user: &str) -> Result<Self> {
        let own = Uid::effective();
        let agent = User::from_uid(own)
            .map_err(|error| lookup_failed(own, error))?
            .ok_or_else(|| {
                Error::new(
                    Kind::NotFound,
                    format!("user id {own}, which the agent runs as, has no name"),
                )
                .with_hint("PostgreSQL knows the agent by its name: add the user id to /etc/passwd")
            })?;
        if !own.is_root() {
            return Ok(Self {
                name: agent.name.clone(),
                uid: agent.uid,
                gid: agent.gid,
                agent: agent.name,
                switched: false,
            });
        }
        let user = User::from_name(os_user)
            .map_err(|error| lookup_failed(os_user, error))?
            .ok_or_else(|| {
                Error::new(
                    Kind::NotFound,
                    format!("there is no user {os_user:?} for PostgreSQL to run as"),
                )
                .with_hint(format!(
                    "useradd --system {os_user}, or name another in postgres.os_user"
                ))
            })?;
        if user.uid.is_root() {
            return Err(
                Error::invalid_param(format!("postgres.os_user {os_user:?} is root under another name"))
                    .with_hint("PostgreSQL refuses to run as root: name an account without rights"),
            );
        }
        Ok(Self {
            name: user.name,
            uid: user.uid,
            gid: user.gid,
            agent: agent.name,
            switched: true,
        })
    }

    /// The name of the account PostgreSQL runs as.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The name of the account the agent runs as.
    pub(crate) fn agent(&self) -> &str {
        &self.agent
    }

    /// Its user id.
    pub(crate) fn uid(&self) -> Uid {
        self.uid
    }

    /// Whom files for PostgreSQL are given to; `None` when it is the agent's own account.
    pub(crate) fn owner(&self) -> Option<(Uid, Gid)> {
        self.switched.then_some((self.uid, self.gid))
    }

    /// A program that will run as this account, in `folder`, and that neither talks to the supervisor nor is led astray
    /// by variables of the agent's environment.
    pub(crate) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .stdin(std::process::Stdio::null())
            .env("LC_ALL", "C");
        for (name, _) in std::env::vars_os().filter(|(name, _)| misleads(name)) {
            command.env_remove(name);
        }
        if let Some((uid, gid)) = self.owner() {
            // Setting the user id of a root process also drops its supplementary groups.
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        command
    }

    /// Whether this account may go through a folder, by its mode.
    pub(crate) fn may_pass(&self, folder: &std::fs::Metadata) -> bool {
        let bit = match (folder.uid() == self.uid.as_raw(), folder.gid() == self.gid.as_raw()) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        folder.mode() & bit != 0
    }
}

/// `PGDATA` and its kin change what `initdb` and `pg_ctl` do; a `PostgreSQL` built for systemd would report to the
/// agent's supervisor.
fn misleads(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    [b"PG".as_slice(), b"LISTEN_", b"WATCHDOG_"]
        .iter()
        .any(|start| name.starts_with(start))
        || name == b"NOTIFY_SOCKET"
}

fn lookup_failed(who: impl std::fmt::Display, error: nix::Error) -> Error {
    Error::new(Kind::Internal, format!("cannot look up the user {who}")).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_would_lead_postgresql_astray_are_found() {
        for name in ["PGDATA", "PGPORT", "NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS"] {
            assert!(misleads(OsStr::new(name)), "{name}");
        }
        assert!(!misleads(OsStr::new("PATH")));
    }

    #[test]
    fn as_root_a_user_that_is_not_there_or_is_root_is_refused_and_otherwise_the_own_account_is_taken() {
        if Uid::effective().is_root() {
            let error = Account::choose("nobody-of-that-name").unwrap_err();
            assert!(error.to_string().contains("\"nobody-of-that-name\""), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("postgres.os_user")));
            assert!(Account::choose("root").unwrap_err().to_string().contains("is root"));
        } else {
            let account = Account::choose("nobody-of-that-name").unwrap();
            assert_eq!((account.name(), account.owner()), (account.agent(), None));
        }
    }
}
