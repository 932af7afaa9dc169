//! `keysteadd`, the node agent: reads the command line and hands over.
//!
//! This file decides the exit code and the size of the runtime. Next: [`start`], the order in which a node comes up.

use std::alloc::System;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use keystead::text::escape;
use keystead::{Error, Result, VERSION};
use zeroizing_alloc::ZeroAlloc;

mod account;
mod acknowledge;
mod agent;
mod alarm;
mod api;
mod backup;
mod blocking;
mod certificates;
mod check;
mod cli;
mod clock;
mod clock_step;
mod cluster;
mod crash_point;
mod deadlocks;
mod disk;
mod durable;
mod hardening;
mod heartbeat;
mod held_connections;
mod join;
mod keys;
mod links;
mod metrics;
mod open;
mod peer_sessions;
mod peers;
mod postgres;
mod private_file;
mod pulse;
mod purge;
mod removed;
mod reset;
mod resync;
mod start;
mod supervisor;
mod syslog;
mod tasks;
mod telemetry;
mod upgrade;
mod upkeep;
mod vault;
mod verify;
mod version;
mod view;
mod wake;

use cli::{Cli, Command, ConfigFile, Exit, RunArgs};

/// Wipes memory that is given back: passwords and keys pass through buffers of parsers and of TLS, which nobody else wipes.
#[global_allocator]
static WIPING: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    // Tests name the places where the agent is to die; compiled out of the product.
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    let outcome = match Cli::parse().command {
        Command::Run(args) => run(&args),
        Command::CheckConfig(file) => check_config(&file),
        Command::Openapi => api::openapi_json()
            .and_then(|text| print(text.trim_end()))
            .map_err(Exit::Refused.because()),
        Command::Version => print(&format!("keysteadd {VERSION}")).map_err(Exit::Refused.because()),
    };
    outcome.unwrap_or_else(|(exit, error)| tell(exit, &error)).into()
}

fn check_config(file: &ConfigFile) -> Result<Exit, (Exit, Error)> {
    let config = file.read().map_err(Exit::Usage.because())?;
    check::check(&config).map_err(Exit::Usage.because())?;
    if let Some(unfixed) = check::postgres_version(&config) {
        if config.postgres.require_fixed_minor {
            return Err((Exit::Refused, unfixed));
        }
        let hint = unfixed.hint().unwrap_or_default();
        say(&format!("warning: {unfixed}\nhint: {hint}\n"));
    }
    print("the configuration is good").map_err(Exit::Usage.because())
}

fn run(args: &RunArgs) -> Result<Exit, (Exit, Error)> {
    let hardening = hardening::harden();
    let config = args.config().map_err(Exit::Usage.because())?;
    check::check(&config)
        .and_then(|()| telemetry::start(&config.log))
        .map_err(Exit::Usage.because())?;
    hardening.tell();
    // The agent steers and PostgreSQL works: two threads are enough, and more would cost memory.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| (Exit::Refused, Error::internal("starting threads", error)))?;
    runtime.block_on(start::run(&config)).map_err(Exit::Refused.because())
}

fn print(text: &str) -> Result<Exit> {
    let printed = writeln!(std::io::stdout(), "{text}");
    printed
        .map(|()| Exit::Done)
        .map_err(|error| Error::internal("writing to standard output", error))
}

/// Writes to standard error what drives no terminal, whoever has chosen the words in it.
fn say(text: &str) {
    // With nowhere to write to, the exit code is all that is left to say.
    write!(std::io::stderr(), "{}", escape::lines(text)).ok();
}

/// Tells why the program ends: in the log once there is one, else in plain text.
fn tell(exit: Exit, error: &Error) -> Exit {
    if tracing::dispatcher::has_been_set() {
        tracing::error!(hint = error.hint(), "{}", error.chain());
    } else {
        let hint = error.hint().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
        say(&format!("keysteadd: {}\n{hint}", error.chain()));
    }
    exit
}
