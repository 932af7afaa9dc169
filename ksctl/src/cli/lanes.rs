//! `ksctl cluster lanes …`.

use clap::{Args, Subcommand};

/// The third word after `cluster lanes`.
#[derive(Subcommand)]
pub(crate) enum LanesCommand {
    /// Show in how many lanes nodes send
    Get,
    /// Set it, for the whole cluster
    Set(SetArgs),
}

/// `cluster lanes set`.
#[derive(Args)]
pub(crate) struct SetArgs {
    /// From 1 to 4
    #[arg(long)]
    pub(crate) lanes: i32,
}
