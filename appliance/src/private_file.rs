//! Whether a file with a secret in it is as private as it must be.
//!
//! This file decides which modes and owners are good enough, and refuses the rest with a text that names the file. It
//! never mends a file: whoever could read a key has perhaps read it, so a person must decide what to do.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use keystead::{Error, Kind, Result};
use nix::unistd::Uid;

/// Where the supervisor puts secrets that it hands to the agent alone.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Refuses a secret that is a link, that anybody but its owner may touch, or whose owner is neither root, nor the
/// account of this process, nor `owner`.
pub(crate) fn check(path: &Path, owner: Option<Uid>) -> Result<()> {
    let shown = path.display();
    let found = fs::symlink_metadata(path)
        .map_err(|error| Error::new(Kind::NotFound, format!("cannot read {shown}")).caused_by(error))?;
    if !found.is_file() {
        let what = if found.is_symlink() {
            "a symbolic link"
        } else {
            "not a file"
        };
        return Err(refusal(
            format!("{shown} is {what}"),
            "put the file itself in its place",
        ));
    }
    let mode = found.permissions().mode() & 0o777;
    let credentials = std::env::var_os(CREDENTIALS).map(PathBuf::from);
    if mode & forbidden(path, credentials.as_deref()) != 0 {
        let hint = format!("if nobody else can have read it: chmod 600 {shown}; otherwise replace it");
        return Err(refusal(
            format!("{shown} holds a secret and its mode is {mode:04o}"),
            hint,
        ));
    }
    let uid = Uid::from_raw(found.uid());
    if uid.is_root() || uid == Uid::effective() || Some(uid) == owner {
        return Ok(());
    }
    let hint = format!("chown {} {shown}", Uid::effective());
    Err(refusal(
        format!("{shown} holds a secret and belongs to another account (user id {uid})"),
        hint,
    ))
}

/// What others may not have of a secret. Where systemd cannot give a file away it lets the agent's account read it by a list
/// beside the mode, which shows as a right of the group.
fn forbidden(path: &Path, credentials: Option<&Path>) -> u32 {
    match credentials {
        Some(folder) if path.starts_with(folder) => 0o037,
        _ => 0o077,
    }
}

fn refusal(message: String, hint: impl Into<String>) -> Error {
    Error::new(Kind::Forbidden, message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;
    use crate::durable;

    #[test]
    fn a_file_for_its_owner_alone_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        durable::write(&path, b"k", 0o600).unwrap();
        check(&path, None).unwrap();
    }

    #[test]
    fn a_mode_that_lets_others_in_is_refused_and_the_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for mode in [0o644, 0o640, 0o602] {
            durable::write(&path, b"k", mode).unwrap();
            let text = check(&path, None).unwrap_err().to_string();
            assert!(
                text.contains(path.to_str().unwrap()) && text.contains(&format!("{mode:04o}")),
                "{text}"
            );
        }
    }

    #[test]
    fn the_group_may_read_what_the_supervisor_hands_over_and_nothing_else() {
        let handed = Some(Path::new("/run/credentials/keysteadd.service"));
        let of = |path, mode| mode & forbidden(Path::new(path), handed);
        assert_eq!(of("/run/credentials/keysteadd.service/password", 0o440), 0);
        assert_ne!(of("/run/credentials/keysteadd.service/password", 0o444), 0);
        assert_ne!(of("/run/credentials/keysteadd.service/password", 0o460), 0);
        assert_ne!(of("/etc/keystead/password", 0o440), 0);
        assert_ne!(forbidden(Path::new("/etc/keystead/password"), None) & 0o440, 0);
    }

    #[test]
    fn a_link_is_refused_even_when_what_it_points_to_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("key"), folder.path().join("link"));
        durable::write(&path, b"k", 0o600).unwrap();
        symlink(&path, &link).unwrap();
        assert!(check(&link, None).unwrap_err().to_string().contains("symbolic link"));
    }

    #[test]
    fn a_file_of_another_account_is_refused_unless_that_account_is_expected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        durable::write(&path, b"k", 0o600).unwrap();
        let stranger = Uid::from_raw(54321);
        if chown(&path, Some(stranger.as_raw()), None).is_ok() {
            assert!(check(&path, None).unwrap_err().to_string().contains("54321"));
            check(&path, Some(stranger)).unwrap();
        }
    }
}
