//! Keys: `/v1/vault/keys2…`.
//!
//! Next: [`crate::key`] for what a request may ask and how states move.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::{blank_as_none, null_as_default, whole};

/// `POST /v1/vault/keys2`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewKeyRequest {
    /// The key's name, unique; made from the id when absent.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = "name", max_length = 1024))]
    pub name: Option<String>,
    /// `AES`, in any case; the default.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Bits: 128, 192 or 256 (default).
    #[serde(default, deserialize_with = "whole", skip_serializing_if = "Option::is_none")]
    pub size: Option<i32>,
    /// A sum of KMIP usage bits; 12 (encrypt and decrypt) when absent.
    #[serde(default, deserialize_with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub usage_mask: Option<i32>,
    /// For people.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 8192))]
    pub description: Option<String>,
    /// The material, to import a key instead of making one.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub material: Option<Secret>,
    /// How the material is written: `hex` (default) or `base64`.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// `raw`, the default.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// `Symmetric Key`, the default.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub object_type: Option<String>,
    /// `Active`: every key is, from its making on.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The material may not leave the system.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub unexportable: bool,
    /// The key may not be deleted.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub undeletable: bool,
}

/// `POST /v1/vault/keys2/{id}/versions`. Everything else is as it is in the version before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewVersionRequest {
    /// The material, to import it instead of making it; as many bits as the key has.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub material: Option<Secret>,
    /// How the material is written: `hex` (default) or `base64`.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// `raw`, the default.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// For people; that of the version before when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 8192))]
    pub description: Option<String>,
}

/// `PATCH /v1/vault/keys2/{id}`. Absent fields stay.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PatchKeyRequest {
    /// The new name, of all versions of the key.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = "name", max_length = 1024))]
    pub name: Option<String>,
    /// The new description; `""` clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 8192))]
    pub description: Option<String>,
    /// The new usage mask.
    #[serde(default, deserialize_with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub usage_mask: Option<i32>,
    /// `true`: the material may not leave the system any more. There is no way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unexportable: Option<bool>,
    /// May the key not be deleted?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undeletable: Option<bool>,
}

/// `POST /v1/vault/keys2/{id}/export`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportKeyRequest {
    /// How the material is written: `hex` (default) or `base64`.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// `raw`, the default.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// `POST /v1/vault/keys2/{id}/destroy`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DestroyKeyRequest {}

/// `POST /v1/vault/keys2/{id}/revoke`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevokeKeyRequest {
    /// `Unspecified`, `KeyCompromise`, `CACompromise`, `AffiliationChanged`, `Superseded`, `CessationOfOperation` or
    /// `PrivilegeWithdrawn`. The two about compromise make the key Compromised, the others Deactivated.
    pub reason: String,
    /// For the log.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A key without its material.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// 64 hexadecimal digits.
    pub id: String,
    /// `kylo:…:vault:keys:NAME-vVERSION` in spirit: where the key is found.
    pub uri: String,
    /// Only the root account exists.
    pub account: String,
    /// The product.
    pub application: String,
    /// Only the root account exists.
    pub dev_account: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Its name.
    pub name: String,
    /// KMIP usage bits.
    pub usage_mask: i32,
    /// Which version of the key this is, from 0. After a partition two may have one number.
    pub version: i32,
    /// `AES`.
    pub algorithm: String,
    /// Bits.
    pub size: i32,
    /// Always `raw`.
    pub format: String,
    /// The material may not leave the system.
    pub unexportable: bool,
    /// The key may not be deleted.
    pub undeletable: bool,
    /// `Symmetric Key`.
    pub object_type: String,
    /// When it became active.
    pub activation_date: Option<DateTime<Utc>>,
    /// `Active` and so on.
    pub state: String,
    /// A UUID made from the id.
    pub uuid: String,
    /// For people.
    pub description: String,
    /// SHA-256 of the material, in hexadecimal.
    pub sha256_fingerprint: String,
    /// The version of the key's row: rises with every change, on whichever node.
    pub row_version: i64,
}

/// A key with its material: the answer of `POST /v1/vault/keys2/{id}/export`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportedKey {
    /// The key.
    #[serde(flatten)]
    pub key: Key,
    /// Its material, in the encoding that was asked for.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub material: Secret,
}
