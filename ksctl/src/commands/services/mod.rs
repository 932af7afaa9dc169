//! `ksctl services …`: one file for each command.

pub(crate) mod status;
