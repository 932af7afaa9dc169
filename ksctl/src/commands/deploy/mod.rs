//! `ksctl deploy …`, one file for each command.

pub(crate) mod nftables;
