//! What clients may send in a body that is not built: it is refused by name, never taken and dropped.
//!
//! A client that asks for a wrapped export, or for a key that is active next week, must not get something else with a good
//! status. Fields that nobody knows are passed over, as ever; those of the wire contract that this product does not have
//! are listed here. One that is `null`, `false`, `0` or empty asks for nothing: clients fill their bodies with such.
//! Next: `appliance/src/api/json.rs`, which asks this for every body.

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{auth, backup, cluster, key, node, preflight, syslog, system, verify, wait};
use crate::error::{Error, Kind, Result};

/// The body of a call.
pub trait Body: DeserializeOwned {
    /// The fields of the wire contract that are not built.
    const NOT_BUILT: &'static [&'static str] = &[];
}

macro_rules! bodies {
    ($($body:ty $(, not built: $fields:expr)?;)*) => {
        $(impl Body for $body {
            $(const NOT_BUILT: &'static [&'static str] = &$fields;)?
        })*
    };
}

bodies! {
    auth::ChangePasswordRequest;
    auth::TokenRequest;
    backup::BackupKeyFile;
    backup::DownloadBackupKeyRequest;
    backup::NewBackupKeyRequest;
    backup::NewBackupRequest;
    backup::RestoreRequest;
    backup::UploadBackupKeyRequest;
    cluster::AckRequest;
    cluster::CsrRequest;
    cluster::JoinRequest;
    cluster::LanesRequest;
    cluster::NewClusterRequest;
    cluster::NewNodeRequest;
    key::DestroyKeyRequest, not built: ["date"];
    key::ExportKeyRequest, not built: WRAPPING;
    key::NewKeyRequest, not built: NEW_KEY;
    key::NewVersionRequest, not built: NEW_VERSION;
    key::PatchKeyRequest, not built: PATCH_KEY;
    key::RevokeKeyRequest, not built: ["compromiseOccurrenceDate", "date"];
    node::PatchNodeRequest;
    preflight::PreflightRequest;
    syslog::SyslogRequest;
    system::ResetRequest;
    verify::VerifyRequest;
    wait::WaitRequest;
    serde_json::Value;
}

/// What makes the material that goes out another one than the plain bytes.
const WRAPPING: [&str; 26] = [
    "wrapKeyName",
    "wrapKeyIDType",
    "wrapSymmetricKeyName",
    "wrapPublicKey",
    "wrapPublicKeyPadding",
    "wrapHKDF",
    "wrapPBE",
    "wrapRSAAES",
    "wrapJWE",
    "wrapFormat",
    "wrappingMethod",
    "wrappingEncryptionAlgo",
    "wrappingHashAlgo",
    "padded",
    "pemWrap",
    "cxts",
    "combineXts",
    "password",
    "passwordIdentifier",
    "passwordIdentifierType",
    "macSignBytes",
    "macSignKeyIdentifier",
    "macSignKeyIdentifierType",
    "signingAlgo",
    "secretDataEncoding",
    "usage",
];

/// What would make another key than the one that is made: of wrapped material, of another kind, active at another time.
/// Labels, meta and aliases are passed over: what is shown of the key shows that it has none.
const NEW_KEY: [&str; 49] = [
    "activationDate",
    "deactivationDate",
    "archiveDate",
    "destroyDate",
    "processStartDate",
    "protectStopDate",
    "compromiseDate",
    "compromiseOccurrenceDate",
    "rotationFrequencyDays",
    "revocationReason",
    "revocationMessage",
    "emptyMaterial",
    "xts",
    "curveid",
    "idSize",
    "generateKeyId",
    "keyId",
    "uuid",
    "muid",
    "defaultIV",
    "templateId",
    "includeMaterial",
    "assignSelfAsOwner",
    "certType",
    "publicKeyParameters",
    "hkdfCreateParameters",
    "secretDataLink",
    "secretDataEncoding",
    "usage",
    "wrapKeyName",
    "wrapKeyIDType",
    "wrapSymmetricKeyName",
    "wrapPublicKey",
    "wrapPublicKeyPadding",
    "wrapHKDF",
    "wrapPBE",
    "wrapRSAAES",
    "wrapJWE",
    "wrappingMethod",
    "wrappingEncryptionAlgo",
    "wrappingHashAlgo",
    "padded",
    "password",
    "passwordIdentifier",
    "macSignBytes",
    "macSignKeyIdentifier",
    "macSignKeyIdentifierType",
    "signingAlgo",
    "offset",
];

/// What a version takes from the one before and cannot be given, beside what a key cannot.
const NEW_VERSION: [&str; 40] = [
    "aliases",
    "labels",
    "removeLabels",
    "meta",
    "offset",
    "defaultIV",
    "idSize",
    "keyId",
    "uuid",
    "muid",
    "includeMaterial",
    "emptyMaterial",
    "xts",
    "certType",
    "state",
    "activationDate",
    "deactivationDate",
    "archiveDate",
    "destroyDate",
    "processStartDate",
    "protectStopDate",
    "compromiseDate",
    "compromiseOccurrenceDate",
    "rotationFrequencyDays",
    "wrapKeyName",
    "wrapKeyIDType",
    "wrapSymmetricKeyName",
    "wrapPublicKey",
    "wrapPublicKeyPadding",
    "wrapHKDF",
    "wrapPBE",
    "wrapRSAAES",
    "wrapJWE",
    "wrappingMethod",
    "wrappingEncryptionAlgo",
    "wrappingHashAlgo",
    "padded",
    "password",
    "macSignBytes",
    "signingAlgo",
];

