//! `ksctl login`.
//!
//! Flags only; URL, user and password are global flags. Next: `commands/login.rs`.

use clap::Args;
use secrecy::SecretString;

/// `login`.
#[derive(Clone, Args)]
pub(crate) struct LoginArgs {
    /// The password to set when the one in force must be changed; asked for at a terminal when it is not given
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) new_password: Option<SecretString>,
}
