//! Which columns people see, a file for each topic. All that a table leaves out is in the JSON.
//!
//! How the columns share a terminal is decided in [`super::layout`]. Answers without a table of their own are shown by
//! [`fields`].

pub(crate) mod cluster;
pub(crate) mod data;
pub(crate) mod fields;
pub(crate) mod nodes;
pub(crate) mod summary;

use chrono::{DateTime, Utc};

/// What is not known, or does not apply.
const NONE: &str = "-";

/// A time as people read it, in UTC.
fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A number of bytes as people read it.
fn bytes(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
