//! Runs the program with a home, an environment and an input of its own.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

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

    /// Runs a command line with a file in place of standard output.
    pub(crate) fn run_into(&self, line: &str, out: &Path) -> Anyhow<Ran> {
        let out = std::fs::OpenOptions::new().append(true).create(true).open(out)?;
        let output = Command::new(env!("CARGO_BIN_EXE_ksctl"))
            .args(line.split_whitespace())
            .env_clear()
            .env("HOME", self.home.path())
            .envs(self.environment.iter().cloned())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(out)
            .output()?;
        Ok(Ran {
            code: output.status.code(),
            out: String::new(),
            err: String::from_utf8(output.stderr)?,
        })
    }

    /// Starts a command line at a terminal of so many columns.
    pub(crate) fn at_terminal(&self, columns: u16, line: &str) -> Anyhow<Terminal> {
        let program = env!("CARGO_BIN_EXE_ksctl");
        let command = format!("tty && stty cols {columns} rows 30 && exec {program} {line}");
        let mut child = Command::new("script")
            .args(["-qefc", &command, "/dev/null"])
            .env_clear()
            .env("HOME", self.home.path())
            .env("TERM", "xterm")
            .envs(self.environment.iter().cloned())
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut terminal = Terminal {
            child,
            keys: stdin.ok_or("no input")?,
            screen: stdout.ok_or("no output")?,
            device: String::new(),
            shown: String::new(),
        };
        let device = terminal.wait_for("\n")?;
        device.trim().clone_into(&mut terminal.device);
        Ok(terminal)
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

/// A command line that runs at a terminal.
pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    device: String,
    shown: String,
}

impl Terminal {
    /// Waits until `text` is shown, behind what was waited for before, and gives back what is before it. The test ends by its
    /// time limit if it never is.
    pub(crate) fn wait_for(&mut self, text: &str) -> Anyhow<String> {
        let mut piece = [0; 4096];
        loop {
            if let Some((before, rest)) = self.shown.split_once(text) {
                let before = before.to_owned();
                self.shown = rest.to_owned();
                return Ok(before);
            }
            let read = self.screen.read(&mut piece)?;
            if read == 0 {
                return Err(format!("it ended without {text:?}: {:?}", self.shown).into());
            }
            self.shown
                .push_str(&String::from_utf8_lossy(piece.get(..read).unwrap_or_default()));
        }
    }

    /// Waits until what is typed is not shown: what is typed before does not count as typed at a prompt for a password.
    pub(crate) fn wait_for_secrecy(&self) -> Anyhow<()> {
        loop {
            let modes = Command::new("stty").args(["-F", &self.device, "-a"]).output()?;
            if String::from_utf8(modes.stdout)?.contains("-echo ") {
                return Ok(());
            }
        }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) -> Anyhow<()> {
        self.keys.write_all(keys.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    /// Waits for the end: the exit code, and what was shown since.
    pub(crate) fn end(mut self) -> Anyhow<(Option<i32>, String)> {
        let mut rest = Vec::new();
        self.screen.read_to_end(&mut rest)?;
        self.shown.push_str(&String::from_utf8_lossy(&rest));
        Ok((self.child.wait()?.code(), self.shown.replace('\r', "")))
    }
}
