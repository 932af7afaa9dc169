//! Alarms: `/v1/system/alarms…`.
//!
//! Next: [`crate::alarm`] for what alarms there are.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One alarm of one node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    /// The alarm's own id: the same each time this node raises it about this subject.
    pub id: String,
    /// What people call it: `Cluster Node Down`.
    pub name: String,
    /// What programs call it: `node-down`.
    pub alarm: String,
    /// What it is about: a node's id, a key's name.
    pub subject: String,
    /// `on` while it is raised, else `off`.
    pub state: String,
    /// `emergency`, `alert`, `critical`, `error`, `warning`, `notice` or `info`.
    pub severity: String,
    /// What exactly is wrong.
    pub description: String,
    /// What to do about it.
    pub remedy: String,
    /// How often it was raised.
    pub count: i64,
    /// When it was raised last.
    pub triggered_at: DateTime<Utc>,
    /// The id of the node that raised it, or its name while it was in no cluster.
    pub source: String,
    /// Always `server_record`.
    #[serde(rename = "source_type")]
    pub source_type: String,
    /// When somebody took notice of it, since it was raised last.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who did.
    pub acknowledged_by: Option<String>,
    /// When it was cleared, if it is off.
    pub cleared_at: Option<DateTime<Utc>>,
    /// Who cleared it: an account, or `system` when its cause is gone.
    pub cleared_by: Option<String>,
    /// More for programs.
    pub details: AlarmDetails,
}

/// More of an alarm.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlarmDetails {
    /// What exactly is wrong, again.
    pub message: String,
    /// Always false: alarms are of what is wrong.
    pub success: bool,
    /// Always `system`: no user raises alarms.
    pub username: String,
    /// Always empty.
    pub client_ip: String,
}
