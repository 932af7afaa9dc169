//! One node: an agent in a process of its own with the PostgreSQL it owns.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use keystead::replication::names;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio_postgres::{Client, Config, NoTls};

use super::cli::{self, Said};
use super::hosts::Host;
use super::postgres;
use super::processes;
use super::rest::Rest;
use super::wait::until;

/// Where REST listens, unless the test wants another port.
const REST_PORT: u16 = 8443;

/// The administrator's password on every node of every test.
pub(crate) const PASSWORD: &str = "Test-pass-1";
const FIRST_PASSWORD: &str = "admin";
const USER: &str = "admin";

/// All nodes of tests begin with the password that everybody knows, unless a test says otherwise.
const WELL_KNOWN: &str = "[admin]\nwell_known_password = true\n";

/// Long beside any single step of a test on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A node and its folder.
pub(crate) struct Node {
    pub(crate) address: Ipv4Addr,
    folder: PathBuf,
    log: PathBuf,
    agent: Option<Child>,
    host: Option<Arc<Host>>,
    build: Vec<(&'static str, String)>,
    /// A program that runs the agent's, with its arguments, and the agent's program when it cannot reach the one that was built.
    launcher: Option<(Vec<String>, PathBuf)>,
    port: u16,
}

impl Node {
    /// Writes the configuration of a node that will listen at `address` and live in `folder`.
    pub(crate) fn new(address: Ipv4Addr, folder: &Path, log: &Path) -> Result<Self> {
        let node = Self {
            address,
            folder: folder.to_owned(),
            log: log.to_owned(),
            agent: None,
            host: None,
            build: Vec::new(),
            launcher: None,
            port: REST_PORT,
        };
        node.configure("")?;
        Ok(node)
    }

    /// The same node, on a host of its own.
    pub(crate) fn on(mut self, host: Arc<Host>) -> Self {
        self.host = Some(host);
        self
    }

    /// From its next start on the agent is `program`, run by `launcher`, and its REST is at this port.
    pub(crate) fn launch_by(&mut self, launcher: &[&str], program: PathBuf, port: u16) -> Result<()> {
        self.launcher = Some((launcher.iter().map(|&word| word.to_owned()).collect(), program));
        self.port = port;
        self.configure("")
    }

    /// From its next start on the node's program is of this version, with the migrations in this folder beside its own.
    pub(crate) fn install(&mut self, version: &str, migrations: &Path) {
        let migrations = migrations.display().to_string();
        self.build = vec![
            ("KEYSTEAD_VERSION", version.to_owned()),
            ("KEYSTEAD_MORE_MIGRATIONS", migrations),
        ];
    }

    /// From its next start on the node's program is the one that was built.
    pub(crate) fn install_built(&mut self) {
        self.build.clear();
    }

    /// Sets the clock of the node's host so many seconds ahead of the test's, or behind it, for all that runs there.
    pub(crate) fn set_clock(&self, seconds_ahead: i64) -> Result<()> {
        let host = self.host.as_ref().context("the node has no host of its own")?;
        host.clock.set(seconds_ahead)
    }

    /// Writes the configuration anew, with more at its end.
    pub(crate) fn configure(&self, more: &str) -> Result<()> {
        let (address, port, data) = (self.address, self.port, self.data().display().to_string());
        // Unless the test says which PostgreSQL it wants.
        let chosen = postgres::chosen().filter(|_| !more.starts_with("bin_dir") && !more.starts_with("url"));
        let bin_dir = chosen.map_or_else(String::new, |folder| format!("bin_dir = \"{}\"\n", folder.display()));
        // All nodes of a test are on this machine. A section may stand there once.
        let (cluster, loopback) = ("[cluster]\n", "[cluster]\nallow_loopback = true\n");
        let more = if more.contains(cluster) {
            more.replace(cluster, loopback)
        } else {
            format!("{more}\n{loopback}")
        };
        let config = format!(
            "data_dir = \"{data}\"\n[rest]\nlisten = \"{address}:{port}\"\n{WELL_KNOWN}\
             [postgres]\nlisten = [\"{address}\"]\nshared_buffers = \"16MB\"\n{bin_dir}{more}\n"
        );
        Ok(fs::write(self.config(), config)?)
    }

    /// From its next start on no node's host may be a loopback address.
    pub(crate) fn forbid_loopback(&self) -> Result<()> {
        let config = fs::read_to_string(self.config())?;
        Ok(fs::write(
            self.config(),
            config.replace("allow_loopback = true", "allow_loopback = false"),
        )?)
    }

    /// As an operator's node: its first password is random.
    pub(crate) fn configure_random_password(&self) -> Result<()> {
        let config = fs::read_to_string(self.config())?;
        Ok(fs::write(self.config(), config.replace(WELL_KNOWN, ""))?)
    }

    /// One more setting in the section `[rest]`.
    pub(crate) fn configure_rest_with(&self, setting: &str) -> Result<()> {
        let config = fs::read_to_string(self.config())?;
        Ok(fs::write(
            self.config(),
            config.replace("[rest]\n", &format!("[rest]\n{setting}\n")),
        )?)
    }

