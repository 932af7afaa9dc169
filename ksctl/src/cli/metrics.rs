//! `ksctl metrics …`.
//!
//! Flags only; the commands are in `commands/metrics/`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use secrecy::SecretString;

/// The second word after `metrics`.
#[derive(Clone, Subcommand)]
pub(crate) enum MetricsCommand {
    /// What Prometheus scrapes
    #[command(subcommand)]
    Prometheus(PrometheusCommand),
}

/// The third word after `metrics prometheus`.
#[derive(Clone, Subcommand)]
pub(crate) enum PrometheusCommand {
    /// Show whether scrapes are answered, and the token
    Status,
    /// Answer scrapes from now on, and show the token
    Enable,
    /// Refuse scrapes from now on
    Disable,
    /// Make another token, and show it
    RenewToken,
    /// Show what Prometheus gets of this node
    Get(GetArgs),
}

/// `metrics prometheus get`.
#[derive(Clone, Args)]
pub(crate) struct GetArgs {
    /// The token for scraping; asked of the appliance when it is not given
    #[arg(long, value_name = "TOKEN")]
    pub(crate) api_token: Option<SecretString>,
    /// Write it into this file, and print nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}
