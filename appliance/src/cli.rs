//! The command line of the agent: which words there are, and how flags replace what the configuration file says.
//!
//! This file decides no default (`src/config/node.rs`) and does no work (`start.rs`, `check.rs`).

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use keystead::config::{LogFormat, NodeConfig};
use keystead::{Error, Kind, Result};

/// How the program ends, for the supervisor and for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or stopped because it was asked to.
    Done = 0,
    /// It could not start or go on; the reason is on standard error.
    Refused = 1,
    /// The command line or the configuration is wrong: trying again without a change does not help.
    Usage = 2,
    /// A part of the agent died: starting it again helps.
    Died = 4,
}

impl Exit {
    /// Adds this code to an error that ends the program.
    pub(crate) fn because(self) -> impl Fn(Error) -> (Self, Error) {
        move |error| (self, error)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The node agent of Keystead: runs one node, its PostgreSQL, and its part of the cluster.
#[derive(Debug, Parser)]
#[command(
    name = "keysteadd",
    version,
    disable_version_flag = true,
    after_help = "Exit codes: 0 done, or stopped when asked; 1 could not start or go on; 2 wrong command line or \
                  configuration; 4 a part of the agent died and a new start helps."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the node until it is told to stop (SIGTERM or Ctrl-C).
    Run(Box<RunArgs>),
    /// Tell everything that is wrong with a configuration file, and change nothing.
    CheckConfig(ConfigFile),
    /// Print the OpenAPI document of the REST interface.
    Openapi,
    /// Print the version.
    Version,
}

/// The one file of a node.
#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file of the node, in TOML; its keys are explained in docs/configuration.md.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

/// The configuration file, and flags that replace single values of it.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Where everything of this node lives [replaces `data_dir`].
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Address and port of HTTPS, as in 0.0.0.0:443 [replaces `rest.listen`].
    #[arg(long, value_name = "ADDRESS:PORT")]
    rest_listen: Option<SocketAddr>,
    /// Address PostgreSQL listens at for other nodes; several separated by commas [replaces `postgres.listen`].
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    postgres_listen: Option<Vec<IpAddr>>,
    /// Port of PostgreSQL, the only one between nodes [replaces `postgres.port`].
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    postgres_port: Option<u16>,
    /// Folder of PostgreSQL's programs [replaces `postgres.bin_dir`].
    #[arg(long, value_name = "FOLDER")]
    postgres_bin_dir: Option<PathBuf>,
    /// Log lines for people or for programs [replaces `log.format`].
    #[arg(long, value_enum)]
    log_format: Option<Format>,
    /// What is logged, as in `info,keysteadd::postgres=debug` [replaces `log.filter`].
    #[arg(long, value_name = "FILTER")]
    log_filter: Option<String>,
}

/// A shape of log lines, as a flag.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl ConfigFile {
    /// Reads the file.
    pub(crate) fn read(&self) -> Result<NodeConfig> {
        let shown = self.config.display().to_string();
        let text = std::fs::read_to_string(&self.config)
            .map_err(|error| Error::new(Kind::NotFound, format!("cannot read {shown}")).caused_by(error))?;
        NodeConfig::parse(&text, &shown)
    }
}

impl RunArgs {
    /// The configuration file with the flags in place of what it says.
    pub(crate) fn config(&self) -> Result<NodeConfig> {
        let mut config = self.file.read()?;
        self.replace(&mut config)?;
        config.validate()?;
        Ok(config)
    }

    fn replace(&self, config: &mut NodeConfig) -> Result<()> {
        if let Some(folder) = &self.data_dir {
            config.data_dir = absolute(folder)?;
        }
        if let Some(folder) = &self.postgres_bin_dir {
            config.postgres.bin_dir = Some(absolute(folder)?);
        }
        set(&mut config.rest.listen, self.rest_listen.as_ref());
        set(&mut config.postgres.listen, self.postgres_listen.as_ref());
        set(&mut config.postgres.port, self.postgres_port.as_ref());
        set(&mut config.log.filter, self.log_filter.as_ref());
        let format = self.log_format.map(|format| match format {
            Format::Text => LogFormat::Text,
            Format::Json => LogFormat::Json,
        });
        set(&mut config.log.format, format.as_ref());
        Ok(())
    }
}

fn set<T: Clone>(value: &mut T, flag: Option<&T>) {
    if let Some(flag) = flag {
        value.clone_from(flag);
    }
}

/// A path as the shell that gave it means it.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| Error::invalid_param(format!("{:?} is not a path", path.display())).caused_by(error))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_words_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_replaces_its_value() {
        let flags = "keysteadd run --config /c --data-dir /d --rest-listen 127.0.0.2:8443 --postgres-listen 127.0.0.2,::1 \
                     --postgres-port 5433 --postgres-bin-dir /b --log-format json --log-filter debug";
        let Command::Run(args) = Cli::parse_from(flags.split_whitespace()).command else {
            panic!("not run")
        };
        let mut config = NodeConfig::at("/file");
        args.replace(&mut config).unwrap();
        assert_eq!(config.data_dir, Path::new("/d"));
        assert_eq!(config.rest.listen.to_string(), "127.0.0.2:8443");
        assert_eq!(
            config
                .postgres
                .listen
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            ["127.0.0.2", "::1"]
        );
        assert_eq!(
            (config.postgres.port, config.postgres.bin_dir.as_deref()),
            (5433, Some(Path::new("/b")))
        );
        assert_eq!(
            (config.log.format, config.log.filter.as_str()),
            (LogFormat::Json, "debug")
        );
    }

    #[test]
    fn without_flags_the_file_counts() {
        let Command::Run(args) = Cli::parse_from(["keysteadd", "run", "--config", "/c"]).command else {
            panic!("not run")
        };
        let mut config = NodeConfig::at("/file");
        args.replace(&mut config).unwrap();
        assert_eq!(config, NodeConfig::at("/file"));
    }
}
