//! The envelope of every list: `{"skip","limit","total","resources"}`.
//!
//! Next: `appliance/src/api/page.rs`, which reads `skip` and `limit` from the query.

use serde::{Deserialize, Serialize};

/// One page of a list. `total` counts all matches, not the page; `resources` is never null.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct List<T> {
    /// How many matches come before this page, as the client asked.
    pub skip: u64,
    /// How many a page holds at the most.
    pub limit: u64,
    /// How many matches there are in all.
    pub total: u64,
    /// The page.
    pub resources: Vec<T>,
}
