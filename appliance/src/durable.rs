//! Writes files so that a power cut leaves the old content or the new, never nothing and never a mixture.
//!
//! Write to a temporary file in the same folder, fsync it, rename it over the old one, fsync the folder. Everything the
//! agent keeps on disk outside PostgreSQL goes through here. These calls take as long as the disk does, and hold up nobody
//! else: see `blocking`.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use nix::unistd::{Gid, Uid};

use crate::blocking::in_place;

/// The files that are being written: two writers of one path would share its temporary file.
static WRITING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A file is being written no longer.
static WRITTEN: Condvar = Condvar::new();

/// The turn of the one writer of a path.
struct Turn<'a>(&'a Path);

impl<'a> Turn<'a> {
    fn at(path: &'a Path) -> Self {
        let writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writing = WRITTEN
            .wait_while(writing, |writing| writing.contains(path))
            .unwrap_or_else(PoisonError::into_inner);
        writing.insert(path.to_owned());
        Self(path)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        WRITING.lock().unwrap_or_else(PoisonError::into_inner).remove(self.0);
        WRITTEN.notify_all();
    }
}

/// Replaces the content of `path`; the file belongs to this process and has exactly `mode`.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    write_owned(path, bytes, mode, None)
}

/// Replaces the content of `path` and gives the file away: to the PostgreSQL account, when there is one.
pub(crate) fn write_owned(path: &Path, bytes: &[u8], mode: u32, owner: Option<(Uid, Gid)>) -> io::Result<()> {
    in_place(|| {
        let _turn = Turn::at(path);
        replace(path, bytes, mode, owner)
    })
}

fn replace(path: &Path, bytes: &[u8], mode: u32, owner: Option<(Uid, Gid)>) -> io::Result<()> {
    let (folder, temporary) = places(path)?;
    // What a crash left behind; a name of its own each time would pile up, with secrets in it.
    remove_if_there(&temporary)?;
    // `create_new` does not follow a link that somebody put there.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| {
            owner.map_or(Ok(()), |(uid, gid)| {
                fchown(&file, Some(uid.as_raw()), Some(gid.as_raw()))
            })
        })
        .and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        remove_if_there(&temporary)?;
        return Err(error);
    }
    sync_folder(&folder)
}

/// Replaces the content of `path` when it is another one, and tells whether it was.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8], mode: u32, owner: Option<(Uid, Gid)>) -> io::Result<bool> {
    match fs::read(path) {
        Ok(old) if old == bytes => Ok(false),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => write_owned(path, bytes, mode, owner).map(|()| true),
    }
}

/// Removes a file for good; one that is not there is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let (folder, _) = places(path)?;
    in_place(|| {
        remove_if_there(path)?;
        sync_folder(&folder)
    })
}

/// Renames within one folder, or between two folders of one disk, for good.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    in_place(|| {
        fs::rename(from, to)?;
        sync_folder(&places(from)?.0)?;
        sync_folder(&places(to)?.0)
    })
}

/// As [`rename`], within one disk, to a name that nothing has: of two at once one is refused, and nothing is replaced.
pub(crate) fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    in_place(|| {
        fs::hard_link(from, to)?;
        fs::remove_file(from)?;
        sync_folder(&places(from)?.0)?;
        sync_folder(&places(to)?.0)
    })
}

/// Makes the names in a folder survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    in_place(|| File::open(folder)?.sync_all())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The folder of a file, and the name its new content has until it is whole.
fn places(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let wrong = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} is not the path of a file", path.display()),
        )
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .ok_or_else(wrong)?;
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(wrong)?;
    Ok((folder.to_owned(), folder.join(format!(".{name}.new"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_content_and_the_mode_it_was_given_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        write(&path, b"one", 0o644).unwrap();
        write(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_crash_left_half_written_is_replaced_and_never_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("key"), folder.path().join("elsewhere"));
        fs::write(&elsewhere, b"untouched").unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.path().join(".key.new")).unwrap();
        write(&path, b"secret", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"secret");
        assert_eq!(fs::read(&elsewhere).unwrap(), b"untouched");
    }

    #[test]
    fn a_write_that_fails_keeps_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"old").unwrap();
        assert!(write(&path, b"new", 0o600).is_err());
        assert_eq!(fs::read(path.join("inside")).unwrap(), b"old");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "the temporary file stayed"
        );
    }

    #[test]
    fn a_file_that_is_there_is_not_replaced_by_one_that_is_to_be_new() {
        let folder = tempfile::tempdir().unwrap();
        let (path, first, second) = (
            folder.path().join("a.backup"),
            folder.path().join("1"),
            folder.path().join("2"),
        );
        fs::write(&first, b"first").unwrap();
        fs::write(&second, b"second").unwrap();
        rename_to_new(&first, &path).unwrap();
        let refused = rename_to_new(&second, &path).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert!(!first.exists() && second.exists());
    }

    #[test]
    fn the_same_content_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings");
        assert!(write_if_changed(&path, b"a", 0o600, None).unwrap());
        assert!(!write_if_changed(&path, b"a", 0o600, None).unwrap());
        assert!(write_if_changed(&path, b"b", 0o600, None).unwrap());
    }

    #[test]
    fn a_file_whose_disk_stands_still_holds_up_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (slow, other) = (folder.path().join("slow"), folder.path().join("other"));
        let _at_work = Turn::at(&slow);
        write(&other, b"a", 0o600).unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"a");
    }

    #[test]
    fn writers_of_one_file_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        std::thread::scope(|scope| {
            for writer in 0..8_u8 {
                let path = &path;
                scope.spawn(move || write(path, &[writer; 4096], 0o600).unwrap());
            }
        });
        let content = fs::read(&path).unwrap();
        assert!(content.len() == 4096 && content.iter().all(|byte| *byte == content[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn removing_what_is_not_there_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone");
        write(&path, b"", 0o600).unwrap();
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }
}
