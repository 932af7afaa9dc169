//! Arguments that are files: `--csrfile F` and its kin, where `-` is standard input.
//!
//! This file only reads whole texts; what they must look like is decided by the command that takes them.

use std::io::Read;
use std::path::Path;

use crate::failure::Failure;

/// Nothing that these commands take is larger; it also keeps a wrong file from filling the memory.
const LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// The text of a file, or of standard input when the path is `-`.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let read = if path == Path::new("-") {
        read_from(std::io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(read_from)
    };
    read.map_err(|cause| Failure::usage(format!("cannot read {}: {cause}", name(path))))
}

/// What to call the place in an error.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

fn read_from(source: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    source.take(LIMIT_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT_BYTES {
        return Err(std::io::Error::other("it is larger than 4 MiB"));
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