    /// Where a new node keeps its random first password.
    pub(crate) fn first_password(&self) -> PathBuf {
        self.data().join("first-password")
    }

    /// The same with a certificate for users that an operator has made.
    pub(crate) fn configure_rest(&self, certificate: &str, key: &str) -> Result<()> {
        self.configure("")?;
        let config = fs::read_to_string(self.config())?;
        let more = format!("[rest]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n");
        Ok(fs::write(self.config(), config.replace("[rest]\n", &more))?)
    }

    /// Where the node keeps everything.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.clone()
    }

    fn config(&self) -> PathBuf {
        self.folder.with_extension("toml")
    }

    /// Starts the agent; it is not waited for.
    pub(crate) fn spawn(&mut self, failpoints: &str) -> Result<()> {
        ensure!(self.agent.is_none(), "the agent at {} runs already", self.address);
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = self.program()?;
        command
            .arg("run")
            .arg("--config")
            .arg(self.config())
            .env("FAILPOINTS", failpoints)
            .envs(self.build.iter().cloned());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.agent = Some(command.spawn()?);
        Ok(())
    }

    /// The agent's program, where and as whom it is to run.
    fn program(&self) -> Result<Command> {
        let program = cli::program("keysteadd")?;
        Ok(match (&self.host, &self.launcher) {
            (Some(host), _) => host.command(&program)?,
            (None, None) => Command::new(program),
            (None, Some((launcher, program))) => {
                let (first, more) = launcher.split_first().context("a launcher is a program")?;
                let mut command = Command::new(first);
                command.args(more).arg(program);
                command
            }
        })
    }

    /// Starts the agent and waits until its REST answers.
    pub(crate) async fn start(&mut self) -> Result<()> {
        self.start_with("").await
    }

    /// The same, with these fail points.
    pub(crate) async fn start_with(&mut self, failpoints: &str) -> Result<()> {
        self.spawn(failpoints)?;
        self.wait_until_it_answers().await
    }

    /// Starts the agent for the first time, to die at these fail points, and changes the first password.
    pub(crate) async fn start_new(&mut self, failpoints: &str) -> Result<()> {
        self.spawn(failpoints)?;
        self.first_log_in().await
    }

    /// Waits until a new node answers and changes its first password.
    pub(crate) async fn first_log_in(&mut self) -> Result<()> {
        self.first_log_in_with(FIRST_PASSWORD).await
    }

    /// The same, with a first password that not everybody knows.
    pub(crate) async fn first_log_in_with(&mut self, password: &str) -> Result<()> {
        self.wait_until_it_answers().await?;
        self.add_to_trusted()?;
        let change = ["login", "--password", password, "--new-password", PASSWORD];
        self.ksctl_as_nobody(&change, "").await?.text()?;
        Ok(())
    }

    /// From now on users of all nodes of this test trust this node's own certificate.
    fn add_to_trusted(&self) -> Result<()> {
        let mut trusted = OpenOptions::new().create(true).append(true).open(self.trusted())?;
        Ok(trusted.write_all(&fs::read(self.rest_certificate())?)?)
    }

    fn trusted(&self) -> PathBuf {
        self.folder.with_file_name("trusted.pem")
    }

    /// Waits until REST answers; fails at once when the agent has ended.
    pub(crate) async fn wait_until_it_answers(&mut self) -> Result<()> {
        let what = format!("the node at {} answers (its log: {})", self.address, self.log.display());
        let url = self.url();
        let certificate = self.rest_certificate();
        let agent = self.agent.as_mut().context("the agent was not started")?;
        until(&what, PATIENCE, async || {
            if agent.try_wait()?.is_some() {
                // There is nothing more to wait for; told below.
                return Ok(true);
            }
            let status = Rest::new(&url, &certificate)?
                .get("system/services/status")
                .await?
                .good()?;
            Ok(status["services"]
                .as_array()
                .is_some_and(|all| all.iter().all(|one| one["status"] != "error")))
        })
        .await?;
        ensure!(
            agent.try_wait()?.is_none(),
            "the agent at {} has ended: {}",
            self.address,
            self.last_words()
        );
        Ok(())
    }

