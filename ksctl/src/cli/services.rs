//! `ksctl services …`.
//!
//! Flags only; each command is a file in `commands/services/`.

use clap::{Args, Subcommand};

/// The second word after `services`.
#[derive(Clone, Subcommand)]
pub(crate) enum ServicesCommand {
    /// Show whether the services of an appliance run; needs no log-in
    Status,
    /// Delete everything on an appliance: keys, accounts, certificates, its place in a cluster
    Reset(ResetArgs),
}

/// `services reset`.
#[derive(Clone, Args)]
pub(crate) struct ResetArgs {
    /// Seconds until it begins [default: 5]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) delay: Option<u64>,

    /// The node's name or id, for a node that cannot say its name any more [default: what the node says]
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
}
