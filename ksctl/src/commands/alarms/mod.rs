//! `ksctl alarms …`: one file for each command.

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod say;

/// The path of alarms below `/api/v1/`.
const PATH: &str = "system/alarms";
