//! All keys of the cluster a node holds open in memory, and the rows they are kept in.
//!
//! It decides what each stored key is called and what its wrapping is bound to. It never reads or writes a row: rows come
//! in and go out as [`ClusterKey`]. When rows change, a new keyring is opened from all of them; a keyring never changes,
//! so it can be shared and swapped.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use certs::Authority;
use keystead::{Error, Result};
use sql::cluster_key::ClusterKey;
use zeroize::Zeroizing;

use crate::vault::wrapping::WrappingKey;

const KEK_PREFIX: &str = "kek-";
const TOKEN: &str = "token";
/// The first authority of a cluster; those that follow have their generation behind it.
const AUTHORITY: &str = "ca";
/// What Prometheus shows, beside whether it is good now.
const SCRAPE: &str = "scrape";
const ON: &[u8] = b"on";
const OFF: &[u8] = b"off";
/// The epoch of a new node's first key-encryption key.
const FIRST_EPOCH: i32 = 1;
/// The generation of a cluster's first authority.
const FIRST_GENERATION: u32 = 1;

/// The key that signs tokens: ES256, the same on every member, so that a token is good on each.
pub(crate) struct TokenKey {
    /// The private half as PKCS#8 in DER.
    pub(crate) private: Zeroizing<Vec<u8>>,
    /// The public half as an uncompressed point of P-256.
    pub(crate) public: Vec<u8>,
}

/// The cluster's keys, opened.
pub(crate) struct Keyring {
    mkek: WrappingKey,
    keks: BTreeMap<i32, WrappingKey>,
    token: TokenKey,
    /// By generation: two while one is exchanged for the other.
    authorities: BTreeMap<u32, Authority>,
}

impl Keyring {
    /// New keys for a node that is alone, and the rows to keep them in.
    pub(crate) fn create() -> Result<(Self, Vec<ClusterKey>)> {
        let mkek = WrappingKey::generate()?;
        let kek = WrappingKey::generate()?;
        let token = TokenKey::generate()?;
        let stored = vec![
            store(&mkek, format!("{KEK_PREFIX}{FIRST_EPOCH}"), None, kek.expose())?,
            store(&mkek, TOKEN.to_owned(), Some(token.public), &token.private)?,
        ];
        Ok((Self::open(mkek, &stored)?, stored))
    }

    /// Opens the rows with the master key. Rows of a name that only a newer version knows are passed over.
    pub(crate) fn open(mkek: WrappingKey, stored: &[ClusterKey]) -> Result<Self> {
        let (mut keks, mut token, mut authorities) = (BTreeMap::new(), None, BTreeMap::new());
        for row in stored {
            if let Some(epoch) = epoch_of(&row.name) {
                keks.insert(epoch, WrappingKey::from_bytes(&open_row(&mkek, row)?)?);
            } else if row.name == TOKEN {
                token = Some(TokenKey::from_private(open_row(&mkek, row)?)?);
            } else if let Some(generation) = generation_of(&row.name) {
                authorities.insert(generation, open_authority(&mkek, row)?);
            }
        }
        if keks.is_empty() {
            return Err(fault(Fault::Missing("a key-encryption key")));
        }
        let token = token.ok_or_else(|| fault(Fault::Missing("the token key")))?;
        Ok(Self {
            mkek,
            keks,
            token,
            authorities,
        })
    }

    /// Wraps one version of a user's key with the newest key-encryption key; answers that key's epoch and the bytes.
    pub(crate) fn wrap_material(&self, key_id: &str, version: i32, plain: &[u8]) -> Result<(i32, Vec<u8>)> {
        let (epoch, kek) = self
            .keks
            .last_key_value()
            .ok_or_else(|| fault(Fault::Missing("a key-encryption key")))?;
        Ok((*epoch, kek.wrap(&material_context(key_id, version, *epoch), plain)?))
    }

    /// Opens what [`Self::wrap_material`] wrapped. A key-encryption key that has not arrived from its maker yet is
    /// [`keystead::Kind::Unavailable`].
    pub(crate) fn unwrap_material(
        &self,
        key_id: &str,
        version: i32,
        epoch: i32,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let kek = self.keks.get(&epoch).ok_or_else(|| {
            Error::unavailable(format!("key-encryption key {epoch} has not arrived on this node yet"))
                .with_hint("try again in a moment, or on the node that wrote the key")
        })?;
        kek.unwrap(&material_context(key_id, version, epoch), wrapped)
    }

    /// The key-encryption keys, by epoch.
    pub(crate) fn key_encryption_keys(&self) -> impl Iterator<Item = (i32, &WrappingKey)> {
        self.keks.iter().map(|(epoch, key)| (*epoch, key))
    }

    /// The row that keeps a key-encryption key which comes from elsewhere.
    pub(crate) fn wrap_key_encryption_key(&self, epoch: i32, key: &WrappingKey) -> Result<ClusterKey> {
        store(&self.mkek, format!("{KEK_PREFIX}{epoch}"), None, key.expose())
    }

    /// The row that keeps a new authority: a cluster's first, or the one that follows those there are.
    pub(crate) fn wrap_ca(&self, authority: &Authority) -> Result<ClusterKey> {
        let newest = self.authorities.keys().next_back();
        let generation = newest.map_or(FIRST_GENERATION, |newest| newest + 1);
        let public = authority.cert_pem().as_bytes().to_vec();
        let key = authority.key_pem();
        store(&self.mkek, name_of(generation), Some(public), key.as_bytes())
    }

