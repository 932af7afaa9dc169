//! A certificate that vouches for itself: for REST until the operator brings one, and for PostgreSQL on a node without a
//! cluster, where no other node connects.
//!
//! No node ever believes one. Next: [`crate::authority`] for certificates that nodes do believe.

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::{node_key, subject, validity};

/// A server certificate for `hosts` (at least one) and its PKCS#8 key, both in PEM, good from `not_before` to `not_after`
/// in unix seconds.
pub fn self_signed(hosts: &[String], not_before: i64, not_after: i64) -> Result<(String, Zeroizing<String>)> {
    if hosts.is_empty() {
        return Err(Error::BadHost { host: String::new() });
    }
    let names: Result<Vec<_>> = hosts.iter().map(|host| subject::alternative_name(host)).collect();
    let (not_before, not_after) = validity::span(not_before, not_after)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = subject::distinguished("Keystead".to_owned(), None);
    params.subject_alt_names = names?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.serial_number = Some(subject::random_serial()?);
    params.not_before = not_before;
    params.not_after = not_after;
    let pair = node_key::generate()?;
    let cert_pem = params.self_signed(&*pair)?.pem();
    Ok((cert_pem, Zeroizing::new(pair.serialize_pem())))
}
