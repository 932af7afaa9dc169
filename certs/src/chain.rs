//! Decides whether a certificate is to be believed: issued by an authority of the chain, for this key, for now.
//!
//! A chain is the certificate of the cluster's authority; of both, the old one and the new, while it is exchanged.
//! Nothing is asked of the network; revocation lists are for those who connect to check.

use x509_parser::certificate::X509Certificate;

use crate::certificate::{self, CERTIFICATE, CHAIN};
use crate::error::{Error, Result};
use crate::identity::Identity;
use crate::{public_key, validity};

/// Checks that an authority in `chain_pem` issued `cert_pem` to the key named `public_key_hash`, that both are good at
/// `now` (unix seconds), speak of one cluster, and that the certificate is one for a node and nothing more.
pub fn check_issued(cert_pem: &str, chain_pem: &str, public_key_hash: &[u8; 32], now: i64) -> Result<Identity> {
    let chain = certificate::ders(CHAIN, chain_pem)?;
    let authorities = authorities(&chain)?;
    let der = certificate::der(CERTIFICATE, cert_pem)?;
    let issued = certificate::parse(CERTIFICATE, &der)?;
    let signer = authorities.iter().find(|one| check_issuer(&issued, one).is_ok());
    let signer = signer.ok_or(Error::OtherAuthority)?;
    check_authority(signer, now)?;

    let identity = Identity::of(&issued)?;
    if identity.cluster_id != certificate::organization(CHAIN, signer)? {
        return Err(Error::OtherCluster { thing: CERTIFICATE });
    }
    if identity.public_key_hash != *public_key_hash {
        return Err(Error::OtherKey { thing: CERTIFICATE });
    }
    validity::check(CERTIFICATE, identity.not_before, identity.not_after, now)?;
    check_purpose(&issued)?;
    Ok(identity)
}

/// The fingerprints of a chain's authorities, as [`crate::Authority::fingerprint`] has them.
pub fn fingerprints(chain_pem: &str) -> Result<Vec<String>> {
    let chain = certificate::ders(CHAIN, chain_pem)?;
    Ok(chain
        .iter()
        .map(|der| public_key::hex(&public_key::hash(der)))
        .collect())
}

/// What a chain is, in hexadecimal: SHA-256 of the fingerprints of its authorities, in their order. Text around the
/// certificates does not count.
///
/// # Errors
/// When it is not PEM of certificates.
pub fn chain_hash(chain_pem: &str) -> Result<String> {
    let chain = certificate::ders(CHAIN, chain_pem)?;
    let prints: Vec<[u8; 32]> = chain.iter().map(|der| public_key::hash(der)).collect();
    Ok(public_key::hex(&public_key::hash(&prints.concat())))
}

/// A chain with nothing in it but its authorities, as it is installed: what another program would read in the text around
/// them is gone.
///
/// # Errors
/// When anything in it is no authority, or of another cluster, or there twice.
pub fn plain_chain(chain_pem: &str) -> Result<String> {
    let chain = certificate::ders(CHAIN, chain_pem)?;
    authorities(&chain)?;
    Ok(chain.iter().map(|der| certificate::pem(der)).collect())
}

/// The authorities of a chain in DER: all of one cluster, none twice. Whether they are good now is asked of the one that counts.
pub(crate) fn authorities(chain: &[Vec<u8>]) -> Result<Vec<X509Certificate<'_>>> {
    let mut cluster_id = None;
    let mut list = Vec::new();
    for (at, der) in chain.iter().enumerate() {
        if chain.iter().take(at).any(|before| before == der) {
            return Err(Error::Repeated);
        }
        let authority = certificate::parse(CHAIN, der)?;
        check_is_authority(&authority)?;
        let of = certificate::organization(CHAIN, &authority)?;
        if *cluster_id.get_or_insert_with(|| of.clone()) != of {
            return Err(Error::OtherCluster { thing: CHAIN });
        }
        list.push(authority);
    }
    Ok(list)
}

/// Refuses an authority that is not good at `now`.
pub(crate) fn check_authority(authority: &X509Certificate<'_>, now: i64) -> Result<()> {
    let span = authority.validity();
    validity::check(CHAIN, span.not_before.timestamp(), span.not_after.timestamp(), now)
}

/// Refuses what is not an authority of ours: P-384, signed by itself, allowed to sign certificates.
fn check_is_authority(authority: &X509Certificate<'_>) -> Result<()> {
    public_key::p384(CHAIN, authority.public_key())?;
    let may_sign = matches!(authority.key_usage(), Ok(Some(usage)) if usage.value.key_cert_sign());
    if !authority.is_ca() || !may_sign || check_issuer(authority, authority).is_err() {
        return Err(Error::NotAnAuthority);
    }
    Ok(())
}

/// Refuses a certificate that `authority` did not sign.
pub(crate) fn check_issuer(issued: &X509Certificate<'_>, authority: &X509Certificate<'_>) -> Result<()> {
    let named = issued.issuer().as_raw() == authority.subject().as_raw();
    if named && issued.verify_signature(Some(authority.public_key())).is_ok() {
        Ok(())
    } else {
        Err(Error::OtherAuthority)
    }
}

fn check_purpose(issued: &X509Certificate<'_>) -> Result<()> {
    let both_ends = matches!(
        issued.extended_key_usage(),
        Ok(Some(usage)) if usage.value.server_auth && usage.value.client_auth
    );
    let signs =
        !matches!(issued.key_usage(), Ok(Some(usage)) if !usage.value.key_cert_sign() && !usage.value.crl_sign());
    if both_ends && !signs && !issued.is_ca() {
        Ok(())
    } else {
        Err(Error::WrongPurpose)
    }
}
