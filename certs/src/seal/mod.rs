//! A secret in an envelope: only one node's key opens it, and the cluster's authority vouches for it.
//!
//! `v1.<header>.<ephemeral public key>.<ciphertext>.<signature>`, each part base64url without padding. The header is
//! readable by anyone and protected twice: it is the associated data of the encryption, and it is under the authority's
//! signature, which covers everything before it. What the signature is over begins with `v1.`, which no certificate
//! does, so that neither can pass for the other.
//!
//! That a seal is used once is the member's to remember, by [`SealHeader::ticket`].

mod cipher;
mod header;

use aws_lc_rs::signature::{ECDSA_P384_SHA384_ASN1, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_parser::certificate::X509Certificate;
use zeroize::Zeroizing;

pub use header::SealHeader;

use crate::authority::Authority;
use crate::certificate::{self, CHAIN};
use crate::error::{Error, Result};
use crate::node_key::NodeKey;
use crate::public_key::hex;
use crate::request::CheckedRequest;
use crate::{SEAL_LIMIT, chain};

/// What users call a seal.
const THING: &str = "sealed master key";
const VERSION: &str = "v1";

/// Seals `secret` to the key of `request`. The header must name that key and the authority's cluster.
pub fn seal(authority: &Authority, request: &CheckedRequest, header: &SealHeader, secret: &[u8]) -> Result<String> {
    if header.key_hash != hex(&request.public_key_hash()) {
        return Err(Error::OtherKey { thing: THING });
    }
    if header.cluster_id != authority.cluster_id() {
        return Err(Error::OtherCluster { thing: THING });
    }
    let open = format!("{VERSION}.{}", encode(header.to_json()?));
    let sealed = cipher::encrypt(request.point(), open.as_bytes(), secret)?;
    let (ephemeral, ciphertext) = (encode(sealed.ephemeral), encode(sealed.ciphertext));
    let signed = format!("{open}.{ephemeral}.{ciphertext}");
    let signature = authority.sign(signed.as_bytes())?;
    let blob = format!("{signed}.{}", encode(signature));
    check_size(&blob)?;
    Ok(blob)
}

/// Opens a seal at `now` (unix seconds) with the key it was made for, if the authority of `chain_pem` made it.
pub fn open(blob: &str, node_key: &NodeKey, chain_pem: &str, now: i64) -> Result<(SealHeader, Zeroizing<Vec<u8>>)> {
    let parts = Parts::of(blob)?;
    let header = parts.header()?;
    let cluster_id = check_signature(&parts, chain_pem, now)?;
    if header.cluster_id != cluster_id {
        return Err(Error::OtherCluster { thing: THING });
    }
    if header.key_hash != hex(&node_key.public_key_hash()) {
        return Err(Error::OtherKey { thing: THING });
    }
    if now > header.not_after {
        return Err(Error::Expired {
            thing: THING,
            since: header.not_after,
        });
    }
    let sealed = cipher::Sealed {
        ephemeral: decode(parts.ephemeral)?,
        ciphertext: decode(parts.ciphertext)?,
    };
    let secret = sealed.decrypt(node_key, parts.open.as_bytes())?;
    Ok((header, secret))
}

/// Refuses a seal that no authority of the chain signed; else says which cluster the one that did speaks for.
fn check_signature(parts: &Parts<'_>, chain_pem: &str, now: i64) -> Result<String> {
    let chain = certificate::ders(CHAIN, chain_pem)?;
    let (signed, signature) = (parts.signed.as_bytes(), decode(parts.signature)?);
    let has_signed = |authority: &X509Certificate<'_>| {
        let key = authority.public_key().subject_public_key.data.as_ref();
        let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, key);
        key.verify(signed, &signature).is_ok()
    };
    let authority = chain::authorities(&chain)?.into_iter().find(has_signed);
    let authority = authority.ok_or(Error::Forged)?;
    chain::check_authority(&authority, now)?;
    certificate::organization(CHAIN, &authority)
}

/// A seal taken apart, nothing believed yet.
struct Parts<'a> {
    /// What the signature covers: everything before it.
    signed: &'a str,
    /// The associated data of the encryption: version and header.
    open: &'a str,
    header: &'a str,
    ephemeral: &'a str,
    ciphertext: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn of(blob: &'a str) -> Result<Self> {
        let blob = blob.trim();
        check_size(blob)?;
        let split = |text: &'a str| text.rsplit_once('.').ok_or(Error::Malformed { thing: THING });
        let (signed, signature) = split(blob)?;
        let (rest, ciphertext) = split(signed)?;
        let (open, ephemeral) = split(rest)?;
        match open.split_once('.') {
            Some((VERSION, header)) => Ok(Self {
                signed,
                open,
                header,
                ephemeral,
                ciphertext,
                signature,
            }),
            _ => Err(Error::Malformed { thing: THING }),
        }
    }

    fn header(&self) -> Result<SealHeader> {
        SealHeader::from_json(&decode(self.header)?)
    }
}

fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

fn decode(part: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Error::Malformed { thing: THING })
}

fn check_size(blob: &str) -> Result<()> {
    if blob.len() > SEAL_LIMIT {
        Err(Error::TooLarge {
            thing: THING,
            limit: SEAL_LIMIT,
        })
    } else {
        Ok(())
    }
}
