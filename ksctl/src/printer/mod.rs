//! The only place that prints: data to standard output, everything else to standard error.
//!
//! This file decides how data, notes and errors look. Scripts may parse standard output whole: with `--respfmt json` it
//! is one JSON document or nothing. Next: [`json`] for the indentation, [`table`] for the tables, [`progress`] for the
//! line of a running join.

mod json;
pub(crate) mod progress;
pub(crate) mod table;

use std::io::Write;

use anstyle::{AnsiColor, Style};
use comfy_table::Table;
use serde::Serialize;

use crate::client::Answer;
use crate::failure::Failure;
use crate::settings::Format;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Shows things in the format the user chose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    format: Format,
}

impl Printer {
    /// A printer for a format.
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Does the user want tables?
    pub(crate) fn wants_tables(self) -> bool {
        self.format == Format::Table
    }

    /// Shows an answer of the appliance as it was given; an empty one shows nothing.
    pub(crate) fn answer(self, answer: &Answer) -> Result<(), Failure> {
        if answer.text().is_empty() {
            Ok(())
        } else {
            self.raw(&json::indented(answer.text()))
        }
    }

    /// Shows a value as JSON.
    pub(crate) fn value(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)
            .map_err(|cause| Failure::internal(format!("cannot write the result as JSON: {cause}")))?;
        self.raw(&json::indented(&text))
    }

    /// Shows a table.
    pub(crate) fn table(self, table: &Table) -> Result<(), Failure> {
        self.raw(&table.to_string())
    }

    /// Shows a text as it is, with a line end at its end.
    #[expect(
        clippy::unused_self,
        reason = "all output goes through a printer, so that one can be found"
    )]
    pub(crate) fn raw(self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        match write!(out, "{text}{end}").and_then(|()| out.flush()) {
            // The reader has seen enough, as `head` does.
            Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|cause| Failure::internal(format!("cannot write the result: {cause}"))),
        }
    }

    /// Tells the user something beside the data.
    #[expect(
        clippy::unused_self,
        reason = "all output goes through a printer, so that one can be found"
    )]
    pub(crate) fn note(self, text: &str) {
        prompt(&format!("{text}\n"));
    }

    /// Shows why a command ended badly, and the way out.
    pub(crate) fn failure(self, failure: &Failure) {
        self.note(&format!("{ERROR}error:{ERROR:#} {failure}"));
        if let Some(hint) = failure.hint() {
            self.note(&format!("{HINT}hint:{HINT:#} {hint}"));
        }
    }
}

/// Writes to standard error without a line end, for questions. A closed standard error is no reason to stop.
pub(crate) fn prompt(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = write!(err, "{text}").and_then(|()| err.flush());
}
