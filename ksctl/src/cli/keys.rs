//! `ksctl keys …` and `ksctl vkeys …`.
//!
//! Flags only; each command is a file in `commands/keys/`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use secrecy::SecretString;

use super::page::PageArgs;

use super::ack::AckArgs;

/// The second word after `keys`.
#[derive(Clone, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key, or bring one in
    Create(CreateArgs),
    /// Show keys
    List(ListArgs),
    /// Show one key, without its material
    Get(VersionedKeyArgs),
    /// Show one key with its material
    Export(OneKeyArgs),
    /// Revoke a key: from now on it protects nothing new
    Revoke(RevokeArgs),
    /// Destroy the material of a key that was revoked
    Destroy(EndKeyArgs),
    /// Delete a key for good
    Delete(EndKeyArgs),
}

/// `keys create`.
#[derive(Clone, Args)]
pub(crate) struct CreateArgs {
    /// Its name; made from its id when absent
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The algorithm [default: AES]
    #[arg(long)]
    pub(crate) alg: Option<String>,
    /// Bits: 128, 192 or 256 [default: 256]
    #[arg(long)]
    pub(crate) size: Option<i32>,
    /// A sum of KMIP usage bits [default: 12, encrypt and decrypt]
    #[arg(long, value_name = "MASK")]
    pub(crate) usage_mask: Option<i32>,
    /// A text for people
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// The key may not be deleted
    #[arg(long)]
    pub(crate) nodelete: bool,
    /// The material may not leave the system
    #[arg(long)]
    pub(crate) noexport: bool,
    /// The material, to bring a key in
    #[arg(long, value_name = "TEXT")]
    pub(crate) material: Option<SecretString>,
    /// How the material is written: hex or base64 [default: hex]
    #[arg(long)]
    pub(crate) encoding: Option<String>,
    /// The whole request as JSON, in place of the other flags; `-` is standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["name", "alg", "size", "usage_mask", "description", "nodelete", "noexport", "material", "encoding"]
    )]
    pub(crate) jsonfile: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) ack: AckArgs,
}

/// `keys list`.
#[derive(Clone, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) page: PageArgs,
    /// Only keys of this name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Only keys in this state, such as Active
    #[arg(long)]
    pub(crate) state: Option<String>,
}

/// The second word after `vkeys`.
#[derive(Clone, Subcommand)]
pub(crate) enum VkeysCommand {
    /// Rotate a key: make a version of it, which is then the current one
    Create(RotateArgs),
    /// Show the versions of a key, the current one first
    List(VersionsArgs),
    /// Show one version of a key, without its material
    Get(OneVersionArgs),
    /// Show one version of a key with its material
    Export(OneVersionArgs),
}

/// `vkeys create`.
#[derive(Clone, Args)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    pub(crate) key: OneKeyArgs,
    /// The material, to bring it in
    #[arg(long, value_name = "TEXT")]
    pub(crate) material: Option<SecretString>,
    /// How the material is written: hex or base64 [default: hex]
    #[arg(long)]
    pub(crate) encoding: Option<String>,
    /// A text for people; that of the version before when absent
    #[arg(long)]
    pub(crate) description: Option<String>,
    #[command(flatten)]
    pub(crate) ack: AckArgs,
}

/// `vkeys list`.
#[derive(Clone, Args)]
pub(crate) struct VersionsArgs {
    #[command(flatten)]
    pub(crate) key: OneKeyArgs,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// `vkeys get` and `vkeys export`.
#[derive(Clone, Args)]
pub(crate) struct OneVersionArgs {
    #[command(flatten)]
    pub(crate) key: OneKeyArgs,
    /// The number of the version
    #[arg(long)]
    pub(crate) version: u32,
}

/// `keys revoke`.
#[derive(Clone, Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    pub(crate) key: VersionedKeyArgs,
    /// Why, in a word of KMIP
    #[arg(
        long,
        help = "Why: Unspecified, KeyCompromise, CACompromise, AffiliationChanged, Superseded, \
                        CessationOfOperation or PrivilegeWithdrawn"
    )]
    pub(crate) reason: String,
    /// A text for the log
    #[arg(long)]
    pub(crate) message: Option<String>,
    #[command(flatten)]
    pub(crate) ack: AckArgs,
}

/// `keys destroy` and `keys delete`.
#[derive(Clone, Args)]
pub(crate) struct EndKeyArgs {
    #[command(flatten)]
    pub(crate) key: VersionedKeyArgs,
    #[command(flatten)]
    pub(crate) ack: AckArgs,
}

/// `keys get`; a part of those that end a key.
#[derive(Clone, Args)]
pub(crate) struct VersionedKeyArgs {
    #[command(flatten)]
    pub(crate) key: OneKeyArgs,
    /// The number of a version, when it is not the current one
    #[arg(long)]
    pub(crate) version: Option<u32>,
}

/// `keys export`; a part of all that are about one key.
#[derive(Clone, Args)]
pub(crate) struct OneKeyArgs {
    /// The key's name, or its id with `--type id`
    #[arg(long)]
    pub(crate) name: String,
    /// What `--name` says
    #[arg(long = "type", default_value = "name", value_parser = ["name", "id"])]
    pub(crate) kind: String,
}
