//! `ksctl system …`.
//!
//! Flags only; each command is a file in `commands/system/`.

use clap::Subcommand;

/// The second word after `system`.
#[derive(Clone, Subcommand)]
pub(crate) enum SystemCommand {
    /// The appliance itself
    #[command(subcommand)]
    Info(InfoCommand),
}

/// The third word after `system info`.
#[derive(Clone, Subcommand)]
pub(crate) enum InfoCommand {
    /// Show name, model, versions, uptime and time
    Get,
}
