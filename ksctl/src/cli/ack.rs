//! `ksctl cluster ack …`, and the flag `--ack` of commands that write keys.

use clap::{Args, Subcommand};

/// The third word after `cluster ack`.
#[derive(Clone, Subcommand)]
pub(crate) enum AckCommand {
    /// Show who must have a write before it is acknowledged
    Get,
    /// Set it, for the whole cluster
    Set(SetArgs),
}

/// `cluster ack set`.
#[derive(Clone, Args)]
pub(crate) struct SetArgs {
    /// `local`, `any-1`, `any-2` and so on, or `default`
    #[arg(long)]
    pub(crate) ack: String,
}

/// What a write asks for.
#[derive(Clone, Args)]
pub(crate) struct AckArgs {
    /// Return when it is on this node (`local`) or on others too (`any-1`, …) [default: `cluster ack get`]
    #[arg(long)]
    pub(crate) ack: Option<String>,
}
