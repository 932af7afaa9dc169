//! What this node alone trusts: a key file that wraps the cluster's master key on this node's disk.
//!
//! Made on the first start and never replaced: whoever loses it needs the node to join again. It decides when the file
//! is made and that it is whole; what is wrapped with it is decided by the caller.

use std::io::ErrorKind;
use std::path::Path;

use keystead::{Error, Kind, Result};
use zeroize::Zeroizing;

use super::wrapping::{KEY_LEN, WrappingKey};
use crate::{durable, private_file};

/// Read and write for the owner, nothing for anyone else.
const MODE: u32 = 0o600;

/// The software root of trust: 32 random bytes in a file.
#[derive(Debug)]
pub(crate) struct RootOfTrust {
    key: WrappingKey,
}

impl RootOfTrust {
    /// Reads the key file at `path`, or makes it when there is none.
    ///
    /// Refuses a file of another size than 32 bytes, and one that is not private (`private_file.rs` says when).
    pub(crate) fn open_or_create(path: &Path) -> Result<Self> {
        match path.symlink_metadata() {
            Ok(_) => read(path),
            Err(fault) if fault.kind() == ErrorKind::NotFound => create(path),
            Err(fault) => Err(unreadable(path).caused_by(fault)),
        }
    }

    /// Wraps a secret of this node for the place `context`.
    pub(crate) fn wrap(&self, context: &str, secret: &[u8]) -> Result<Vec<u8>> {
        self.key.wrap(context, secret)
    }

    /// Opens what [`Self::wrap`] wrapped for the same `context`.
    pub(crate) fn unwrap(&self, context: &str, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.key.unwrap(context, wrapped).map_err(|fault| {
            Error::new(
                Kind::Internal,
                "this node's root of trust does not open what it should have wrapped",
            )
            .with_hint("restore the root-of-trust.key this node was set up with, or let the node join again")
            .caused_by(fault)
        })
    }
}

fn create(path: &Path) -> Result<RootOfTrust> {
    let key = WrappingKey::generate()?;
    durable::write(path, key.expose(), MODE).map_err(|fault| {
        Error::new(
            Kind::Internal,
            format!("cannot write the root of trust {}", path.display()),
        )
        .caused_by(fault)
    })?;
    Ok(RootOfTrust { key })
}

fn read(path: &Path) -> Result<RootOfTrust> {
    private_file::check(path, None)?;
    let bytes = Zeroizing::new(std::fs::read(path).map_err(|fault| unreadable(path).caused_by(fault))?);
    if bytes.len() != KEY_LEN {
        let what = format!(
            "the root of trust {} has {} bytes, not {KEY_LEN}",
            path.display(),
            bytes.len()
        );
        return Err(Error::new(Kind::Internal, what).with_hint("restore the file; it cannot be made again"));
    }
    Ok(RootOfTrust {
        key: WrappingKey::from_bytes(&bytes)?,
    })
}

fn unreadable(path: &Path) -> Error {
    Error::new(
        Kind::Internal,
        format!("cannot read the root of trust {}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    fn place() -> (TempDir, PathBuf) {
        let dir = TempDir::new().expect("a folder");
        let path = dir.path().join("root-of-trust.key");
        (dir, path)
    }

    fn written(path: &Path, bytes: &[u8], mode: u32) {
        fs::write(path, bytes).expect("a file");
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    }

    #[test]
    fn it_is_made_once_and_opens_what_it_wrapped_before() {
        let (_dir, path) = place();
        let wrapped = RootOfTrust::open_or_create(&path)
            .unwrap()
            .wrap("mkek", b"secret")
            .unwrap();
        let again = RootOfTrust::open_or_create(&path).unwrap();
        assert_eq!(again.unwrap("mkek", &wrapped).unwrap().as_slice(), b"secret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read(&path).unwrap().len(), 32);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_way_out() {
        for mode in [0o604, 0o640, 0o644] {
            let (_dir, path) = place();
            written(&path, &[7; 32], mode);
            let refused = RootOfTrust::open_or_create(&path).unwrap_err();
            assert!(refused.to_string().contains(&format!("{mode:04o}")), "{refused}");
            assert!(refused.hint().unwrap().contains("chmod 600 "));
        }
    }

    #[test]
    fn a_file_that_only_its_owner_reads_is_taken() {
        let (_dir, path) = place();
        written(&path, &[7; 32], 0o400);
        assert!(RootOfTrust::open_or_create(&path).is_ok());
    }

    #[test]
    fn a_file_of_another_size_is_refused_and_left_alone() {
        for length in [0, 31, 33] {
            let (_dir, path) = place();
            written(&path, &vec![7; length], 0o600);
            let refused = RootOfTrust::open_or_create(&path).unwrap_err();
            assert!(refused.to_string().contains(&format!("{length} bytes")), "{refused}");
            assert_eq!(fs::read(&path).unwrap().len(), length);
        }
    }

    #[test]
    fn a_link_is_refused_even_to_a_good_file_and_even_to_nowhere() {
        let (dir, path) = place();
        let target = dir.path().join("elsewhere");
        std::os::unix::fs::symlink(&target, &path).unwrap();
        for exists in [false, true] {
            if exists {
                written(&target, &[7; 32], 0o600);
            }
            let refused = RootOfTrust::open_or_create(&path).unwrap_err();
            assert!(refused.to_string().contains("symbolic link"), "{refused}");
        }
    }

    #[test]
    fn a_folder_in_its_place_is_refused() {
        let (_dir, path) = place();
        fs::create_dir(&path).unwrap();
        let refused = RootOfTrust::open_or_create(&path).unwrap_err();
        assert!(refused.to_string().contains("not a file"), "{refused}");
    }

    #[test]
    fn another_root_of_trust_says_what_to_restore() {
        let ((_one, first), (_two, second)) = (place(), place());
        let wrapped = RootOfTrust::open_or_create(&first)
            .unwrap()
            .wrap("mkek", b"secret")
            .unwrap();
        let refused = RootOfTrust::open_or_create(&second)
            .unwrap()
            .unwrap("mkek", &wrapped)
            .unwrap_err();
        assert!(refused.hint().unwrap().contains("root-of-trust.key"));
    }
}
