//! Files that commands write: there when they are whole, and their owner's alone.
//!
//! This file decides what is written how. Where a regular file stands, or nothing, a new file takes the place in one step;
//! at the end of a symbolic link that is the place the link leads to. Everything else (a device, a FIFO, an open
//! descriptor such as `/dev/stdout`) is written through, as replacing it would take it away from everybody who uses it.
//! `-` is standard output. What a file holds is decided by the command that writes it. Next: [`crate::input`].

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// More links than that in a row lead nowhere.
const MOST_LINKS: usize = 40;

/// Who may read a file that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Its owner alone.
    Owner,
    /// Whom the user lets read new files.
    Everybody,
}

/// A file that is being written. Dropped before it is kept, it leaves a file that was there before as it was.
pub(crate) struct Output<'a> {
    path: &'a Path,
    way: Way,
}

enum Way {
    Replace { file: NamedTempFile, target: PathBuf },
    Through(File),
}

impl<'a> Output<'a> {
    /// Begins to write what will be at `path`, for its owner alone.
    pub(crate) fn new(path: &'a Path) -> Result<Self, Failure> {
        Self::of(path, Reader::Owner)
    }

    /// Begins to write what will be at `path`, for `reader`.
    pub(crate) fn of(path: &'a Path, reader: Reader) -> Result<Self, Failure> {
        let way = open(path, reader).map_err(|cause| unwritten(path, &cause))?;
        Ok(Self { path, way })
    }

    /// Adds to it.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match &mut self.way {
            Way::Replace { file, .. } => file.write_all(bytes),
            Way::Through(file) => file.write_all(bytes),
        };
        written.map_err(|cause| unwritten(self.path, &cause))
    }

    /// It is whole. When this returns, a regular file survives a power cut.
    pub(crate) fn keep(self) -> Result<(), Failure> {
        let kept = match self.way {
            Way::Replace { file, target } => replace(file, &target),
            Way::Through(mut file) => file.flush(),
        };
        kept.map_err(|cause| unwritten(self.path, &cause))
    }
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, bytes: &[u8], reader: Reader) -> Result<(), Failure> {
    let mut output = Output::of(path, reader)?;
    output.add(bytes)?;
    output.keep()
}

/// What to call the place in a note.
pub(crate) fn name(path: &Path) -> String {
    if is_stdout(path) {
        "standard output".to_owned()
    } else {
        path.display().to_string()
    }
}

/// The file that a path leads to: links are followed, also one that leads to a file that is not there yet.
pub(crate) fn target(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        if !target.is_symlink() {
            return Ok(target);
        }
        target = folder(&target).join(std::fs::read_link(&target)?);
    }
    Err(io::Error::other("too many symbolic links"))
}

/// The folder of a file.
pub(crate) fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// The end of a command that cannot write: whatever the reason, the user has to give another place, or room in it.
pub(crate) fn unwritten(path: &Path, cause: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("cannot write {}: {cause}", name(path)))
}

fn open(path: &Path, reader: Reader) -> io::Result<Way> {
    if is_stdout(path) {
        return Ok(Way::Through(io::stdout().as_fd().try_clone_to_owned()?.into()));
    }
    if is_descriptor(path) || std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return OpenOptions::new().append(true).open(path).map(Way::Through);
    }
    let target = target(path)?;
    let mode = match reader {
        Reader::Owner => 0o600,
        Reader::Everybody => 0o666,
    };
    let mut builder = tempfile::Builder::new();
    builder.permissions(Permissions::from_mode(mode));
    let file = builder.tempfile_in(folder(&target))?;
    Ok(Way::Replace { file, target })
}

fn replace(file: NamedTempFile, target: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(target).map_err(|failed| failed.error)?;
    File::open(folder(target))?.sync_all()
}

fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout"].iter().any(|name| path == Path::new(name))
}

/// A name for what this process has open: what is behind it may be a file that others write too.
fn is_descriptor(path: &Path) -> bool {
    path == Path::new("/dev/stderr")
        || ["/dev/fd", "/proc/self/fd"]
            .iter()
            .any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt as _;

    use super::*;
    use crate::failure::Kind;

    #[test]
    fn a_file_is_there_when_it_is_whole_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        std::fs::write(&path, "before").unwrap();
        let mut dropped = Output::new(&path).unwrap();
        dropped.add(b"ha").unwrap();
        drop(dropped);
        assert_eq!(std::fs::read(&path).unwrap(), b"before");

        let mut output = Output::new(&path).unwrap();
        output.add(b"af").unwrap();
        output.add(b"ter").unwrap();
        output.keep().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"after");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_followed_also_to_where_nothing_is_yet() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::os::unix::fs::symlink("real", &link).unwrap();
        for text in ["first", "second"] {
            write(&link, text.as_bytes(), Reader::Owner).unwrap();
            assert_eq!(std::fs::read_to_string(&real).unwrap(), text);
            assert!(link.is_symlink());
        }
        let ring = folder.path().join("ring");
        std::os::unix::fs::symlink("ring", &ring).unwrap();
        assert!(write(&ring, b"x", Reader::Owner).is_err());
    }

    #[test]
    fn a_fifo_is_written_through_and_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let reader = std::thread::spawn({
            let path = path.clone();
            move || std::fs::read_to_string(path).unwrap()
        });
        write(&path, b"through", Reader::Owner).unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(std::fs::symlink_metadata(&path).unwrap().file_type().is_fifo());
    }

    #[test]
    fn a_device_is_written_through_and_a_full_one_is_told_as_any_other_place() {
        write(Path::new("/dev/null"), b"x", Reader::Owner).unwrap();
        let full = write(Path::new("/dev/full"), b"x", Reader::Owner).unwrap_err();
        let nowhere = write(Path::new("/nonexistent/key.json"), b"x", Reader::Owner).unwrap_err();
        assert!(
            full.to_string().starts_with("cannot write /dev/full: No space left"),
            "{full}"
        );
        assert!(
            nowhere.to_string().starts_with("cannot write /nonexistent/key.json: "),
            "{nowhere}"
        );
        assert_eq!([full.kind(), nowhere.kind()], [Kind::Usage; 2]);
        for device in ["/dev/null", "/dev/full"] {
            let kind = std::fs::symlink_metadata(device).unwrap().file_type();
            assert!(kind.is_char_device(), "{device} was replaced");
        }
    }
}
