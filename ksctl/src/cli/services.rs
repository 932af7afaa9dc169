//! `ksctl services …`.
//!
//! Flags only; each command is a file in `commands/services/`.

use clap::Subcommand;

/// The second word after `services`.
#[derive(Subcommand)]
pub(crate) enum ServicesCommand {
    /// Show whether the services of an appliance run; needs no log-in
    Status,
}
