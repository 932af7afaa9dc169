//! Runs the program with a home, an environment and an input of its own.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::appliance::{Anyhow, Appliance};

/// A user of the program: a home folder and an environment.
pub(crate) struct User {
    home: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// What a run gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl User {
    /// A user who has nothing.
    pub(crate) fn new() -> Anyhow<Self> {
        Ok(Self {
            home: tempfile::tempdir()?,
            environment: Vec::new(),
        })
    }

    /// A user whose environment names an appliance and the account `admin`.
    pub(crate) fn of(appliance: &Appliance) -> Anyhow<Self> {
        let user = Self::new()?;
        Ok(user
            .with("KSCTL_URL", &appliance.url())
            .with("KSCTL_USERNAME", "admin")
            .with("KSCTL_PASSWORD", "secret")
            .with("KSCTL_NOSSLVERIFY", "true"))
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A path in the home folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The text of a file in the home folder; empty if there is none.
    pub(crate) fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Runs a command line, which is split at spaces, with nothing at standard input.
    pub(crate) fn run(&self, line: &str) -> Anyhow<Ran> {
        self.run_with(line, "")
    }

    /// The same with `input` at standard input.
    pub(crate) fn run_with(&self, line: &str, input: &str) -> Anyhow<Ran> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ksctl"))
            .args(line.split_whitespace())
            .env_clear()
            .env("HOME", self.home.path())
            .envs(self.environment.iter().cloned())
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input is fine.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output()?;
        Ok(Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout)?,
            err: String::from_utf8(output.stderr)?,
        })
    }
}
