//! `ksctl cluster nodes …`.
//!
//! Flags only; each command is a file in `commands/nodes/`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::page::PageArgs;

/// The third word after `cluster nodes`.
#[derive(Clone, Subcommand)]
pub(crate) enum NodesCommand {
    /// Sign the request of a node that is to join (step 2 of 3)
    Create(CreateArgs),
    /// Show the nodes of the cluster
    List(ListArgs),
    /// Show one node
    Get(GetArgs),
    /// Remove a node; asked of another node than itself
    Delete(DeleteArgs),
}

/// `cluster nodes create`.
#[derive(Clone, Args)]
pub(crate) struct CreateArgs {
    /// The address by which the members will reach the joining node
    #[arg(long, alias = "host", value_name = "HOST")]
    pub(crate) newnodehost: String,
    /// The request, in PEM
    #[arg(
        long,
        value_name = "PEM",
        required_unless_present = "csrfile",
        allow_hyphen_values = true
    )]
    pub(crate) csr: Option<String>,
    /// A file with it, in PEM or as the JSON of `cluster csr`; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "csr")]
    pub(crate) csrfile: Option<PathBuf>,
    /// The address by which users reach the joining node
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) public_address: Option<String>,
    /// Both nodes share a root-of-trust key, which wraps the master key on its way
    #[arg(long)]
    pub(crate) shared_hsm_partition: bool,
}

/// `cluster nodes list`.
#[derive(Clone, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) page: PageArgs,
    /// Taken so that older scripts run, and ignored
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) allowlist: Option<String>,
}

/// `cluster nodes get`.
#[derive(Clone, Args)]
pub(crate) struct GetArgs {
    /// The node: its id or an unambiguous beginning of it, its host, or its public address
    #[arg(long)]
    pub(crate) id: String,
}

/// `cluster nodes delete`.
#[derive(Clone, Args)]
pub(crate) struct DeleteArgs {
    /// The node: its id or an unambiguous beginning of it, its host, or its public address
    #[arg(long)]
    pub(crate) id: String,
    /// Remove it although a majority of the members cannot be asked
    #[arg(long)]
    pub(crate) force: bool,
}
