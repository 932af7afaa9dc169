//! Decides whether a certificate request is one we answer, and takes its public key.
//!
//! It never takes anything else: names, addresses, usages and validity are the authority's to decide
//! ([`crate::Authority::issue`]). A request that asks to be an authority is refused all the same, because whoever sent it
//! expects something it will not get.

use rcgen::PublicKeyData;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use crate::error::{Error, Result};
use crate::pem::Expected;
use crate::{REQUEST_LIMIT, public_key};

const THING: &str = "certificate request";

/// A public key whose holder has shown that it holds the private half.
#[derive(Debug, Clone)]
pub struct CheckedRequest {
    key: rcgen::SubjectPublicKeyInfo,
}

impl CheckedRequest {
    /// Checks a request in PEM: size, form, the kind of key, its signature, and that it does not ask for authority.
    pub fn parse(pem: &str) -> Result<Self> {
        let expected = Expected {
            thing: THING,
            label: "CERTIFICATE REQUEST",
            limit: REQUEST_LIMIT,
        };
        let der = expected.read(pem)?;
        let (rest, request) =
            X509CertificationRequest::from_der(&der).map_err(|_| Error::Malformed { thing: THING })?;
        if !rest.is_empty() {
            return Err(Error::Malformed { thing: THING });
        }
        let key = public_key::p384(THING, &request.certification_request_info.subject_pki)?;
        request.verify_signature().map_err(|_| Error::BadSignature)?;
        refuse_authority(&request)?;
        Ok(Self { key })
    }

    /// The key's name, equal to [`crate::NodeKey::public_key_hash`] of the key that made the request.
    pub fn public_key_hash(&self) -> [u8; 32] {
        public_key::hash(&self.key.subject_public_key_info())
    }

    /// The key, for a certificate.
    pub(crate) fn key(&self) -> &rcgen::SubjectPublicKeyInfo {
        &self.key
    }

    /// The key as an uncompressed point, for sealing.
    pub(crate) fn point(&self) -> &[u8] {
        self.key.der_bytes()
    }
}

fn refuse_authority(request: &X509CertificationRequest<'_>) -> Result<()> {
    for attribute in request.certification_request_info.iter_attributes() {
        let ParsedCriAttribute::ExtensionRequest(wanted) = attribute.parsed_attribute() else {
            continue;
        };
        for extension in &wanted.extensions {
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(basic) if basic.ca => return Err(Error::AsksForAuthority),
                ParsedExtension::KeyUsage(usage) if usage.key_cert_sign() || usage.crl_sign() => {
                    return Err(Error::AsksForAuthority);
                }
                ParsedExtension::ParseError { .. } => return Err(Error::Malformed { thing: THING }),
                _ => {}
            }
        }
    }
    Ok(())
}
