//! The folder of certificates that PostgreSQL and the calls to peers use: replaced as a whole, so that a key and a
//! certificate that do not belong together are never seen after a crash.
//!
//! This file decides how that is done; what is in the certificates is `certs`' and the join's matter.

use std::fs;
use std::io;

use keystead::clock::Clock as _;
use keystead::{Error, Kind, Result};

use super::account::Account;
use super::folders::{self, cannot};
use super::paths::Paths;
use crate::clock::SystemClock;
use crate::{durable, private_file};

/// How long the placeholder is good for, in seconds: nobody ever checks it, so longer than any machine lives.
const PLACEHOLDER_SECONDS: i64 = 30 * 365 * 86_400;

/// A node's certificate chain, its key, and the authorities that members are checked against; all PEM.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    /// The chain, the node's own certificate first.
    pub(crate) certificate: &'a str,
    /// The key of that certificate.
    pub(crate) key: &'a str,
    /// The cluster's authority; the old one and the new while it is exchanged.
    pub(crate) authority: &'a str,
    /// A revocation list of each authority; with `None` the list that is there stays, if it is of the same authorities.
    pub(crate) revoked: Option<&'a str>,
}

/// Finishes a replacement that a crash cut short, makes a placeholder on a new node, and refuses a key that is not
/// private.
pub(crate) fn ensure(paths: &Paths, account: &Account) -> Result<()> {
    let (tls, new) = (paths.tls(), new_folder(paths));
    // The old folder goes away only when the new one is whole.
    if !tls.exists() && new.exists() {
        durable::rename(&new, &tls).map_err(|error| cannot("rename", &new, error))?;
    }
    remove(&old_folder(paths))?;
    if !tls.exists() {
        placeholder(paths, account)?;
    }
    private_file::check(&paths.tls_key(), Some(account.uid()))
}

/// Replaces certificate, key, authority and revocation list.
pub(crate) fn replace(paths: &Paths, account: &Account, identity: Identity<'_>) -> Result<()> {
    let (tls, new, old) = (paths.tls(), new_folder(paths), old_folder(paths));
    let same_authority = fs::read(paths.tls_authority()).is_ok_and(|ours| ours == identity.authority.as_bytes());
    let revoked = match identity.revoked {
        Some(given) => Some(given.as_bytes().to_vec()),
        None if same_authority => fs::read(paths.tls_revoked()).ok(),
        None => None,
    };
    remove(&new)?;
    folders::for_postgres(&new, account)?;
    let files = [
        ("node.crt", Some(identity.certificate.as_bytes())),
        ("node.key", Some(identity.key.as_bytes())),
        ("ca.crt", Some(identity.authority.as_bytes())),
        ("crl.pem", revoked.as_deref()),
    ];
    for (name, bytes) in files.into_iter().filter_map(|(name, bytes)| Some((name, bytes?))) {
        let path = new.join(name);
        durable::write_owned(&path, bytes, 0o600, account.owner()).map_err(|error| cannot("write", &path, error))?;
    }
    if tls.exists() {
        durable::rename(&tls, &old).map_err(|error| cannot("rename", &tls, error))?;
    }
    durable::rename(&new, &tls).map_err(|error| cannot("rename", &new, error))?;
    remove(&old)
}

/// Replaces the revocation list.
pub(crate) fn replace_revoked(paths: &Paths, account: &Account, pem: &str) -> Result<()> {
    let path = paths.tls_revoked();
    durable::write_owned(&path, pem.as_bytes(), 0o600, account.owner()).map_err(|error| cannot("write", &path, error))
}

/// PostgreSQL does not start with TLS unless it has a certificate; an authority that signed nothing admits nobody.
pub(super) fn placeholder(paths: &Paths, account: &Account) -> Result<()> {
    let now = SystemClock.now().0 / 1_000_000;
    let (certificate, key) = certs::self_signed(&["localhost".to_owned()], now - 86_400, now + PLACEHOLDER_SECONDS)
        .map_err(|error| Error::new(Kind::Internal, "cannot make a placeholder certificate").caused_by(error))?;
    replace(
        paths,
        account,
        Identity {
            certificate: &certificate,
            key: &key,
            authority: &certificate,
            revoked: None,
        },
    )
}

fn new_folder(paths: &Paths) -> std::path::PathBuf {
    paths.data_dir().join("tls.new")
}

fn old_folder(paths: &Paths) -> std::path::PathBuf {
    paths.data_dir().join("tls.old")
}

fn remove(folder: &std::path::Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("remove", folder, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Identity<'_> = Identity {
        certificate: "cert 1",
        key: "key 1",
        authority: "authority 1",
        revoked: None,
    };

    fn setting() -> (tempfile::TempDir, Paths, Account) {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        (folder, paths, Account::choose("postgres").unwrap())
    }

    #[test]
    fn a_new_node_has_a_placeholder_and_keeps_it() {
        let (_folder, paths, account) = setting();
        ensure(&paths, &account).unwrap();
        let key = fs::read(paths.tls_key()).unwrap();
        ensure(&paths, &account).unwrap();
        assert_eq!(fs::read(paths.tls_key()).unwrap(), key);
        assert_eq!(
            fs::read(paths.tls_certificate()).unwrap(),
            fs::read(paths.tls_authority()).unwrap()
        );
    }

    #[test]
    fn a_revocation_list_stays_with_its_authority_and_goes_with_it() {
        let (_folder, paths, account) = setting();
        replace(&paths, &account, ONE).unwrap();
        replace_revoked(&paths, &account, "list").unwrap();
        replace(
            &paths,
            &account,
            Identity {
                certificate: "cert 2",
                ..ONE
            },
        )
        .unwrap();
        assert_eq!(fs::read(paths.tls_revoked()).unwrap(), b"list");
        replace(
            &paths,
            &account,
            Identity {
                authority: "authority 2",
                ..ONE
            },
        )
        .unwrap();
        assert!(!paths.tls_revoked().exists());
        replace(
            &paths,
            &account,
            Identity {
                revoked: Some("list of both"),
                ..ONE
            },
        )
        .unwrap();
        assert_eq!(fs::read(paths.tls_revoked()).unwrap(), b"list of both");
    }

    #[test]
    fn a_replacement_cut_short_leaves_the_old_folder_or_the_new_one_whole() {
        let (_folder, paths, account) = setting();
        replace(&paths, &account, ONE).unwrap();
        // Cut while the new folder was being written: the old one counts.
        fs::create_dir(new_folder(&paths)).unwrap();
        fs::write(new_folder(&paths).join("node.key"), "half").unwrap();
        ensure(&paths, &account).unwrap();
        assert_eq!(fs::read(paths.tls_key()).unwrap(), b"key 1");
        // Cut between the two renames: the new one counts.
        replace(&paths, &account, Identity { key: "key 2", ..ONE }).unwrap();
        fs::rename(paths.tls(), new_folder(&paths)).unwrap();
        fs::create_dir(old_folder(&paths)).unwrap();
        ensure(&paths, &account).unwrap();
        assert_eq!(fs::read(paths.tls_key()).unwrap(), b"key 2");
        assert!(!old_folder(&paths).exists());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_by_name() {
        let (_folder, paths, account) = setting();
        ensure(&paths, &account).unwrap();
        fs::set_permissions(paths.tls_key(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(
            ensure(&paths, &account)
                .unwrap_err()
                .to_string()
                .contains("tls/node.key")
        );
    }
}