/// What a key does not have, or what is not changed, and so cannot be.
const PATCH_KEY: [&str; 24] = [
    "activationDate",
    "deactivationDate",
    "archiveDate",
    "destroyDate",
    "processStartDate",
    "protectStopDate",
    "compromiseDate",
    "compromiseOccurrenceDate",
    "revocationReason",
    "revocationMessage",
    "rotationFrequencyDays",
    "aliases",
    "labels",
    "removeLabels",
    "meta",
    "links",
    "keyId",
    "uuid",
    "muid",
    "algorithm",
    "size",
    "state",
    "material",
    "defaultIV",
];

/// The date that programs in Go send for none.
const NO_DATE: &str = "0001-01-01T00:00:00Z";

/// Refuses a body, an object in JSON, that asks for one of these fields.
///
/// # Errors
/// [`Kind::NotBuilt`], naming the field; [`Kind::BadRequest`] when it cannot be told, as where one is nested without end.
pub fn must_be_built(body: &[u8], fields: &'static [&'static str]) -> Result<()> {
    if fields.is_empty() {
        return Ok(());
    }
    let asked = serde_json::Deserializer::from_slice(body).deserialize_map(Search(fields));
    match asked {
        Ok(Some(field)) => Err(not_built(field)),
        Ok(None) => Ok(()),
        Err(wrong) => Err(Error::bad_request(format!(
            "the body is not what this call takes: {wrong}"
        ))),
    }
}

/// The refusal of such a field.
pub fn not_built(field: &str) -> Error {
    Error::new(Kind::NotBuilt, format!("{field} is not built"))
        .with_hint("leave it out; docs/not-built.md lists what else is not there")
}

/// Looks for the first of these fields in which something is given. No value is kept.
struct Search(&'static [&'static str]);

impl<'de> Visitor<'de> for Search {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            match self.0.iter().find(|field| field.eq_ignore_ascii_case(&name)) {
                Some(field) => {
                    let is_given = map.next_value::<Given>()?.0;
                    found = found.or_else(|| is_given.then_some(*field));
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// Does a value ask for anything?
struct Given(bool);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(Look).map(Self)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<bool, E> {
        Ok(value != 0)
    }

    fn visit_u64<E>(self, value: u64) -> Result<bool, E> {
        Ok(value != 0)
    }

    fn visit_f64<E>(self, value: f64) -> Result<bool, E> {
        Ok(value != 0.0)
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(!matches!(text.trim(), "" | NO_DATE))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut is_given = false;
        while let Some(one) = list.next_element::<Given>()? {
            is_given |= one.0;
        }
        Ok(is_given)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut is_given = false;
        while let Some((_, one)) = map.next_entry::<IgnoredAny, Given>()? {
            is_given |= one.0;
        }
        Ok(is_given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> Option<String> {
        let outcome = must_be_built(body.as_bytes(), key::ExportKeyRequest::NOT_BUILT);
        outcome.err().map(|error| {
            assert_eq!(error.kind(), Kind::NotBuilt);
            error.to_string()
        })
    }

    #[test]
    fn a_field_that_is_not_built_is_refused_by_its_name() {
        for (body, field) in [
            (r#"{"wrapKeyName":"kek"}"#, "wrapKeyName"),
            (r#"{"format":"raw","padded":true}"#, "padded"),
            (r#"{"wrapHKDF":{"hashAlgorithm":"hmac-sha256"}}"#, "wrapHKDF"),
            (r#"{"wrapPBE":{"a":[0,{"b":1}]}}"#, "wrapPBE"),
            (r#"{"wrapKeyName":"","wrapPublicKey":"-----BEGIN"}"#, "wrapPublicKey"),
            (r#"{"wrapKeyName":"kek","wrapKeyName":""}"#, "wrapKeyName"),
            (r#"{"wrapkeyname":"kek"}"#, "wrapKeyName"),
        ] {
            assert_eq!(refused(body), Some(format!("{field} is not built")), "{body}");
        }
    }

    #[test]
    fn a_field_in_which_nothing_is_given_and_one_that_nobody_knows_are_passed_over() {
        for body in [
            r#"{"wrapKeyName":"","wrapPublicKey":null,"padded":false,"wrapHKDF":{},"wrapPBE":{"salt":"","rounds":0}}"#,
            r#"{"colour":"blue","wrap":"kek"}"#,
            r#"{"wrapPBE":{"since":"0001-01-01T00:00:00Z"}}"#,
            r#"{"meta":{"wrapKeyName":"kek"}}"#,
            "{}",
        ] {
            assert_eq!(refused(body), None, "{body}");
        }
    }

    #[test]
    fn a_field_in_which_nobody_can_tell_what_is_given_is_refused() {
        let deep = format!("{{\"wrapPBE\":{}\"x\"{}}}", "[".repeat(300), "]".repeat(300));
        let refused = must_be_built(deep.as_bytes(), key::ExportKeyRequest::NOT_BUILT).unwrap_err();
        assert_eq!(refused.kind(), Kind::BadRequest);
    }

    #[test]
    fn no_field_is_both_built_and_not() {
        let request = key::NewKeyRequest {
            name: Some("n".to_owned()),
            algorithm: Some("AES".to_owned()),
            size: Some(256),
            usage_mask: Some(12),
            description: Some("d".to_owned()),
            material: Some("00".into()),
            encoding: Some("hex".to_owned()),
            format: Some("raw".to_owned()),
            state: Some("Active".to_owned()),
            object_type: Some("Symmetric Key".to_owned()),
            unexportable: true,
            undeletable: true,
        };
        let body = serde_json::to_vec(&request).unwrap();
        must_be_built(&body, key::NewKeyRequest::NOT_BUILT).unwrap();
    }
}
