//! `ksctl system …`: one file for each topic.

pub(crate) mod info;
