//! Files that commands write: there when they are whole, and their owner's alone.
//!
//! What they hold is decided by the command that writes them. Next: [`crate::input`], the files that commands read.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// A file that is being written. Dropped before it is kept, it leaves what was there before.
pub(crate) struct Output<'a> {
    path: &'a Path,
    file: NamedTempFile,
}

impl<'a> Output<'a> {
    /// Begins to write what will be at `path`.
    pub(crate) fn new(path: &'a Path) -> Result<Self, Failure> {
        let file = NamedTempFile::new_in(folder(path)).map_err(|cause| unwritten(path, &cause))?;
        Ok(Self { path, file })
    }

    /// Adds to it.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|cause| unwritten(self.path, &cause))
    }

    /// It is whole. When this returns, it survives a power cut.
    pub(crate) fn keep(self) -> Result<(), Failure> {
        let Self { path, file } = self;
        let synced = file.as_file().sync_all();
        let kept = synced.and_then(|()| file.persist(path).map(drop).map_err(|failed| failed.error));
        kept.and_then(|()| File::open(folder(path))?.sync_all())
            .map_err(|cause| unwritten(path, &cause))
    }
}

/// The folder of a file.
pub(crate) fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn unwritten(path: &Path, cause: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot write {}: {cause}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

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
    fn a_folder_that_is_not_there_is_named() {
        let refused = Output::new(Path::new("/nonexistent/key.json")).err().unwrap();
        assert!(refused.to_string().starts_with("cannot write /nonexistent/key.json: "));
    }
}
