//! Arguments that are files: `--csrfile F` and its kin, where `-` is standard input.
//!
//! This file reads whole texts, and opens what is too large for that; what they must look like is decided by the command
//! that takes them.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd as _;
use std::path::Path;

use crate::failure::Failure;

/// Nothing that these commands take is larger; it also keeps a wrong file from filling the memory.
const LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// The text of a file, or of standard input when the path is `-`.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    read_from(open(path)?).map_err(|cause| unread(path, &cause))
}

/// A file, or standard input when the path is `-`, to be read once from its start to its end: it may be a pipe.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    let opened = if path == Path::new("-") {
        io::stdin().as_fd().try_clone_to_owned().map(File::from)
    } else {
        File::open(path)
    };
    opened.map_err(|cause| unread(path, &cause))
}

/// The end of a command that cannot read, whatever the reason.
pub(crate) fn unread(path: &Path, cause: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {cause}", name(path)))
}

/// What to call the place in an error.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// A whole text, which ends somewhere.
pub(crate) fn read_from(source: impl Read) -> io::Result<String> {
    let mut text = String::new();
    source.take(LIMIT_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT_BYTES {
        return Err(io::Error::other("it is larger than 4 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_file_is_refused() {
        let failure = read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(failure.to_string(), "cannot read /dev/zero: it is larger than 4 MiB");
    }

    #[test]
    fn a_missing_file_is_named() {
        let failure = read(Path::new("/nonexistent/cert.pem")).unwrap_err();
        assert!(
            failure.to_string().starts_with("cannot read /nonexistent/cert.pem: "),
            "{failure}"
        );
    }
}
