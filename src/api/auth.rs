//! Tokens and passwords: `/v1/auth/…`.
//!
//! Next: [`crate::password`] for what a new password must be.

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::{blank_as_none, null_as_default};

/// `POST /v1/auth/tokens`. Without `grant_type` a password is meant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenRequest {
    /// `password` (default) or `refresh_token`.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// The account; some clients call it `name`.
    #[serde(
        default,
        alias = "name",
        deserialize_with = "blank_as_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub username: Option<String>,
    /// Its password.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub password: Option<Secret>,
    /// The refresh token, with `grant_type` `refresh_token`.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub refresh_token: Option<Secret>,
    /// Asks for a new refresh token in exchange for the old one.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub renew_refresh_token: bool,
    /// Only the root domain exists: `""` and `"root"`.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Where the account is: `""` and `"root"`.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub auth_domain: Option<String>,
    /// The same as a path: `""`, `"/"` and `"root"`.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub auth_domain_path: Option<String>,
    /// Who knows the account: only this product does, `""` and `"local_account"`.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// The answer to a good log-in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenAnswer {
    /// The bearer token.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub jwt: Secret,
    /// Seconds it is good for.
    pub duration: u64,
    /// Always `Bearer`.
    pub token_type: String,
    /// The client the refresh token was given to.
    pub client_id: String,
    /// Names the refresh token without giving it away.
    pub refresh_token_id: String,
    /// Gets further bearer tokens.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub refresh_token: Secret,
}

/// `PATCH /v1/auth/changepw`: the password in force is the credential, no token is needed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangePasswordRequest {
    /// The account.
    pub username: String,
    /// The password in force.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub password: Secret,
    /// The password to be.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub new_password: Secret,
}

/// The answer to a changed password. Never empty: some clients parse every answer to a `PATCH`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangePasswordAnswer {
    /// The account.
    pub username: String,
    /// The version of the account's row after the change.
    pub row_version: i64,
}
