//! `ksctl cluster lanes …`.

use clap::{Args, Subcommand};

/// The third word after `cluster lanes`.
#[derive(Clone, Subcommand)]
pub(crate) enum LanesCommand {
    /// Show in how many lanes nodes send
    Get,
    /// Set it, for the whole cluster
    Set(SetArgs),
}

/// `cluster lanes set`.
#[derive(Clone, Args)]
pub(crate) struct SetArgs {
    /// From 1 to 4
    #[arg(long)]
    pub(crate) lanes: i32,
}
