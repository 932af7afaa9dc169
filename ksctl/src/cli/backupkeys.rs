//! `ksctl backupkeys …`.
//!
//! Flags only; the commands are in `commands/backupkeys/`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use secrecy::SecretString;

use super::page::PageArgs;

/// The second word after `backupkeys`.
#[derive(Clone, Subcommand)]
pub(crate) enum BackupkeysCommand {
    /// Make a backup key
    Create(CreateArgs),
    /// Show the backup keys that are on this node
    List(ListArgs),
    /// Show one backup key, without its secret
    Get(OneArgs),
    /// Delete a backup key that opens no backup on this node
    Delete(OneArgs),
    /// Make backups with this key when nothing is said
    Default(OneArgs),
    /// Write a backup key into a file, locked with a password
    Download(DownloadArgs),
    /// Bring a backup key from a file to this node
    Upload(UploadArgs),
    /// Show what a file says of itself; asks no appliance and no password
    Inspect(InspectArgs),
}

/// `backupkeys create`.
#[derive(Clone, Args)]
pub(crate) struct CreateArgs {
    /// What it is for: `system`; others are not built
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// Make it the default one
    #[arg(long)]
    pub(crate) default: bool,
}

/// `backupkeys list`.
#[derive(Clone, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) page: PageArgs,
    /// Taken and of no effect: all are of the scope `system`
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// Show only the default one
    #[arg(long)]
    pub(crate) default: bool,
}

/// `backupkeys get`, `backupkeys delete` and `backupkeys default`.
#[derive(Clone, Args)]
pub(crate) struct OneArgs {
    /// The key's id, or an unambiguous beginning of it
    #[arg(long)]
    pub(crate) id: String,
}

/// `backupkeys download`.
#[derive(Clone, Args)]
pub(crate) struct DownloadArgs {
    /// The key's id, or an unambiguous beginning of it
    #[arg(long)]
    pub(crate) id: String,
    /// What will open the file; asked for at a terminal when it is not given
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) bkpassword: Option<SecretString>,
    /// Where to; standard output when it is not given
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
    /// A hint at the password, which anybody who has the file reads
    #[arg(long)]
    pub(crate) hint: Option<String>,
}

/// `backupkeys upload`.
#[derive(Clone, Args)]
pub(crate) struct UploadArgs {
    /// What opens the file; asked for at a terminal when it is not given
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) bkpassword: Option<SecretString>,
    /// The file of a backup key; `-` is standard input
    #[arg(long)]
    pub(crate) file: PathBuf,
}

/// `backupkeys inspect`.
#[derive(Clone, Args)]
pub(crate) struct InspectArgs {
    /// The file of a backup key; `-` is standard input
    #[arg(long)]
    pub(crate) file: PathBuf,
    /// Taken and not needed: what is shown is not locked
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) bkpassword: Option<SecretString>,
}