    /// Kills the agent as a crash does. Its PostgreSQL goes on.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let mut agent = self.agent.take().context("the agent does not run")?;
        agent.kill()?;
        agent.wait()?;
        Ok(())
    }

    /// Kills what a dead agent left running, as a power cut does.
    pub(crate) fn kill_rest(&self) {
        processes::end_all_in(&self.data());
    }

    /// Asks the agent to stop and waits for it.
    pub(crate) async fn stop(&mut self) -> Result<ExitStatus> {
        kill(self.agent_pid()?, Signal::SIGTERM)?;
        self.wait_until_it_ends().await
    }

    /// The agent's process.
    pub(crate) fn agent_pid(&self) -> Result<Pid> {
        let agent = self.agent.as_ref().context("the agent does not run")?;
        Ok(Pid::from_raw(i32::try_from(agent.id())?))
    }

    /// Waits until the agent has ended by itself.
    pub(crate) async fn wait_until_it_ends(&mut self) -> Result<ExitStatus> {
        let agent = self.agent.as_mut().context("the agent does not run")?;
        until("the agent ends", PATIENCE, async || Ok(agent.try_wait()?.is_some())).await?;
        let status = agent.wait()?;
        self.agent = None;
        Ok(status)
    }

    /// The end of what the agent logged.
    pub(crate) fn last_words(&self) -> String {
        self.logged().lines().rev().take(5).collect::<Vec<_>>().join("\n")
    }

    /// All that the agent logged.
    pub(crate) fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Where users reach it.
    pub(crate) fn url(&self) -> String {
        format!("https://{}:{}", self.address, self.port)
    }

    /// The certificate of its REST, which it made itself.
    pub(crate) fn rest_certificate(&self) -> PathBuf {
        self.data().join("rest/rest.crt")
    }

    /// A REST client, logged in.
    pub(crate) async fn rest(&self) -> Result<Rest> {
        let mut rest = Rest::new(&self.url(), &self.rest_certificate())?;
        rest.log_in(USER, PASSWORD).await?;
        Ok(rest)
    }

    /// Runs `ksctl` against this node, as its administrator.
    pub(crate) async fn ksctl(&self, arguments: &[&str]) -> Result<Said> {
        self.ksctl_with(arguments, "").await
    }

    /// The same, with something on standard input.
    pub(crate) async fn ksctl_with(&self, arguments: &[&str], stdin: &str) -> Result<Said> {
        self.ksctl_as_nobody(&[arguments, &["--password", PASSWORD]].concat(), stdin)
            .await
    }

    async fn ksctl_as_nobody(&self, arguments: &[&str], stdin: &str) -> Result<Said> {
        let home = self.folder.with_extension("home");
        let mut command = cli::ksctl(&home)?;
        command.args(arguments).args(["--user", USER, "--url", &self.url()]);
        command.arg("--cacert").arg(self.trusted());
        cli::run(&mut command, stdin).await
    }

    /// What `ksctl` prints, as JSON.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Result<Value> {
        self.ksctl(arguments)
            .await?
            .json()
            .with_context(|| format!("ksctl {}", arguments.join(" ")))
    }

    /// A session in a database of this node as its superuser, over its socket.
    pub(crate) async fn db(&self, database: &str) -> Result<Client> {
        let mut config = Config::new();
        config
            .host_path(self.data().join("pg-run"))
            .user("keystead")
            .dbname(database);
        let (client, connection) = config.connect(NoTls).await?;
        sql::drive(connection);
        Ok(client)
    }

    /// Waits until the node says that it is a ready member.
    pub(crate) async fn wait_until_ready(&self) -> Result<()> {
        until(
            &format!("the node at {} is ready", self.address),
            PATIENCE,
            async || {
                let info = self.json(&["cluster", "info"]).await?;
                ensure!(info["status"]["code"] == "r", "{info}");
                Ok(true)
            },
        )
        .await
    }

    /// The node's id in its cluster.
    pub(crate) async fn id(&self) -> Result<String> {
        let info = self.json(&["cluster", "info"]).await?;
        Ok(info["nodeID"].as_str().context("no node id")?.to_owned())
    }

    /// Waits until the node says that it was removed.
    pub(crate) async fn wait_until_removed(&self) -> Result<()> {
        let what = format!("the node at {} says that it was removed", self.address);
        until(&what, PATIENCE, async || {
            let info = self.json(&["cluster", "info"]).await?;
            ensure!(info["status"]["code"] == "v", "{info}");
            Ok(true)
        })
        .await
    }

    /// The one text of a query in the database that replicates.
    pub(crate) async fn query(&self, query: &str) -> Result<String> {
        let row = self.db(sql::database::CLUSTER).await?.query_one(query, &[]).await?;
        Ok(row.try_get::<_, Option<String>>(0)?.unwrap_or_default())
    }

    /// The digest of everything that is to be equal on all nodes.
    pub(crate) async fn digest(&self) -> Result<String> {
        self.query("select string_agg(d::text, ' ' order by d::text) from replication.digest(16) d")
            .await
    }

    /// What there is of links on this node: its slots, subscriptions and roles of peers, sorted.
    pub(crate) async fn links(&self) -> Result<String> {
        let (link, role) = (names::LINK_PREFIX, names::ROLE_PREFIX);
        self.query(&format!(
            "select string_agg(name, ' ' order by name) from (
                 select 'slot ' || slot_name from pg_replication_slots where starts_with(slot_name, '{link}')
                 union all select 'subscription ' || subname from pg_subscription where starts_with(subname, '{link}')
                 union all select 'role ' || rolname from pg_roles where starts_with(rolname, '{role}')
             ) as all_of_them (name)"
        ))
        .await
    }
}

impl From<&Node> for Ipv4Addr {
    fn from(node: &Node) -> Self {
        node.address
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().ok();
            agent.wait().ok();
        }
        processes::end_all_in(&self.data());
    }
}

/// Where the logs of this test go; emptied of an earlier run.
pub(crate) fn logs() -> Result<PathBuf> {
    let test = std::thread::current().name().unwrap_or("main").replace("::", "-");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("logs").join(test);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
