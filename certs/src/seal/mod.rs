//! A secret in an envelope: only one node's key opens it, and the cluster's authority vouches for it.
//!
//! `v2.<header>.<ephemeral public key>.<ciphertext>.<signature>`, each part base64url without padding. The header is
//! readable by anyone and protected twice: it is the associated data of the encryption, and it is under the authority's
//! signature, which covers everything before it. What the signature is over begins with `v2.`, which no certificate
//! does, so that neither can pass for the other.
//!
//! The header says with which chain the seal is given. Seals of earlier versions, `v1.`, do not: they open beside the one
//! authority that signed them. No `v2.` passes for a `v1.`, for the signature covers that too.
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
/// The version that is made.
const VERSION: &str = "v2";
/// The one before, which is opened too: its header does not name the chain.
const FORMER_VERSION: &str = "v1";

/// Seals `secret` to the key of `request`. The header must name that key, the authority's cluster, and the chain.
pub fn seal(authority: &Authority, request: &CheckedRequest, header: &SealHeader, secret: &[u8]) -> Result<String> {
    if header.key_hash != hex(&request.public_key_hash()) {
        return Err(Error::OtherKey { thing: THING });
    }
    if header.cluster_id != authority.cluster_id() {
        return Err(Error::OtherCluster { thing: THING });
    }
    if header.chain_hash.is_none() {
        return Err(Error::UnboundChain);
    }
    seal_as(VERSION, authority, request, header, secret)
}

fn seal_as(
    version: &str,
    authority: &Authority,
    request: &CheckedRequest,
    header: &SealHeader,
    secret: &[u8],
) -> Result<String> {
    let open = format!("{version}.{}", encode(header.to_json()?));
    let sealed = cipher::encrypt(request.point(), open.as_bytes(), secret)?;
    let (ephemeral, ciphertext) = (encode(sealed.ephemeral), encode(sealed.ciphertext));
    let signed = format!("{open}.{ephemeral}.{ciphertext}");
    let signature = authority.sign(signed.as_bytes())?;
    let blob = format!("{signed}.{}", encode(signature));
    check_size(&blob)?;
    Ok(blob)
}

/// Opens a seal at `now` (unix seconds) with the key it was made for, if an authority of `chain_pem` made it and the chain
/// is the one it was given with.
pub fn open(blob: &str, node_key: &NodeKey, chain_pem: &str, now: i64) -> Result<(SealHeader, Zeroizing<Vec<u8>>)> {
    let parts = Parts::of(blob)?;
    let header = parts.header()?;
    let signed_by = check_signature(&parts, chain_pem, now)?;
    header.check_chain(chain_pem, signed_by.authorities)?;
    let cluster_id = signed_by.cluster_id;
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

/// The chain that a seal was signed by an authority of.
struct SignedBy {
    cluster_id: String,
    /// How many authorities the chain has.
    authorities: usize,
}

/// Refuses a seal that no authority of the chain signed; else says which cluster the one that did speaks for.
fn check_signature(parts: &Parts<'_>, chain_pem: &str, now: i64) -> Result<SignedBy> {
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
    Ok(SignedBy {
        cluster_id: certificate::organization(CHAIN, &authority)?,
        authorities: chain.len(),
    })
}

/// A seal taken apart, nothing believed yet.
struct Parts<'a> {
    /// What the signature covers: everything before it.
    signed: &'a str,
    /// The associated data of the encryption: version and header.
    open: &'a str,
    is_former: bool,
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
        let (version, header) = open.split_once('.').ok_or(Error::Malformed { thing: THING })?;
        if !matches!(version, VERSION | FORMER_VERSION) {
            return Err(unknown(version));
        }
        Ok(Self {
            signed,
            open,
            is_former: version == FORMER_VERSION,
            header,
            ephemeral,
            ciphertext,
            signature,
        })
    }

    /// In each version as it was written there.
    fn header(&self) -> Result<SealHeader> {
        let header = SealHeader::from_json(&decode(self.header)?)?;
        if header.chain_hash.is_some() == self.is_former {
            return Err(Error::Malformed { thing: THING });
        }
        Ok(header)
    }
}

/// A version of later, or no seal at all.
fn unknown(version: &str) -> Error {
    let number = version.strip_prefix('v').unwrap_or_default();
    if !number.is_empty() && number.len() < 4 && number.bytes().all(|digit| digit.is_ascii_digit()) {
        Error::OtherVersion { thing: THING }
    } else {
        Error::Malformed { thing: THING }
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn authority() -> Authority {
        Authority::create("c", NOW - 100, NOW + 1000).unwrap()
    }

    /// A seal as the version before made it, by `authority`, and the key it is for.
    fn former(authority: &Authority, chain_hash: Option<String>) -> (String, NodeKey) {
        let key = NodeKey::generate().unwrap();
        let request = CheckedRequest::parse(&key.request("192.0.2.7").unwrap()).unwrap();
        let header = SealHeader {
            cluster_id: "c".to_owned(),
            node_id: "n".to_owned(),
            ticket: "t".to_owned(),
            key_hash: hex(&key.public_key_hash()),
            sponsor: "s".to_owned(),
            not_after: NOW + 600,
            chain_hash,
        };
        let blob = seal_as(FORMER_VERSION, authority, &request, &header, b"secret").unwrap();
        (blob, key)
    }

    #[test]
    fn a_seal_of_the_version_before_opens_beside_the_one_authority_that_signed_it_and_no_other() {
        let (authority, other) = (authority(), authority());
        let (blob, key) = former(&authority, None);
        let (_, secret) = open(&blob, &key, authority.cert_pem(), NOW).unwrap();
        assert_eq!(secret.as_slice(), b"secret");
        let both = [authority.cert_pem(), other.cert_pem()].concat();
        let refused = open(&blob, &key, &both, NOW);
        assert!(matches!(refused, Err(Error::UnboundChain)), "{refused:?}");
        let refused = open(&blob, &key, other.cert_pem(), NOW);
        assert!(matches!(refused, Err(Error::Forged)), "{refused:?}");
    }

    #[test]
    fn a_version_has_its_own_header_and_no_other_ones() {
        let authority = authority();
        let (blob, key) = former(&authority, chain::chain_hash(authority.cert_pem()).ok());
        let refused = open(&blob, &key, authority.cert_pem(), NOW);
        assert!(matches!(refused, Err(Error::Malformed { .. })), "{refused:?}");
        // Nobody makes of one version the other.
        let (blob, key) = former(&authority, None);
        let passed = open(&blob.replacen("v1.", "v2.", 1), &key, authority.cert_pem(), NOW);
        assert!(matches!(passed, Err(Error::Malformed { .. })), "{passed:?}");
    }

    #[test]
    fn a_version_of_later_is_named_as_what_it_is() {
        let (blob, key) = former(&authority(), None);
        let refused = open(&blob.replacen("v1.", "v3.", 1), &key, authority().cert_pem(), NOW);
        assert!(matches!(refused, Err(Error::OtherVersion { .. })), "{refused:?}");
    }
}
