//! A real syslog server: rsyslogd with a configuration of its own, on ports of its own, which writes what it read of each
//! message into files.
//!
//! Decides what a message is read as: its parts between bars, so that a test sees how a stranger has understood it.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::wait::until;

/// How it can be spoken to, and the file of each way.
pub(crate) const WAYS: [&str; 3] = ["udp", "tcp", "tls"];

/// A server and its folder. It goes with the test.
pub(crate) struct Rsyslog {
    address: Ipv4Addr,
    folder: TempDir,
    pub(crate) certificate: String,
    running: Option<Child>,
}

impl Rsyslog {
    /// A server at `address` that was not started yet.
    pub(crate) fn new(address: Ipv4Addr) -> Result<Self> {
        let folder = super::scratch::folder()?;
        let (certificate, key) = certs::self_signed(&[address.to_string()], 1_600_000_000, 2_000_000_000)?;
        fs::write(folder.path().join("server.crt"), &certificate)?;
        fs::write(folder.path().join("server.key"), key)?;
        let server = Self {
            address,
            folder,
            certificate,
            running: None,
        };
        fs::write(server.folder.path().join("rsyslog.conf"), server.config())?;
        Ok(server)
    }

    fn config(&self) -> String {
        let (folder, address) = (self.folder.path().display(), self.address);
        let mut text = format!(
            r#"
global(workDirectory="{folder}" defaultNetstreamDriverCAFile="{folder}/server.crt"
       defaultNetstreamDriverCertFile="{folder}/server.crt" defaultNetstreamDriverKeyFile="{folder}/server.key"
       parser.escapeControlCharactersOnReceive="on")
module(load="imudp")
module(load="imtcp")
template(name="parts" type="string"
         string="%pri-text%|%timestamp:::date-rfc3339%|%hostname%|%app-name%|%procid%|%msgid%|%structured-data%|%msg%\n")
input(type="imudp" address="{address}" port="{udp}" ruleset="udp")
input(type="imtcp" address="{address}" port="{tcp}" ruleset="tcp")
input(type="imtcp" address="{address}" port="{tls}" ruleset="tls" streamDriver.name="gtls" streamDriver.mode="1"
      streamDriver.authMode="anon")
"#,
            udp = Self::port("udp"),
            tcp = Self::port("tcp"),
            tls = Self::port("tls"),
        );
        let rulesets = WAYS.map(|way| {
            format!(
                "ruleset(name=\"{way}\") {{ action(type=\"omfile\" file=\"{folder}/{way}.log\" template=\"parts\" \
                 fileCreateMode=\"0644\") }}\n"
            )
        });
        text.push_str(&rulesets.concat());
        text
    }

    /// The port of this way.
    pub(crate) fn port(way: &str) -> u16 {
        match way {
            "udp" => 5514,
            "tcp" => 5515,
            _ => 6514,
        }
    }

    /// Starts it and waits until it listens.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let program = ["/usr/sbin/rsyslogd", "/sbin/rsyslogd"].map(PathBuf::from);
        let program = program.into_iter().find(|path| path.exists());
        let program = program.context("rsyslogd is not there: tests/deps.sh test installs it")?;
        let folder = self.folder.path();
        let mut command = Command::new(program);
        command.arg("-n").arg("-f").arg(folder.join("rsyslog.conf"));
        command.arg("-i").arg(folder.join("rsyslog.pid"));
        let said = fs::File::create(folder.join("said.log"))?;
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        let mut child = command.spawn()?;
        let (address, said) = (self.address, folder.join("said.log"));
        until("rsyslogd listens", super::node::PATIENCE, async || {
            if child.try_wait()?.is_some() {
                return Ok(true);
            }
            let taken = ["tcp", "tls"].map(|way| TcpListener::bind((address, Self::port(way))).is_err());
            Ok(taken == [true; 2])
        })
        .await?;
        ensure!(child.try_wait()?.is_none(), "{}", fs::read_to_string(said)?);
        self.running = Some(child);
        Ok(())
    }

    /// Ends it. What it has read is in its files.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let mut child = self.running.take().context("it does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// What it has read by this way, one message a line.
    pub(crate) fn read(&self, way: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join(way).with_extension("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
