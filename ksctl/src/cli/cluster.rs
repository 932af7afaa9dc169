//! `ksctl cluster …`.
//!
//! Flags only; each command is a file in `commands/cluster/`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use secrecy::SecretString;

use super::ack::AckCommand;
use super::lanes::LanesCommand;
use super::nodes::NodesCommand;
use super::watch::WatchArgs;

/// The second word after `cluster`.
#[derive(Clone, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Make a cluster of this node alone; its data stays
    New(NewArgs),
    /// Show the state of this node and how many nodes there are
    Info(WatchArgs),
    /// Make a key and a certificate request on a node that is to join (step 1 of 3)
    Csr(CsrArgs),
    /// Join this node to a cluster, deleting its data (step 3 of 3; `nodes create` is step 2)
    Join(JoinArgs),
    /// Join another node to the cluster of this one, in one step
    Fulljoin(FulljoinArgs),
    /// Make every check of such a join and show them as a list, without joining
    Preflight(SidesArgs),
    /// Free a removed node, end a join that runs, or dissolve a cluster of one
    Delete,
    #[command(flatten)]
    Look(LookCommand),
    /// Show or set who must have a write before it is acknowledged
    #[command(subcommand)]
    Ack(AckCommand),
    /// Show or set how many workers apply what one node sends
    #[command(subcommand)]
    Lanes(LanesCommand),
    #[command(flatten)]
    Agree(AgreeCommand),
    #[command(flatten)]
    Trust(TrustCommand),
    /// Sign, list and remove nodes
    #[command(subcommand)]
    Nodes(NodesCommand),
}

/// Whether all members have the same.
#[derive(Clone, Subcommand)]
pub(crate) enum AgreeCommand {
    /// Return when every member has everything that this node has now, or after --timeout
    Wait,
    /// Compare this node's data with that of every other and name the rows that differ
    Verify(VerifyArgs),
    /// Show names that several keys or accounts have, since parts of the cluster were apart
    Clashes,
    /// Show what a removed node wrote and no member has
    Orphans,
}

/// Whom members believe.
#[derive(Clone, Subcommand)]
pub(crate) enum TrustCommand {
    /// Show and renew the certificates between nodes
    #[command(subcommand)]
    Certificates(CertificatesCommand),
    /// Exchange the certificate authority for a new one, while everything goes on
    RotateCa,
}

/// The third word after `cluster certificates`.
#[derive(Clone, Subcommand)]
pub(crate) enum CertificatesCommand {
    /// Show the authority, the certificate of every node, and whom an exchange of the authority waits for
    List,
    /// Renew the certificate of this node now; its links go on
    Renew,
}

/// What is to be seen of the nodes and what is between them.
#[derive(Clone, Subcommand)]
pub(crate) enum LookCommand {
    /// Show what every node says of every other
    Summary(WatchArgs),
    /// Show what is wrong between the nodes; `[]` when nothing is
    Errors(WatchArgs),
    /// Show what this node's links are made of, what is missing, and what was done about it and why
    Links(WatchArgs),
}

/// `cluster new`.
#[derive(Clone, Args)]
pub(crate) struct NewArgs {
    /// The address by which other nodes will reach this one
    #[arg(long)]
    pub(crate) host: String,
    /// Its PostgreSQL port [default: 5432]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The address by which users reach it, kept and shown as given
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) public_address: Option<String>,
}

/// `cluster verify`.
#[derive(Clone, Args)]
pub(crate) struct VerifyArgs {
    /// Mend the rows that differ, on every node
    #[arg(long)]
    pub(crate) repair: bool,
}

/// `cluster csr`.
#[derive(Clone, Args)]
pub(crate) struct CsrArgs {
    /// The address by which other nodes will reach this one
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// The address by which users reach it
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) public_address: Option<String>,
    /// Write the request to this file, in PEM, and print nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) csrfile: Option<PathBuf>,
    /// Print the request in PEM, without JSON around it
    #[arg(long, conflicts_with = "csrfile")]
    pub(crate) raw: bool,
}

