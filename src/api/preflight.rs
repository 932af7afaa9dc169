//! The pre-flight of a join as a list: `POST /v1/cluster/preflight`.
//!
//! Next: [`crate::join::preflight`], which decides what each check says.

use serde::{Deserialize, Serialize};

use super::cluster::JoinRequest;
use super::null_as_default;

/// `POST /v1/cluster/preflight` on a node that is to join: what a join would be asked with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreflightRequest {
    /// The join.
    #[serde(flatten)]
    pub join: JoinRequest,
    /// Give the ticket back afterwards: the certificate is revoked and no join follows.
    #[serde(rename = "giveBack", default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub give_back: bool,
}

/// How one check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing stands in the way.
    Passed,
    /// The join would not be refused, but something has to be done.
    Warning,
    /// The join would be refused.
    Failed,
    /// It could not be looked at, because another check failed.
    NotChecked,
    /// There is nothing to look at.
    NotNeeded,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreflightCheck {
    /// What was looked at.
    pub name: String,
    /// How it came out.
    pub outcome: Outcome,
    /// What was seen, with both sides' values, or why nothing was.
    pub detail: String,
    /// The way out of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// All checks, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreflightReport {
    /// Could the node join now?
    pub passed: bool,
    /// The checks.
    pub checks: Vec<PreflightCheck>,
}
