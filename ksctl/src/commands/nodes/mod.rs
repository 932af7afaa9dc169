//! `ksctl cluster nodes …`: one file for each command.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
