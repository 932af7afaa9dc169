//! Who a certificate says its owner is.
//!
//! It believes what is written; whether that is true is decided in [`crate::chain`].

use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use crate::certificate::{self, CERTIFICATE};
use crate::error::{Error, Result};
use crate::public_key::{self, hex};
use crate::subject::node_name;

/// What a node's certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The node's id: the common name.
    pub node_id: String,
    /// The cluster's id: the organization.
    pub cluster_id: String,
    /// The IP addresses and DNS names it answers to, without [`crate::node_name`].
    pub hosts: Vec<String>,
    /// Does it have [`crate::node_name`] of its node beside them? Certificates of earlier versions do not.
    pub names_node: bool,
    /// The serial number in hexadecimal, as [`crate::Authority::revocation_list`] takes it.
    pub serial: String,
    /// The first second it is good, in unix seconds.
    pub not_before: i64,
    /// The last second it is good, in unix seconds.
    pub not_after: i64,
    /// The name of its key, equal to [`crate::NodeKey::public_key_hash`] of the node's key.
    pub public_key_hash: [u8; 32],
}

impl Identity {
    /// Reads a certificate in PEM, believing every word.
    pub fn from_pem(cert_pem: &str) -> Result<Self> {
        Self::from_der(&certificate::der(CERTIFICATE, cert_pem)?)
    }

    /// Reads a certificate as it is shown in a handshake, believing every word.
    pub fn from_der(cert_der: &[u8]) -> Result<Self> {
        Self::of(&certificate::parse(CERTIFICATE, cert_der)?)
    }

    /// What `certificate` says.
    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Result<Self> {
        let validity = certificate.validity();
        let node_id = certificate::common_name(CERTIFICATE, certificate)?;
        let name = node_name(&node_id);
        let (names, hosts): (Vec<String>, Vec<String>) = hosts(certificate)?
            .into_iter()
            .partition(|host| host.eq_ignore_ascii_case(&name));
        Ok(Self {
            node_id,
            cluster_id: certificate::organization(CERTIFICATE, certificate)?,
            hosts,
            names_node: !names.is_empty(),
            serial: hex(certificate.raw_serial()),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
            public_key_hash: public_key::hash(certificate.public_key().raw),
        })
    }
}

fn hosts(certificate: &X509Certificate<'_>) -> Result<Vec<String>> {
    let malformed = || Error::Malformed { thing: CERTIFICATE };
    let Some(extension) = certificate.subject_alternative_name().map_err(|_| malformed())? else {
        return Ok(Vec::new());
    };
    let names = extension.value.general_names.iter();
    names.map(|name| host(name).ok_or_else(malformed)).collect()
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