/// `cluster join`.
#[derive(Clone, Args)]
pub(crate) struct JoinArgs {
    /// The address by which the members reach this node
    #[arg(long)]
    pub(crate) host: String,
    /// Its PostgreSQL port [default: 5432]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The address by which this node reaches the member that signed
    #[arg(long)]
    pub(crate) member: String,
    /// The member's PostgreSQL port [default: 5432]
    #[arg(long, value_name = "PORT")]
    pub(crate) memberport: Option<u16>,
    /// The address by which users reach this node
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) public_address: Option<String>,
    #[command(flatten)]
    pub(crate) ticket: TicketArgs,
    #[command(flatten)]
    pub(crate) until: UntilArgs,
}

/// How long a command that starts a join goes on.
#[derive(Clone, Args)]
pub(crate) struct UntilArgs {
    /// Return when the node is ready, showing how far it is
    #[arg(long)]
    pub(crate) block: bool,
    /// The same at a terminal, until `q`; the join itself goes on
    #[arg(long)]
    pub(crate) watch: bool,
}

/// What a member gave for the join, as one file or as three.
#[derive(Clone, Args)]
pub(crate) struct TicketArgs {
    /// The JSON that `cluster nodes create` printed; `-` is standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["cert", "certfile", "cachain", "cafile", "mkek_blob", "mkek_blobfile"]
    )]
    pub(crate) ticketfile: Option<PathBuf>,
    /// The certificate of this node, in PEM
    #[arg(long, value_name = "PEM", conflicts_with = "certfile", allow_hyphen_values = true)]
    pub(crate) cert: Option<String>,
    /// A file with it
    #[arg(long, value_name = "FILE")]
    pub(crate) certfile: Option<PathBuf>,
    /// The CA chain of the cluster, in PEM
    #[arg(long, value_name = "PEM", conflicts_with = "cafile", allow_hyphen_values = true)]
    pub(crate) cachain: Option<String>,
    /// A file with it
    #[arg(long, value_name = "FILE")]
    pub(crate) cafile: Option<PathBuf>,
    /// The sealed master key of the cluster
    #[arg(
        long,
        value_name = "BLOB",
        conflicts_with = "mkek_blobfile",
        allow_hyphen_values = true
    )]
    pub(crate) mkek_blob: Option<SecretString>,
    /// A file with it
    #[arg(long, value_name = "FILE")]
    pub(crate) mkek_blobfile: Option<PathBuf>,
}

/// The two sides of a join. The global flags are those of the member.
#[derive(Clone, Args)]
pub(crate) struct SidesArgs {
    /// The address by which the joining node reaches the member
    #[arg(long)]
    pub(crate) member: String,
    /// The member's PostgreSQL port [default: 5432]
    #[arg(long, value_name = "PORT")]
    pub(crate) memberport: Option<u16>,
    /// The address by which the members reach the joining node
    #[arg(long, value_name = "HOST")]
    pub(crate) newnodehost: String,
    /// The joining node's PostgreSQL port [default: 5432]
    #[arg(long, value_name = "PORT")]
    pub(crate) newnodeport: Option<u16>,
    /// The configuration file with URL and credentials of the joining node
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "newnodeurl",
        conflicts_with_all = ["newnodeurl", "newnodeuser", "newnodepass"]
    )]
    pub(crate) newnodeconfig: Option<PathBuf>,
    /// The URL of the joining node
    #[arg(long, value_name = "URL", requires = "newnodeuser")]
    pub(crate) newnodeurl: Option<String>,
    /// The account on the joining node
    #[arg(long, value_name = "NAME", requires = "newnodeurl")]
    pub(crate) newnodeuser: Option<String>,
    /// Its password; asked for at a terminal when it is not given
    #[arg(long, value_name = "PASSWORD", requires = "newnodeurl")]
    pub(crate) newnodepass: Option<SecretString>,
    /// The address by which users reach the joining node
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) newnodepublic: Option<String>,
}

/// `cluster fulljoin`.
#[derive(Clone, Args)]
pub(crate) struct FulljoinArgs {
    #[command(flatten)]
    pub(crate) sides: SidesArgs,
    /// Both nodes share a root-of-trust key, which wraps the master key on its way
    #[arg(long)]
    pub(crate) shared_hsm_partition: bool,
    /// Write the credentials of the cluster into the file of the joining node
    #[arg(long, requires = "newnodeconfig")]
    pub(crate) writetoconfig: bool,
    #[command(flatten)]
    pub(crate) until: UntilArgs,
}
