//! Reads a certificate in PEM, and the two names in it.
//!
//! It checks the form and no more. Next: [`crate::chain`] for whether a certificate is to be believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::AttributeTypeAndValue;

use crate::CERTIFICATE_LIMIT;
use crate::error::{Error, Result};
use crate::pem::Expected;

/// What users call a node's certificate.
pub(crate) const CERTIFICATE: &str = "certificate";
/// What users call the authority's certificate.
pub(crate) const CHAIN: &str = "certificate chain";

/// Characters in a line of PEM.
const LINE: usize = 64;

/// The DER of the one certificate in `pem`.
pub(crate) fn der(thing: &'static str, pem: &str) -> Result<Vec<u8>> {
    expected(thing).read(pem)
}

/// The DER of every certificate in `pem`, which has at least one.
pub(crate) fn ders(thing: &'static str, pem: &str) -> Result<Vec<Vec<u8>>> {
    expected(thing).read_all(pem)
}

fn expected(thing: &'static str) -> Expected {
    Expected {
        thing,
        label: "CERTIFICATE",
        limit: CERTIFICATE_LIMIT,
    }
}

/// A certificate in PEM, from its DER.
pub(crate) fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(LINE)
        .filter_map(|at| text.get(at..text.len().min(at + LINE)))
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

/// The certificate in `der`, which holds nothing else.
pub(crate) fn parse<'a>(thing: &'static str, der: &'a [u8]) -> Result<X509Certificate<'a>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(Error::Malformed { thing }),
    }
}

/// The subject's common name.
pub(crate) fn common_name(thing: &'static str, certificate: &X509Certificate<'_>) -> Result<String> {
    only(thing, certificate.subject().iter_common_name())
}

/// The subject's organization, which is the cluster in every certificate of ours.
pub(crate) fn organization(thing: &'static str, certificate: &X509Certificate<'_>) -> Result<String> {
    only(thing, certificate.subject().iter_organization())
}

/// The one value; with two of them, two readers could believe two different things.
fn only<'a>(thing: &'static str, mut values: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Result<String> {
    let malformed = || Error::Malformed { thing };
    let value = values.next().ok_or_else(malformed)?;
    if values.next().is_some() {
        return Err(malformed());
    }
    value.as_str().map(str::to_owned).map_err(|_| malformed())
}
