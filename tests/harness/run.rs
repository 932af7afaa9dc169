//! Runs the system's own programs and fails with what they said. For the programs of the product: `cli.rs`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Runs a command to its end and fails with what it said.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    feed(command, "")
}

/// The same, with something on its standard input.
pub(crate) fn feed(command: &mut Command, stdin: &str) -> Result<()> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    if let Some(mut input) = child.stdin.take() {
        // It may end without reading all of it.
        input.write_all(stdin.as_bytes()).ok();
    }
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
