//! The body of every error.
//!
//! The texts clients search for start `codeDesc` (`NCERR…: text`); `code` is a whole number. Which kind gets which is
//! decided in `appliance/src/api/error.rs`.

use serde::{Deserialize, Serialize};

/// What a client reads when a request was refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// The class of the error as a number.
    pub code: i32,
    /// `NCERRName: text`.
    #[serde(rename = "codeDesc")]
    pub code_desc: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The object that was written, when it was and this says that others did not confirm it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The version of its row.
    #[serde(rename = "rowVersion", default, skip_serializing_if = "Option::is_none")]
    pub row_version: Option<i64>,
    /// Names this request in the node's log.
    #[serde(rename = "requestID", default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}
