//! Makes PostgreSQL's data folder, once, and refuses one that this PostgreSQL cannot use.
//!
//! The folder is made under another name and renamed when it is whole, so that one half made is never taken for a good
//! one. This file never touches a folder that holds data. Next: [`super::settings`], which tells it how to run.

use std::fs;
use std::io;
use std::path::Path;

use keystead::{Error, Kind, Result};

use super::account::Account;
use super::folders::{self, cannot};
use super::locate::Binaries;
use super::logs::Said;
use super::paths::Paths;
use crate::durable;

/// The role that owns everything; only reached through the socket, by the agent's and PostgreSQL's own accounts.
pub(crate) const SUPERUSER: &str = "keystead";

/// The major version that made the data folder; `None` when there is none yet.
pub(crate) fn made_by(paths: &Paths) -> Result<Option<u32>> {
    let (pg, file) = (paths.pg(), paths.pg().join("PG_VERSION"));
    match fs::read_to_string(&file) {
        Ok(text) => match text.trim().parse() {
            Ok(major) => Ok(Some(major)),
            Err(_) => Err(foreign(&pg, &format!("its PG_VERSION is {:?}", text.trim()))),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match fs::read_dir(&pg).map(|mut all| all.next().is_some()) {
                Ok(true) => Err(foreign(&pg, "it has no PG_VERSION")),
                _ => Ok(None),
            }
        }
        Err(error) => Err(cannot("read", &file, error)),
    }
}

/// Makes the data folder unless it is there; refuses one of another major version.
pub(crate) async fn ensure(paths: &Paths, binaries: &Binaries, account: &Account) -> Result<()> {
    match made_by(paths)? {
        Some(major) if major == binaries.major() => Ok(()),
        Some(major) => Err(other_version(paths, major, binaries)),
        None => make(paths, binaries, account).await,
    }
}

async fn make(paths: &Paths, binaries: &Binaries, account: &Account) -> Result<()> {
    let (new, done) = (paths.pg_new(), paths.pg());
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot("remove", &new, error)),
        _ => {}
    }
    folders::for_postgres(&new, account)?;
    tracing::info!(folder = %done.display(), major = binaries.major(), "making the data folder of PostgreSQL");
    let mut initdb = account.command(&binaries.program("initdb"), &paths.run());
    initdb
        .arg("--pgdata")
        .arg(&new)
        .args(["--username", SUPERUSER, "--encoding", "UTF8", "--locale", "C"]);
    // Until our own hba file is in place, before the first start, nobody gets in but by the socket.
    initdb.args([
        "--data-checksums",
        "--auth-local",
        "peer",
        "--auth-host",
        "reject",
        "--no-instructions",
    ]);
    let output = initdb
        .output()
        .await
        .map_err(|error| cannot("run", &binaries.program("initdb"), error))?;
    if !output.status.success() {
        let text = format!("initdb could not make {}", done.display());
        return Err(Error::new(Kind::Internal, text).caused_by(Said::from(output)));
    }
    durable::rename(&new, &done).map_err(|error| cannot("rename", &new, error))
}

fn other_version(paths: &Paths, major: u32, binaries: &Binaries) -> Error {
    let (pg, found, dir) = (paths.pg(), binaries.major(), binaries.dir());
    let text = format!(
        "{} was made by PostgreSQL {major}, and {} is PostgreSQL {found}",
        pg.display(),
        dir.display()
    );
    Error::conflict(text).with_hint(format!(
        "install PostgreSQL {major} (Debian: `apt install postgresql-{major}`) or name its folder in postgres.bin_dir; \
         to go to {found}, run pg_upgrade"
    ))
}

fn foreign(pg: &Path, why: &str) -> Error {
    Error::conflict(format!("{} is not a data folder of PostgreSQL: {why}", pg.display()))
        .with_hint("choose another data_dir, or move what is in the way")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_holds_something_else_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        assert_eq!(made_by(&paths).unwrap(), None);
        fs::create_dir(paths.pg()).unwrap();
        assert_eq!(made_by(&paths).unwrap(), None);
        fs::write(paths.pg().join("photo.jpg"), b"").unwrap();
        assert!(
            made_by(&paths)
                .unwrap_err()
                .to_string()
                .contains("it has no PG_VERSION")
        );
        fs::write(paths.pg().join("PG_VERSION"), b"9.6\n").unwrap();
        assert!(
            made_by(&paths)
                .unwrap_err()
                .to_string()
                .contains("its PG_VERSION is \"9.6\"")
        );
        fs::write(paths.pg().join("PG_VERSION"), b"15\n").unwrap();
        assert_eq!(made_by(&paths).unwrap(), Some(15));
        assert!(paths.pg().join("photo.jpg").exists());
    }
}
