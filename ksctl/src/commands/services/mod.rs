//! `ksctl services …`: one file for each command.

pub(crate) mod reset;
pub(crate) mod status;
