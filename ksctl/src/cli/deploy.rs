//! `ksctl deploy …`: what a machine needs beside the node. Asks no appliance.
//!
//! Flags only; each command is a file in `commands/deploy/`.

use clap::{Args, Subcommand};
use keystead::firewall::Network;

/// The second word after `deploy`.
#[derive(Clone, Subcommand)]
pub(crate) enum DeployCommand {
    /// Print the rules of the packet filter that every node needs, for nft -f
    Nftables(NftablesArgs),
}

/// `deploy nftables`.
#[derive(Clone, Args)]
pub(crate) struct NftablesArgs {
    /// Addresses or networks of the other members; nobody else reaches PostgreSQL then
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub(crate) members: Vec<Network>,
    /// The port between nodes
    #[arg(long, value_name = "PORT", default_value_t = 5432, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) postgres_port: u16,
    /// How many connections to it one source may have
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) postgres_per_source: u16,
    /// The port of users
    #[arg(long, value_name = "PORT", default_value_t = 443, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rest_port: u16,
    /// How many connections to it one source may have
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rest_per_source: u16,
    /// Print the systemd unit that loads the rules from /etc/keystead/keystead.nft, instead of the rules
    #[arg(long)]
    pub(crate) unit: bool,
}
