//! Makes the folders of a node, with the owner and mode that each needs, and checks those that are there.
//!
//! This file decides who may enter what. It never changes who owns a folder that is there already, and never lets
//! anybody in who was kept out, except through the data folder itself. Next: [`super::paths`], which places they are.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use keystead::{Error, Kind, Result};
use nix::unistd::Uid;

use super::account::Account;
use super::paths::Paths;
use crate::durable;

/// The data folder, for the agent alone. `passable` lets other accounts through to what is theirs inside.
pub(crate) fn data_dir(path: &Path, passable: bool) -> Result<()> {
    let mode = if passable { 0o711 } else { 0o700 };
    if !path.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(path.parent().unwrap_or(path))
            .map_err(|error| cannot("make", path, error))?;
        return make(path, mode, None);
    }
    let found = fs::metadata(path).map_err(|error| cannot("read", path, error))?;
    if !found.is_dir() {
        return Err(Error::conflict(format!("{} is not a folder", path.display())));
    }
    check_owner(path, &found, Uid::effective())?;
    let now = found.permissions().mode() & 0o777;
    if now & 0o022 != 0 {
        return Err(Error::new(
            Kind::Forbidden,
            format!("others may write in {} (mode {now:04o})", path.display()),
        )
        .with_hint(format!("chmod {mode:o} {}", path.display())));
    }
    if passable && now & 0o011 != 0o011 {
        set_mode(path, now | 0o011)?;
    }
    Ok(())
}

/// A folder for PostgreSQL's account alone.
pub(crate) fn for_postgres(path: &Path, account: &Account) -> Result<()> {
    if !path.exists() {
        return make(path, 0o700, Some(account));
    }
    let found = fs::metadata(path).map_err(|error| cannot("read", path, error))?;
    check_owner(path, &found, account.uid())?;
    if found.permissions().mode() & 0o777 == 0o700 {
        Ok(())
    } else {
        set_mode(path, 0o700)
    }
}

/// Checks by trying that PostgreSQL's account gets as far as its own folders, and names the one that is in the way.
pub(crate) async fn check_reachable(program: &Path, paths: &Paths, account: &Account) -> Result<()> {
    let run = paths.run();
    let Err(error) = account.command(program, &run).arg("--version").output().await else {
        return Ok(());
    };
    let closed = run
        .ancestors()
        .chain(program.ancestors().skip(1))
        .find(|folder| fs::metadata(folder).is_ok_and(|found| found.is_dir() && !account.may_pass(&found)));
    let place = closed.unwrap_or(&run).display();
    let text = format!(
        "the account {:?}, which PostgreSQL runs as, cannot enter {place}",
        account.name()
    );
    Err(Error::new(Kind::Forbidden, text)
        .with_hint(format!("chmod o+x {place}, or choose another data_dir"))
        .caused_by(error))
}

fn make(path: &Path, mode: u32, owner: Option<&Account>) -> Result<()> {
    let steps = || -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)?;
        if let Some((uid, gid)) = owner.and_then(Account::owner) {
            chown(path, Some(uid.as_raw()), Some(gid.as_raw()))?;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        path.parent().map_or(Ok(()), durable::sync_folder)
    };
    steps().map_err(|error| cannot("make", path, error))
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|error| cannot("set the mode of", path, error))
}

fn check_owner(path: &Path, found: &Metadata, expected: Uid) -> Result<()> {
    if found.uid() == expected.as_raw() {
        return Ok(());
    }
    let text = format!(
        "{} belongs to user id {}, and must belong to user id {expected}",
        path.display(),
        found.uid()
    );
    Err(Error::new(Kind::Forbidden, text)
        .with_hint("start the agent with the account it had before, or give the folder and all in it to the new one"))
}

/// A fault of the disk or of rights, with the place it happened at.
pub(crate) fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
    Error::new(Kind::Internal, format!("cannot {what} {}", path.display())).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).map_or(0, |found| found.permissions().mode() & 0o777)
    }

    #[test]
    fn a_new_data_folder_lets_others_pass_and_not_look_only_when_they_must() {
        let folder = tempfile::tempdir().unwrap();
        let (passable, closed) = (folder.path().join("a/node"), folder.path().join("b"));
        data_dir(&passable, true).unwrap();
        data_dir(&closed, false).unwrap();
        assert_eq!((mode(&passable), mode(&closed)), (0o711, 0o700));
    }

    #[test]
    fn a_data_folder_that_others_may_write_in_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o777).unwrap();
        let error = data_dir(folder.path(), true).unwrap_err();
        assert!(error.to_string().contains("others may write in"), "{error}");
    }

    #[test]
    fn a_data_folder_that_was_closed_is_opened_just_enough() {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o700).unwrap();
        data_dir(folder.path(), true).unwrap();
        assert_eq!(mode(folder.path()), 0o711);
    }

    #[test]
    fn a_folder_of_another_account_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        if chown(folder.path(), Some(54321), None).is_ok() {
            let error = data_dir(folder.path(), false).unwrap_err();
            assert!(error.to_string().contains("belongs to user id 54321"), "{error}");
        }
    }
}
