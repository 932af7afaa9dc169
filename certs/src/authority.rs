//! The cluster's certificate authority: makes itself, issues certificates to nodes, revokes them.
//!
//! It decides every word of a certificate from its [`NodeTemplate`]; of the request it uses the public key. Who may ask
//! is decided elsewhere. Next: [`crate::chain`], which checks what was issued.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, RevocationReason, RevokedCertParams, SerialNumber,
    SigningKey,
};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::certificate::{self, CERTIFICATE, CHAIN};
use crate::chain::check_issuer;
use crate::error::{Error, Result};
use crate::public_key::hex;
use crate::request::CheckedRequest;
use crate::{node_key, public_key, subject, validity};

/// The cluster's authority with its private key. Its `Debug` shows no secret.
#[derive(Debug)]
pub struct Authority {
    cluster_id: String,
    cert_pem: String,
    der: CertificateDer<'static>,
    pair: Zeroizing<KeyPair>,
}

/// All that a node's certificate will say. Times are unix seconds.
#[derive(Debug, Clone)]
pub struct NodeTemplate {
    /// The common name, which PostgreSQL maps to the node's role.
    pub node_id: String,
    /// The IP address or DNS name by which the other nodes reach it. Not [`crate::node_name`], which it has beside it.
    pub host: String,
    /// The organization; must be the authority's own cluster.
    pub cluster_id: String,
    /// The first second it is good.
    pub not_before: i64,
    /// The last second it is good.
    pub not_after: i64,
}

impl Authority {
    /// A new authority for the cluster `cluster_id`, good from `not_before` to `not_after` in unix seconds.
    pub fn create(cluster_id: &str, not_before: i64, not_after: i64) -> Result<Self> {
        subject::check_name(cluster_id)?;
        let (not_before, not_after) = validity::span(not_before, not_after)?;
        let mut params = CertificateParams::default();
        // Each authority of a cluster has a name of its own: while it is exchanged, one list is to be found for each.
        let serial = subject::random_serial()?;
        let mark: String = hex(serial.as_ref()).chars().take(6).collect();
        let name = format!("Keystead cluster {cluster_id} {mark}");
        params.distinguished_name = subject::distinguished(name, Some(cluster_id));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(serial);
        params.not_before = not_before;
        params.not_after = not_after;
        let pair = node_key::generate()?;
        let made = params.self_signed(&*pair)?;
        Ok(Self {
            cluster_id: cluster_id.to_owned(),
            cert_pem: made.pem(),
            der: made.der().clone(),
            pair,
        })
    }

    /// The authority from its certificate and PKCS#8 key in PEM. They must belong together.
    pub fn from_pem(cert_pem: &str, key_pem: &str) -> Result<Self> {
        let der = certificate::der(CHAIN, cert_pem)?;
        let parsed = certificate::parse(CHAIN, &der)?;
        if !parsed.is_ca() {
            return Err(Error::NotAnAuthority);
        }
        let pair = node_key::from_pem(key_pem)?;
        if public_key::p384(CHAIN, parsed.public_key())?.der_bytes() != pair.public_key_raw() {
            return Err(Error::OtherKey { thing: CHAIN });
        }
        let cluster_id = certificate::organization(CHAIN, &parsed)?;
        Ok(Self {
            cluster_id,
            cert_pem: cert_pem.to_owned(),
            der: der.into(),
            pair,
        })
    }

    /// The cluster it speaks for.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// Its certificate in PEM: the chain that nodes are given.
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// Its own name, which no other authority has: SHA-256 of its certificate, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        hex(&public_key::hash(&self.der))
    }

    /// The last second it is good, in unix seconds.
    pub fn not_after(&self) -> Result<i64> {
        Ok(certificate::parse(CHAIN, &self.der)?.validity().not_after.timestamp())
    }

    /// Did it issue this certificate?
    pub fn has_issued(&self, cert_pem: &str) -> Result<bool> {
        let der = certificate::der(CERTIFICATE, cert_pem)?;
        let issued = certificate::parse(CERTIFICATE, &der)?;
        Ok(check_issuer(&issued, &certificate::parse(CHAIN, &self.der)?).is_ok())
    }

    /// Its private key as PKCS#8 in PEM.
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.pair.serialize_pem())
    }

    /// A node's certificate in PEM: the key of `request`, everything else from `template`, a new random serial number.
    pub fn issue(&self, request: &CheckedRequest, template: &NodeTemplate) -> Result<String> {
        subject::check_name(&template.node_id)?;
        if template.cluster_id != self.cluster_id {
            return Err(Error::OtherCluster { thing: CERTIFICATE });
        }
        subject::check_no_node_name(&template.host)?;
        let (not_before, not_after) = validity::span(template.not_before, template.not_after)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = subject::distinguished(template.node_id.clone(), Some(&self.cluster_id));
        let name = subject::node_name(&template.node_id);
        params.subject_alt_names = vec![
            subject::alternative_name(&template.host)?,
            subject::alternative_name(&name)?,
        ];
        params.is_ca = IsCa::ExplicitNoCa;
        // Key agreement, because the master key is sealed to this key.
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyAgreement];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(subject::random_serial()?);
        params.use_authority_key_identifier_extension = true;
        params.not_before = not_before;
        params.not_after = not_after;
        Ok(params.signed_by(request.key(), &self.issuer()?)?.pem())
    }

    /// The revocation list in PEM. `serials` are hexadecimal as in [`crate::Identity::serial`]; `number` rises with each
    /// list. PostgreSQL refuses every connection once `next_update` has passed, so choose it far away and renew early.
    pub fn revocation_list(
        &self,
        serials: &[String],
        this_update: i64,
        next_update: i64,
        number: u64,
    ) -> Result<String> {
        let (this_update, next_update) = validity::span(this_update, next_update)?;
        let revoked = serials.iter().map(|digits| {
            Ok(RevokedCertParams {
                serial_number: subject::serial(digits)?,
                revocation_time: this_update,
                reason_code: Some(RevocationReason::CessationOfOperation),
                invalidity_date: None,
            })
        });
        let params = CertificateRevocationListParams {
            this_update,
            next_update,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect::<Result<_>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer()?)?.pem()?)
    }

    /// An ECDSA signature (P-384, SHA-384, ASN.1) over `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        Ok(self.pair.sign(message)?)
    }

    fn issuer(&self) -> Result<Issuer<'static, &KeyPair>> {
        Ok(Issuer::from_ca_cert_der(&self.der, &*self.pair)?)
    }
}