    /// The row that keeps the token of Prometheus, and whether it is good now.
    pub(crate) fn wrap_scrape_token(&self, token: &str, is_good: bool) -> Result<ClusterKey> {
        let state = if is_good { ON } else { OFF };
        store(&self.mkek, SCRAPE.to_owned(), Some(state.to_vec()), token.as_bytes())
    }

    /// The token of Prometheus, and whether it is good now, if these rows have one.
    pub(crate) fn scrape_token(&self, stored: &[ClusterKey]) -> Result<Option<(Zeroizing<Vec<u8>>, bool)>> {
        let Some(row) = stored.iter().find(|row| row.name == SCRAPE) else {
            return Ok(None);
        };
        Ok(Some((open_row(&self.mkek, row)?, row.public.as_deref() == Some(ON))))
    }

    /// The cluster's authorities, the oldest first; a node that is alone has none.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = &Authority> {
        self.authorities.values()
    }

    /// The certificates of the authorities in PEM: whom members believe.
    pub(crate) fn chain(&self) -> String {
        self.authorities().map(Authority::cert_pem).collect()
    }

    /// The name of the row that keeps the authority with this fingerprint.
    pub(crate) fn row_of_authority(&self, fingerprint: &str) -> Option<String> {
        let mut all = self.authorities.iter();
        let found = all.find(|(_, authority)| authority.fingerprint() == fingerprint);
        found.map(|(generation, _)| name_of(*generation))
    }

    /// Are the authorities of these rows the ones that are open here?
    pub(crate) fn has_authorities_of(&self, stored: &[ClusterKey]) -> bool {
        let rows = stored
            .iter()
            .filter_map(|row| Some((generation_of(&row.name)?, row.public.as_deref()?)));
        let open = self.authorities.iter();
        let stored: BTreeMap<u32, &[u8]> = rows.collect();
        open.map(|(generation, authority)| (*generation, authority.cert_pem().as_bytes()))
            .eq(stored)
    }

    /// The master key, to be wrapped by a root of trust or sealed to a joining node.
    pub(crate) fn mkek(&self) -> &WrappingKey {
        &self.mkek
    }

    /// The key that signs tokens.
    pub(crate) fn token_key(&self) -> &TokenKey {
        &self.token
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("epochs", &self.keks.keys())
            .finish_non_exhaustive()
    }
}

impl TokenKey {
    pub(crate) fn generate() -> Result<Self> {
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|fault| Error::internal("making the token key", fault))?;
        Self::from_private(Zeroizing::new(private.as_ref().to_vec()))
    }

    /// The public half is worked out anew, because the stored one is not under the wrapping.
    fn from_private(private: Zeroizing<Vec<u8>>) -> Result<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private)
            .map_err(|fault| Error::internal("reading the token key", fault))?;
        Ok(Self {
            private,
            public: pair.public_key().as_ref().to_vec(),
        })
    }
}

fn store(mkek: &WrappingKey, name: String, public: Option<Vec<u8>>, secret: &[u8]) -> Result<ClusterKey> {
    let wrapped = mkek.wrap(&row_context(&name), secret)?;
    Ok(ClusterKey { name, public, wrapped })
}

fn open_row(mkek: &WrappingKey, row: &ClusterKey) -> Result<Zeroizing<Vec<u8>>> {
    mkek.unwrap(&row_context(&row.name), &row.wrapped)
}

/// `certs` refuses a certificate that is not of the wrapped key, so a changed certificate is noticed.
fn open_authority(mkek: &WrappingKey, row: &ClusterKey) -> Result<Authority> {
    let key = open_row(mkek, row)?;
    let key_pem = std::str::from_utf8(&key).map_err(|_| fault(Fault::Authority))?;
    let cert_pem = row
        .public
        .as_deref()
        .and_then(|public| std::str::from_utf8(public).ok());
    let cert_pem = cert_pem.ok_or_else(|| fault(Fault::Authority))?;
    Authority::from_pem(cert_pem, key_pem).map_err(|cause| Error::internal("opening the authority", cause))
}

fn epoch_of(name: &str) -> Option<i32> {
    name.strip_prefix(KEK_PREFIX)?.parse().ok()
}

fn generation_of(name: &str) -> Option<u32> {
    let generation = name.strip_prefix(AUTHORITY)?;
    if generation.is_empty() {
        return Some(FIRST_GENERATION);
    }
    let generation = generation.strip_prefix('-')?.parse().ok();
    generation.filter(|generation| *generation > FIRST_GENERATION)
}

fn name_of(generation: u32) -> String {
    if generation == FIRST_GENERATION {
        AUTHORITY.to_owned()
    } else {
        format!("{AUTHORITY}-{generation}")
    }
}

fn row_context(name: &str) -> String {
    format!("cluster_key|{name}")
}

fn material_context(key_id: &str, version: i32, epoch: i32) -> String {
    format!("key|{key_id}|{version}|{epoch}")
}

fn fault(fault: Fault) -> Error {
    Error::internal("opening the keyring", fault)
}

/// What the log is told.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the table cluster_key lacks {0}")]
    Missing(&'static str),
    #[error("the row of the authority is not a key and a certificate in PEM")]
    Authority,
}

#[cfg(test)]
mod tests;
