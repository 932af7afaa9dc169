//! Backups and the keys that open them: `/v1/backups…`, `/v1/backupkeys…`, `/v1/backupStatus`.
//!
//! Both belong to one node and are on no other. Next: [`crate::backup`] for what may be asked and restored.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::secret::Secret;
use super::{blank_as_none, null_as_default};

/// `POST /v1/backups`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewBackupRequest {
    /// `system`, which is the default. Others are not built.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// A text for people.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = "name", max_length = 1024))]
    pub description: Option<String>,
    /// The id of the backup key that is to open it; the default one when absent.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub backup_key: Option<String>,
    /// Not built.
    #[serde(default, rename = "tiedToHSM", deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub tied_to_hsm: bool,
    /// Not built: a backup is of everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<Object>>))]
    pub filters: Option<Value>,
}

/// A backup on this node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// Its id.
    pub id: String,
    /// Always `system`: the whole node.
    pub scope: String,
    /// Always `Completed`: what was not made whole is not kept.
    pub status: String,
    /// When the data was as it is in there.
    pub created_at: DateTime<Utc>,
    /// What its maker said of it.
    pub description: String,
    /// The id of the backup key that opens it.
    pub backup_key: String,
    /// What kinds of things are in it.
    pub resource_types: Vec<String>,
    /// The version of the product that made it.
    pub product_version: String,
    /// Always false: not built.
    #[serde(rename = "tiedToHSM")]
    pub tied_to_hsm: bool,
    /// Its size in bytes.
    pub size: u64,
}

/// `POST /v1/backups/{id}/restore`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RestoreRequest {
    /// Restore also what a version made that is more than three minor versions older.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub force: bool,
}

/// `GET /v1/backupStatus`: the backup or restore that runs on this node, or the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BackupStatus {
    /// `Completed`, `InProgress` or `Failed`. `Completed` also when there was none yet: then `operation` is empty.
    pub status: String,
    /// `backup`, `restore` or `""`.
    pub operation: String,
    /// The backup's id.
    pub backup: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished: Option<DateTime<Utc>>,
}

/// `POST /v1/backupkeys`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewBackupKeyRequest {
    /// `system`, which is the default. Others are not built.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Make it the one that new backups are opened with. The first one is so in any case.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub default: bool,
}

/// A backup key. Its secret is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BackupKey {
    /// Its id.
    pub id: String,
    /// Always `active`.
    pub state: String,
    /// Always 1: another version is another key.
    pub version: u32,
    /// Always `system`.
    pub scope: String,
    /// Is it the one that new backups are opened with?
    pub default: bool,
    /// When it was made, by the node that made it.
    pub created_at: DateTime<Utc>,
}

/// `POST /v1/backupkeys/{id}/download`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DownloadBackupKeyRequest {
    /// What will open the file.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required, min_length = 8))]
    pub password: Secret,
    /// A hint at the password, which anybody who has the file reads.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = "name", max_length = 1024))]
    pub hint: Option<String>,
}

/// A backup key as a file, locked with a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BackupKeyFile {
    /// Always `keystead-backup-key 1`.
    pub format: String,
    /// The key's id.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{32}$"))]
    pub id: String,
    /// When the key was made.
    pub created_at: DateTime<Utc>,
    /// The hint at the password.
    #[cfg_attr(feature = "openapi", schema(format = "name", max_length = 1024))]
    pub hint: String,
    /// What the password is stretched with, by argon2id: hexadecimal.
    #[cfg_attr(feature = "openapi", schema(pattern = "^([0-9a-f]{2})+$"))]
    pub salt: String,
    /// The key, locked: hexadecimal.
    #[cfg_attr(feature = "openapi", schema(pattern = "^([0-9a-f]{2})+$"))]
    pub locked: String,
}

/// `POST /v1/backupkeys/upload`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UploadBackupKeyRequest {
    /// What opens the file.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub password: Secret,
    /// The file, as it was downloaded.
    pub file: BackupKeyFile,
}
