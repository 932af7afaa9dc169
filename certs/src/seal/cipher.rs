//! The encryption of a seal: ephemeral ECDH on P-384, HKDF-SHA384, AES-256-GCM.
//!
//! Who vouches for it is decided one file up.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P384, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::hkdf::{HKDF_SHA384, Salt};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::node_key::NodeKey;

/// Keeps the keys derived here apart from keys derived by anyone else from the same agreement.
const LABEL: &[u8] = b"keystead seal v1";

/// What travels: the public half of a key used once, and the ciphertext with its tag.
pub(super) struct Sealed {
    pub(super) ephemeral: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
}

/// Encrypts to `recipient`, an uncompressed point.
pub(super) fn encrypt(recipient: &[u8], associated: &[u8], secret: &[u8]) -> Result<Sealed> {
    let failed = |_| Error::Crypto { doing: "sealing" };
    let mine = PrivateKey::generate(&ECDH_P384).map_err(failed)?;
    let ephemeral = mine.compute_public_key().map_err(failed)?.as_ref().to_vec();
    let key =
        content_key(&mine, recipient, &[LABEL, &ephemeral, recipient]).ok_or(Error::Crypto { doing: "sealing" })?;
    // Sized now: growing would move it and leave a copy of the secret behind.
    let mut ciphertext = Vec::with_capacity(secret.len() + AES_256_GCM.tag_len());
    ciphertext.extend_from_slice(secret);
    key.seal_in_place_append_tag(only_nonce(), Aad::from(associated), &mut ciphertext)
        .map_err(failed)?;
    Ok(Sealed { ephemeral, ciphertext })
}

impl Sealed {
    /// Decrypts with the key it was made for; any other key, and any change, is [`Error::Forged`].
    pub(super) fn decrypt(self, node_key: &NodeKey, associated: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let mine = node_key.agreement()?;
        let info = [LABEL, &self.ephemeral, node_key.point()];
        let key = content_key(&mine, &self.ephemeral, &info).ok_or(Error::Forged)?;
        let mut buffer = Zeroizing::new(self.ciphertext);
        let opened = key
            .open_in_place(only_nonce(), Aad::from(associated), &mut buffer)
            .map_err(|_| Error::Forged)?;
        let length = opened.len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

/// The key both ends derive. `info` binds it to this exchange; `None` when `theirs` is no point of P-384.
fn content_key(mine: &PrivateKey, theirs: &[u8], info: &[&[u8]; 3]) -> Option<LessSafeKey> {
    agreement::agree(mine, UnparsedPublicKey::new(&ECDH_P384, theirs), (), |shared| {
        let derived = Salt::new(HKDF_SHA384, &[]).extract(shared);
        let key = derived.expand(info, &AES_256_GCM).map_err(|_| ())?;
        Ok(LessSafeKey::new(UnboundKey::from(key)))
    })
    .ok()
}

/// The nonce is constant because the key is new each time and encrypts once.
fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_with_its_own_key_beside_its_own_header_alone() {
        let (owner, thief) = (NodeKey::generate().unwrap(), NodeKey::generate().unwrap());
        let sealed = || encrypt(owner.point(), b"header", b"secret").unwrap();
        assert_eq!(sealed().decrypt(&owner, b"header").unwrap().as_slice(), b"secret");
        assert!(matches!(sealed().decrypt(&owner, b"Header"), Err(Error::Forged)));
        assert!(matches!(sealed().decrypt(&thief, b"header"), Err(Error::Forged)));
    }

    #[test]
    fn a_key_that_is_no_point_of_the_curve_is_refused_on_both_ends() {
        let owner = NodeKey::generate().unwrap();
        let no_point = [4; 97];
        assert!(encrypt(&no_point, b"header", b"secret").is_err());
        let sealed = Sealed {
            ephemeral: no_point.to_vec(),
            ..encrypt(owner.point(), b"header", b"secret").unwrap()
        };
        assert!(matches!(sealed.decrypt(&owner, b"header"), Err(Error::Forged)));
    }
}
