//! Which public keys are taken (P-384 alone) and how one is named (SHA-256 of its `SubjectPublicKeyInfo`).
//!
//! One curve everywhere: an Ed25519 server certificate loses PostgreSQL's channel binding, and RSA is slow on both ends.

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::PublicKeyData;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::error::{Error, Result};

/// An uncompressed point of P-384: the byte 4 and two coordinates of 48 bytes.
const POINT_LEN: usize = 97;

/// The key in `info`, written anew, so that one key has one encoding and one name.
pub(crate) fn p384(thing: &'static str, info: &SubjectPublicKeyInfo<'_>) -> Result<rcgen::SubjectPublicKeyInfo> {
    let key = rcgen::SubjectPublicKeyInfo::from_der(info.raw).map_err(|_| Error::KeyKind { thing })?;
    if *key.algorithm() == rcgen::PKCS_ECDSA_P384_SHA384 && key.der_bytes().len() == POINT_LEN {
        Ok(key)
    } else {
        Err(Error::KeyKind { thing })
    }
}

/// The name of a key: SHA-256 of its `SubjectPublicKeyInfo` in DER. Of a certificate, too: SHA-256 of its DER.
pub(crate) fn hash(info: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, info).as_ref());
    hash
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| DIGITS.get(usize::from(nibble)))
        .collect()
}

/// The bytes of hexadecimal digits in any case, or `None`.
pub fn unhex(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Option<Vec<u8>> = digits
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|nibble| u8::try_from(nibble).ok()))
        .collect();
    let nibbles = nibbles.filter(|nibbles| nibbles.len().is_multiple_of(2))?;
    let (pairs, _) = nibbles.as_chunks::<2>();
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_there_and_back() {
        assert_eq!(hex(&[0, 0x1f, 0xa0, 0xff]), "001fa0ff");
        assert_eq!(unhex("001FA0ff"), Some(vec![0, 0x1f, 0xa0, 0xff]));
        for bad in ["0", "0g", "+1", "é1"] {
            assert_eq!(unhex(bad), None, "{bad:?} was accepted");
        }
    }
}
