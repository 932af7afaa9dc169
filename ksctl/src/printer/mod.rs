//! The only place that prints: data to standard output, everything else to standard error.
//!
//! This file decides how data, notes and errors look. Names and texts of others come through here, and none of them drives
//! the terminal: what is no character to see is shown by its number ([`keystead::text::escape`]). Scripts may parse standard output whole: with `--respfmt json` it
//! is one JSON document or nothing. Next: [`json`] for the indentation, [`tables`] for what tables show and [`layout`]
//! for how they fit, [`screen`] for tables that are watched, [`progress`] for the line of a running join.

mod json;
pub(crate) mod layout;
pub(crate) mod progress;
pub(crate) mod screen;
pub(crate) mod tables;

use std::io::Write;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use keystead::text::escape;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::Answer;
use crate::failure::{Failure, Kind};
use crate::output;
use crate::settings::Format;

use self::layout::Table;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Shows things in the format the user chose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    format: Format,
    in_place: bool,
}

impl Printer {
    /// A printer for a format.
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            in_place: false,
        }
    }

    /// A printer of tables, each of which takes the place of the one before.
    pub(crate) fn in_place() -> Self {
        Self {
            format: Format::Table,
            in_place: true,
        }
    }

    /// Does the user want tables?
    pub(crate) fn wants_tables(self) -> bool {
        self.format == Format::Table
    }

    /// Shows an answer of the appliance: as it was given, or as a table of its fields; an empty one shows nothing.
    pub(crate) fn answer(self, answer: &Answer) -> Result<(), Failure> {
        if answer.text().is_empty() {
            return Ok(());
        }
        self.text(answer.text())
    }

    /// Shows an answer of the appliance: as it was given, or as the table that is made for it.
    pub(crate) fn show<T: DeserializeOwned>(self, answer: &Answer, table: fn(&T) -> Table) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(answer.text()),
            Format::Table => self.table(table(&answer.parse()?)),
        }
    }

    /// Shows an answer that another command or program is to read: as it was given, whatever the format.
    pub(crate) fn document(self, answer: &Answer) -> Result<(), Failure> {
        self.json(answer.text())
    }

    /// Shows a value as JSON, or as a table of its fields.
    pub(crate) fn value(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)
            .map_err(|cause| Failure::internal(format!("cannot write the result as JSON: {cause}")))?;
        self.text(&text)
    }

    fn text(self, text: &str) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(text),
            Format::Table => self.table(tables::fields::fields(text)?),
        }
    }

    fn json(self, text: &str) -> Result<(), Failure> {
        self.raw(&escape::json(&json::indented(text)))
    }

    /// Shows a table in what room the terminal has. Colours are left out where it has none, or `NO_COLOR` is set.
    pub(crate) fn table(self, table: Table) -> Result<(), Failure> {
        if self.in_place {
            return screen::replace(table);
        }
        let sheet = table.sheet(width());
        // Its cells hold nothing but what is seen; the colours are ours.
        written(&mut anstream::stdout().lock(), &sheet.text)?;
        if !sheet.left_out.is_empty() {
            let columns = sheet.left_out.join(", ");
            self.note(&format!(
                "left out: {columns}; a wider terminal shows them, and so does --respfmt json"
            ));
        }
        Ok(())
    }

    /// Shows lines of text, with a line end at their end.
    #[expect(
        clippy::unused_self,
        reason = "all output goes through a printer, so that one can be found"
    )]
    pub(crate) fn raw(self, text: &str) -> Result<(), Failure> {
        let text = escape::lines(text);
        written(&mut std::io::stdout().lock(), &text)
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
    #[expect(
        clippy::unused_self,
        reason = "all output goes through a printer, so that one can be found"
    )]
    pub(crate) fn failure(self, failure: &Failure) {
        // Who has ended a command knows why it ended.
        if failure.kind() == Kind::Interrupted {
            return write_error(&escape::lines(&failure.to_string()));
        }
        write_error(&format!("{}\n", worded(failure)));
    }
}

/// Writes to standard output, with a line end at the end.
fn written(out: &mut impl Write, text: &str) -> Result<(), Failure> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        // The reader has seen enough, as `head` does.
        Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|cause| output::unwritten(Path::new("-"), &cause)),
    }
}

/// How many columns the terminal has, if standard output is one.
fn width() -> Option<usize> {
    screen::size().map(|(columns, _)| columns)
}

/// Why a command ended badly and the way out, with colours of ours and nothing else that a terminal would follow.
fn worded(failure: &Failure) -> String {
    let text = failure.to_string();
    let error = format!("{ERROR}error:{ERROR:#} {}", escape::lines(&text));
    match failure.hint() {
        Some(hint) => format!("{error}\n{HINT}hint:{HINT:#} {}", escape::lines(hint)),
        None => error,
    }
}

/// Writes to standard error without a line end, for questions.
pub(crate) fn prompt(text: &str) {
    write_error(&escape::lines(text));
}

/// A closed standard error is no reason to stop.
fn write_error(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = write!(err, "{text}").and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_appliance_says_in_an_error_drives_no_terminal() {
        let said = "NCERRConflict: 2 keys are named \u{1b}]0;owned\u{7}\u{9b}2J\u{202e}x";
        let worded = worded(&Failure::answered(409, said).with_hint("use\u{200b} an id\r"));
        let ours = worded.replace(&ERROR.to_string(), "").replace(&HINT.to_string(), "");
        let ours = ours.replace(&format!("{ERROR:#}"), "");
        assert_eq!(
            ours,
            "error: NCERRConflict: 2 keys are named \\u{1b}]0;owned\\u{7}\\u{9b}2J\\u{202e}x\nhint: use\\u{200b} an id\\r"
        );
    }
}
