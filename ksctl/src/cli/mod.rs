//! Which words exist on the command line: clap types and nothing else.
//!
//! This file decides the shape of the tree. It never acts: [`crate::dispatch`] turns these types into what commands
//! take. Files follow the tree; [`usage`] decides how a wrong command line is told, [`generate`] makes completions and
//! man pages from the same types.

pub(crate) mod ack;
pub(crate) mod alarms;
pub(crate) mod backup;
pub(crate) mod backupkeys;
pub(crate) mod cluster;
pub(crate) mod deploy;
pub(crate) mod generate;
mod global;
pub(crate) mod keys;
pub(crate) mod lanes;
pub(crate) mod login;
pub(crate) mod metrics;
pub(crate) mod nodes;
pub(crate) mod page;
pub(crate) mod services;
pub(crate) mod system;
mod unsupported;
mod usage;
pub(crate) mod watch;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use global::GlobalArgs;
pub(crate) use usage::Ending;

/// The command line of a Keystead cluster
#[derive(Clone, Parser)]
#[command(name = "ksctl", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The first word.
#[derive(Clone, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Asking(Box<Asking>),
    /// Print what a machine needs beside the node
    #[command(subcommand)]
    Deploy(deploy::DeployCommand),
    /// Print the completions for a shell
    Completions {
        /// The shell they are for
        shell: Shell,
    },
    /// Write the man pages
    Man {
        /// The folder they go into
        #[arg(long)]
        dir: PathBuf,
    },
}

/// The first word of commands that ask an appliance. The others work whatever is in the files of settings.
#[derive(Clone, Subcommand)]
pub(crate) enum Asking {
    /// Make, join, watch and leave a cluster
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Show what is wrong, and say that somebody takes care of it
    #[command(subcommand)]
    Alarms(alarms::AlarmsCommand),
    /// Say whether Prometheus may scrape, and show what it gets
    #[command(subcommand)]
    Metrics(metrics::MetricsCommand),
    /// Make, list and delete keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Rotate keys, and show their versions
    #[command(subcommand)]
    Vkeys(keys::VkeysCommand),
    /// Make, restore and move backups of a node
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Make and move the keys that open backups
    #[command(subcommand)]
    Backupkeys(backupkeys::BackupkeysCommand),
    /// Log in and keep the session, so that later commands need no credentials
    Login(login::LoginArgs),
    /// Show the versions of this program and of the appliance
    Version,
    /// Show what an appliance is
    #[command(subcommand)]
    System(system::SystemCommand),
    /// Show how the services of an appliance are
    #[command(subcommand)]
    Services(services::ServicesCommand),
}

/// Reads the command line of this process.
pub(crate) fn parse() -> Result<Cli, Ending> {
    Cli::try_parse().map_err(Ending::from)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_every_flag_is_in_the_documentation() {
        let mut root = Cli::command();
        root.build();
        let mut missing = Vec::new();
        compare(&root, "ksctl", include_str!("../../../docs/ksctl.md"), &mut missing);
        assert!(missing.is_empty(), "docs/ksctl.md does not mention {missing:?}");
    }

    fn compare(command: &clap::Command, path: &str, docs: &str, missing: &mut Vec<String>) {
        let mut children = command
            .get_subcommands()
            .filter(|child| child.get_name() != "help")
            .peekable();
        if children.peek().is_none() {
            let heading = format!("`{path}`");
            if !docs.contains(&heading) {
                missing.push(heading);
            }
            let flags = command.get_arguments().filter_map(clap::Arg::get_long);
            missing.extend(
                flags
                    .map(|flag| format!("`--{flag}`"))
                    .filter(|flag| !docs.contains(flag.as_str())),
            );
        }
        for child in children {
            compare(child, &format!("{path} {}", child.get_name()), docs, missing);
        }
    }
}
