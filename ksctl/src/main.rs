//! `ksctl`: the command line of a Keystead cluster.
//!
//! This file starts the program and turns its end into an exit code. It never decides anything.
//!
//! A command line reads front to back: [`cli`] says which words exist, [`settings`] resolves flags, files and
//! environment into one struct, [`dispatch`] hands both to one file under [`commands`], which talks through
//! [`client`] and shows through [`printer`]. Next: [`dispatch`].

mod cli;
mod client;
mod clock;
mod commands;
mod config_file;
mod confirm;
mod dispatch;
mod exit;
mod failure;
mod input;
mod output;
mod pace;
mod printer;
mod settings;
mod sources;
mod token;

use std::process::ExitCode;

use failure::Failure;
use printer::Printer;
use rustix::process::{Resource, Rlimit, setrlimit};
use settings::Format;

fn main() -> ExitCode {
    keep_memory_private();
    let outcome = match cli::parse() {
        Ok(cli) => run(cli),
        Err(ending) => return ending.show(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            Printer::new(Format::Json).failure(&failure);
            exit::code(failure.kind()).into()
        }
    }
}

/// Passwords and tokens are in it: it goes into no core file, and no other program of the user looks into it. Where the system
/// does not have that, the command is worth more.
fn keep_memory_private() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).ok();
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).ok();
}

/// Runs one command line on this thread.
fn run(cli: cli::Cli) -> Result<(), Failure> {
    // A second installation can only fail because there is a provider already, which is all that is wanted.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| Failure::internal(format!("cannot start: {cause}")))?
        .block_on(dispatch::run(cli))
}
