//! What a client sees of a join that runs.
//!
//! Shapes and the arithmetic of rates; where the numbers come from is `appliance/src/join`.

use serde::{Deserialize, Serialize};

/// How far a join is. Counts are of the initial copy; they stay at their last value in later stages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// The stage in words, as in the status: `initial sync`.
    pub stage: String,
    /// Why the join is in this stage: the sentence of the transition table.
    pub because: String,
    /// Rows copied.
    pub rows_done: u64,
    /// Rows to copy, counted on the source when the copy began.
    pub rows_total: u64,
    /// Bytes copied.
    pub bytes_done: u64,
    /// Bytes to copy, as the source estimates them.
    pub bytes_total: u64,
    /// Bytes of WAL still to be applied from all members, while catching up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_bytes: Option<u64>,
    /// The node's place among those that join, while others are before it: 1 is the one whose turn it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// What went wrong last, while the join tries again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}
