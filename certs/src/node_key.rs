//! A node's own key: made here, asks for a certificate, opens what was sealed to it.
//!
//! It never leaves the node: the only way out is [`NodeKey::to_pem`], for the node's own disk.
//! Next: [`crate::request`], the other side of [`NodeKey::request`].

use aws_lc_rs::agreement;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PublicKeyData};
use rustls_pki_types::PrivatePkcs8KeyDer;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::pem::Expected;
use crate::{CERTIFICATE_LIMIT, public_key, subject};

const THING: &str = "private key";

/// A P-384 key pair. Its `Debug` shows the public half alone.
#[derive(Debug)]
pub struct NodeKey {
    pair: Zeroizing<KeyPair>,
}

impl NodeKey {
    /// A new key.
    pub fn generate() -> Result<Self> {
        Ok(Self { pair: generate()? })
    }

    /// A key from PKCS#8 in PEM.
    pub fn from_pem(pem: &str) -> Result<Self> {
        Ok(Self { pair: from_pem(pem)? })
    }

    /// The key as PKCS#8 in PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.pair.serialize_pem())
    }

    /// The key's name: SHA-256 of its `SubjectPublicKeyInfo` in DER. [`crate::hex`] writes it.
    pub fn public_key_hash(&self) -> [u8; 32] {
        public_key::hash(&self.pair.subject_public_key_info())
    }

    /// A certificate request in PEM. `host` is a suggestion for people who look at it: the authority decides.
    pub fn request(&self, host: &str) -> Result<String> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject::distinguished("Keystead node".to_owned(), None);
        params.subject_alt_names = vec![subject::alternative_name(host)?];
        Ok(params.serialize_request(&*self.pair)?.pem()?)
    }

    /// The public half as an uncompressed point.
    pub(crate) fn point(&self) -> &[u8] {
        self.pair.public_key_raw()
    }

    /// The private half as a key of ECDH.
    pub(crate) fn agreement(&self) -> Result<agreement::PrivateKey> {
        agreement::PrivateKey::from_private_key_der(&agreement::ECDH_P384, self.pair.serialized_der()).map_err(|_| {
            Error::Crypto {
                doing: "reading the private key",
            }
        })
    }
}

/// A new P-384 key pair.
pub(crate) fn generate() -> Result<Zeroizing<KeyPair>> {
    Ok(Zeroizing::new(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?))
}

/// A P-384 key pair from PKCS#8 in PEM.
pub(crate) fn from_pem(pem: &str) -> Result<Zeroizing<KeyPair>> {
    let expected = Expected {
        thing: THING,
        label: "PRIVATE KEY",
        limit: CERTIFICATE_LIMIT,
    };
    let der = Zeroizing::new(expected.read(pem)?);
    let pkcs8 = PrivatePkcs8KeyDer::from(der.as_slice());
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ECDSA_P384_SHA384)
        .map_err(|_| Error::KeyKind { thing: THING })?;
    Ok(Zeroizing::new(pair))
}
