//! One key that wraps secrets: AES-256-GCM, bound to the place the secret belongs to.
//!
//! Wrapped bytes are a format byte (1), a nonce of 12 random bytes, the ciphertext and its tag of 16 bytes. The *context*
//! names the place, as `key|<id>|<version>|<epoch>`; it is the associated data, so that wrapped bytes copied to another
//! row do not open there. Which contexts exist is decided by [`super::Keyring`] and whoever calls the root of trust.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use keystead::{Error, Result};
use zeroize::Zeroizing;

/// Bytes of a wrapping key.
pub(crate) const KEY_LEN: usize = 32;
/// The first byte of everything wrapped, so that another format can follow.
const FORMAT: u8 = 1;

/// A key of 32 bytes that wraps other secrets. It is wiped when dropped, and `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct WrappingKey(Zeroizing<[u8; KEY_LEN]>);

impl WrappingKey {
    /// A new random key.
    pub(crate) fn generate() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        rand::fill(bytes.as_mut_slice()).map_err(|fault| Error::internal("making a wrapping key", fault))?;
        Ok(Self(bytes))
    }

    /// A key from its bytes; there must be 32.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        if bytes.len() != KEY_LEN {
            return Err(Error::internal("reading a wrapping key", Fault::Length(bytes.len())));
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// The bytes themselves, to be wrapped by another key or sealed to another node.
    pub(crate) fn expose(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// Wraps `plain` for the place `context`.
    ///
    /// With random nonces one key may wrap 2^32 times (NIST SP 800-38D, 8.3).
    pub(crate) fn wrap(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>> {
        self.seal(context, plain)
            .map_err(|fault| Error::internal("wrapping a secret", fault))
    }

    /// Opens what [`Self::wrap`] wrapped with this key for the same `context`.
    pub(crate) fn unwrap(&self, context: &str, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.open(context, wrapped)
            .map_err(|fault| Error::internal("unwrapping a secret", fault))
    }

    fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce)?;
        // The plain text is encrypted where it lies, so no copy of it stays behind.
        let mut body = Zeroizing::new(plain.to_vec());
        let nonce_of_key = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .cipher()?
            .seal_in_place_separate_tag(nonce_of_key, Aad::from(context), &mut body)?;
        Ok([&[FORMAT], nonce.as_slice(), &body, tag.as_ref()].concat())
    }

    fn open(&self, context: &str, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let refused = || Fault::Refused(context.to_owned());
        let unknown = || Fault::Format(context.to_owned());
        let (format, rest) = wrapped.split_first().ok_or_else(unknown)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(unknown)?;
        if *format != FORMAT {
            return Err(unknown());
        }
        let mut buffer = Zeroizing::new(body.to_vec());
        let cipher = self.cipher().map_err(|_| refused())?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = cipher
            .open_in_place(nonce, Aad::from(context), &mut buffer)
            .map_err(|_| refused())?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }

    fn cipher(&self) -> Result<LessSafeKey, Unspecified> {
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, self.0.as_slice())?))
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingKey(…)")
    }
}

/// What the log is told; the texts hold contexts, which are no secrets.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("a wrapping key has {KEY_LEN} bytes, not {0}")]
    Length(usize),
    #[error("what is stored for {0:?} is not wrapped in a format this version knows")]
    Format(String),
    #[error("what is stored for {0:?} was wrapped by another key or for another place, or was changed")]
    Refused(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: &str = "key|4711|0|1";
    const SECRET: &[u8] = b"sixteen byte key";

    fn key() -> WrappingKey {
        WrappingKey::from_bytes(&[7; KEY_LEN]).expect("32 bytes")
    }

    #[test]
    fn what_was_wrapped_opens_in_its_place() {
        let wrapped = key().wrap(CONTEXT, SECRET).unwrap();
        assert_eq!(key().unwrap(CONTEXT, &wrapped).unwrap().as_slice(), SECRET);
        assert_eq!(wrapped.len(), 1 + 12 + SECRET.len() + 16);
        assert!(!wrapped.windows(SECRET.len()).any(|window| window == SECRET));
    }

    #[test]
    fn nothing_can_be_wrapped_too() {
        let wrapped = key().wrap(CONTEXT, b"").unwrap();
        assert!(key().unwrap(CONTEXT, &wrapped).unwrap().is_empty());
    }

    #[test]
    fn it_does_not_open_in_another_place() {
        let wrapped = key().wrap(CONTEXT, SECRET).unwrap();
        for other in ["key|4711|1|1", "key|4711|0|2", "key|471|10|1", ""] {
            assert!(key().unwrap(other, &wrapped).is_err(), "{other:?} opened it");
        }
    }

    #[test]
    fn it_does_not_open_with_another_key_and_the_log_says_which_place() {
        let wrapped = key().wrap(CONTEXT, SECRET).unwrap();
        let refused = WrappingKey::generate().unwrap().unwrap(CONTEXT, &wrapped).unwrap_err();
        assert_eq!(refused.to_string(), "unexpected error");
        assert!(refused.chain().contains(CONTEXT), "{}", refused.chain());
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let wrapped = key().wrap(CONTEXT, SECRET).unwrap();
        for bit in 0..wrapped.len() * 8 {
            let mut changed = wrapped.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(key().unwrap(CONTEXT, &changed).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn what_was_cut_short_does_not_open() {
        let wrapped = key().wrap(CONTEXT, SECRET).unwrap();
        for length in 0..wrapped.len() {
            assert!(key().unwrap(CONTEXT, &wrapped[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn one_secret_wrapped_twice_looks_different() {
        let (one, two) = (
            key().wrap(CONTEXT, SECRET).unwrap(),
            key().wrap(CONTEXT, SECRET).unwrap(),
        );
        assert_ne!(one[1..13], two[1..13]);
        assert_ne!(one[13..], two[13..]);
    }

    #[test]
    fn a_key_has_32_bytes_and_does_not_show_them() {
        for length in [0, 16, 31, 33] {
            assert!(WrappingKey::from_bytes(&vec![7; length]).is_err(), "{length} bytes");
        }
        assert_eq!(format!("{:?}", key()), "WrappingKey(…)");
        assert_ne!(
            WrappingKey::generate().unwrap().expose(),
            WrappingKey::generate().unwrap().expose()
        );
    }
}
