//! `ksctl backup …`.
//!
//! Flags only; the commands are in `commands/backup/`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::page::PageArgs;

/// The second word after `backup`.
#[derive(Clone, Subcommand)]
pub(crate) enum BackupCommand {
    /// Make a backup of this node's accounts, keys and syslog servers
    Create(CreateArgs),
    /// Show the backups that are on this node
    List(ListArgs),
    /// Show one backup
    Get(OneArgs),
    /// Delete a backup
    Delete(OneArgs),
    /// Replace the data of this node, which is in no cluster, by that of a backup
    Restore(RestoreArgs),
    /// Show the backup or restore that runs on this node, or the last one
    Status,
    /// Write a backup into a file
    Download(DownloadArgs),
    /// Bring a backup from a file to this node
    Upload(FileArgs),
    /// Show what a file says of itself; asks no appliance
    Inspect(FileArgs),
}

/// `backup create`.
#[derive(Clone, Args)]
pub(crate) struct CreateArgs {
    /// What is backed up: `system` is everything; others are not built
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// Not built
    #[arg(long)]
    pub(crate) tied_to_hsm: bool,
    /// The backup key that is to open it; the default one when it is not given
    #[arg(long, value_name = "ID")]
    pub(crate) keyid: Option<String>,
    /// A text for people
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// Not built: a backup is of everything
    #[arg(long, value_name = "JSON", conflicts_with = "filters_jsonfile")]
    pub(crate) filters: Option<String>,
    /// Not built: a backup is of everything
    #[arg(long, value_name = "FILE")]
    pub(crate) filters_jsonfile: Option<PathBuf>,
}

/// `backup list`.
#[derive(Clone, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) page: PageArgs,
    /// Taken and of no effect: all are of the scope `system`
    #[arg(long)]
    pub(crate) scope: Option<String>,
}

/// `backup get` and `backup delete`.
#[derive(Clone, Args)]
pub(crate) struct OneArgs {
    /// The backup's id, or an unambiguous beginning of it
    #[arg(long)]
    pub(crate) id: String,
}

/// `backup restore`.
#[derive(Clone, Args)]
pub(crate) struct RestoreArgs {
    /// The backup's id, or an unambiguous beginning of it
    #[arg(long)]
    pub(crate) id: String,
    /// Also when a version made it that is more than three minor versions older
    #[arg(long)]
    pub(crate) force: bool,
}

/// `backup download`.
#[derive(Clone, Args)]
pub(crate) struct DownloadArgs {
    /// The backup's id, or an unambiguous beginning of it
    #[arg(long)]
    pub(crate) id: String,
    /// Where to; `ID.backup` in this folder when it is not given
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
}

/// `backup upload` and `backup inspect`.
#[derive(Clone, Args)]
pub(crate) struct FileArgs {
    /// The file of a backup
    #[arg(long)]
    pub(crate) file: PathBuf,
}
