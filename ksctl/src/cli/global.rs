//! The flags that every command takes, before or after it.
//!
//! Flags only; what they are worth beside files and environment is decided in [`crate::settings`].

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

/// Whom to ask, as whom, and how to show the answer.
#[derive(Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// The appliance, such as `https://node-1`; the scheme may be left out
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The account
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Its password; asked for at a terminal when it is not given anywhere
    #[arg(long, global = true, value_name = "PASSWORD")]
    pub(crate) password: Option<SecretString>,
    /// A bearer token, in place of user and password
    #[arg(long, global = true, value_name = "TOKEN")]
    pub(crate) jwt: Option<SecretString>,
    /// Do not check the certificate of the appliance
    #[arg(
        long,
        global = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    pub(crate) nosslverify: Option<bool>,
    /// Check the certificate of the appliance against this CA alone
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Seconds one request may take [default: 30]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<u64>,
    /// The domain to work in
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) domain: Option<String>,
    /// The domain the account belongs to
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) auth_domain: Option<String>,
    /// The connection the account comes from
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) connection: Option<String>,
    /// A file of settings that counts for more than the environment
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) configfile: Option<PathBuf>,
    /// How answers are shown [default: json]
    #[arg(long, global = true, value_name = "FORMAT", value_parser = ["json", "table"])]
    pub(crate) respfmt: Option<String>,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
}

/// A number of seconds, with or without its unit.
fn seconds(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    number
        .parse()
        .map_err(|_| "must be a whole number of seconds, as in 60 or 60s".to_owned())
}
