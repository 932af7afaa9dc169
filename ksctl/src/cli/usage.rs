//! How a wrong command line is told.
//!
//! This file decides one thing of its own: a flag that does not exist is an `unknown flag`, words that wrappers look for
//! before they try again without it. Everything else is clap's text.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

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
        if let Some(failure) = unknown_flag(&self.0) {
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

fn context(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}
