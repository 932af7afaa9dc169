//! Runs the programs as a user does and keeps what they said.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Its standard output as JSON, if it ended well.
    pub(crate) fn json(self) -> Result<Value> {
        let text = self.text()?;
        serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
    }

    /// Its standard output, if it ended well.
    pub(crate) fn text(self) -> Result<String> {
        ensure!(self.code == Some(0), "ended with {:?}: {}", self.code, self.stderr);
        Ok(self.stdout)
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A program of the product: it lies beside the tests.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let built = test
        .ancestors()
        .nth(2)
        .context("a test lies in target/debug/deps")?
        .join(name);
    ensure!(
        built.exists(),
        "{} is not there: build the binaries first: make test",
        built.display()
    );
    Ok(built)
}

/// Runs a command to its end with `stdin` as its standard input.
pub(crate) async fn run(command: &mut Command, stdin: &str) -> Result<Said> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    let mut input = child.stdin.take().context("no standard input")?;
    // It may end without reading all of it.
    input.write_all(stdin.as_bytes()).await.ok();
    drop(input);
    Ok(child.wait_with_output().await?.into())
}

/// `ksctl` with nothing of the machine's own settings.
pub(crate) fn ksctl(home: &Path) -> Result<Command> {
    let mut command = Command::new(program("ksctl")?);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KSCTL_")) {
        command.env_remove(name);
    }
    command.env("HOME", home);
    Ok(command)
}
