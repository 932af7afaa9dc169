//! `ksctl completions`: prints the completions for a shell.

use crate::failure::Failure;
use crate::printer::Printer;

/// Shows the script.
pub(crate) fn run(printer: Printer, script: &str) -> Result<(), Failure> {
    printer.raw(script)
}
