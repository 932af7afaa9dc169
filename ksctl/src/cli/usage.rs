//! How a wrong command line is told.
//!
//! This file decides one thing of its own: a flag that does not exist is an `unknown flag`, words that wrappers look for
//! before they try again without it. A command that others have and this program has not is `not supported`
//! ([`super::unsupported`]). Everything else is clap's text.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Cli, unsupported};
use crate::exit;
use crate::failure::{Failure, Kind};
use crate::printer::Printer;
use crate::settings::Format;

/// Why there is nothing to run: help was asked for, or the command line is wrong.
pub(crate) struct Ending(clap::Error);

impl From<clap::Error> for Ending {
    fn from(error: clap::Error) -> Self {
        Self(error)
    }
}

impl Ending {
    /// Shows it, and says how the program ends.
    pub(crate) fn show(self) -> ExitCode {
        if let Some(failure) = unknown_flag(&self.0).or_else(|| unsupported_command(&self.0)) {
            Printer::new(Format::Json).failure(&failure);
        } else {
            // Help goes to standard output, errors to standard error; if those are closed nobody reads it.
            let _ = self.0.print();
        }
        if self.0.exit_code() == 0 {
            ExitCode::SUCCESS
        } else {
            exit::code(Kind::Usage).into()
        }
    }
}

fn unknown_flag(error: &clap::Error) -> Option<Failure> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let flag = context(error, ContextKind::InvalidArg).filter(|flag| flag.starts_with('-'))?;
    let hint = match context(error, ContextKind::SuggestedArg) {
        Some(similar) => format!("there is a similar one: {similar}"),
        None => "--help lists the flags of a command".to_owned(),
    };
    Some(Failure::usage(format!("unknown flag: {flag}")).with_hint(hint))
}

/// A command that others have and this program has not; a slip of the hand is clap's to tell.
fn unsupported_command(error: &clap::Error) -> Option<Failure> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let word = context(error, ContextKind::InvalidSubcommand)?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let typed = || words.iter().rev().skip_while(|typed| *typed != word).skip(1);
    let before = typed().find(|typed| is_command(typed));
    let command = unsupported::command(before.map(String::as_str), word)?;
    Some(Failure::usage(format!("`ksctl {command}` is not supported")).with_hint(unsupported::PAGE))
}

/// Is it a word of the tree that has words below it?
fn is_command(typed: &str) -> bool {
    fn is_below(command: &clap::Command, typed: &str) -> bool {
        let mut children = command.get_subcommands();
        children.any(|child| child.get_name() == typed && child.has_subcommands() || is_below(child, typed))
    }
    is_below(&Cli::command(), typed)
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}
