//! A node as its unit runs it: an ordinary account, one capability, nothing of it open to others.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use nix::unistd::{Pid, Uid, User};

use crate::harness::cluster::Lab;
use crate::harness::node::PATIENCE;
use crate::harness::run::succeed;
use crate::harness::wait::until;
use crate::harness::{Node, cli, processes};

/// An account that every system has and that owns nothing.
const ACCOUNT: &str = "nobody";

/// Ports below 1024 are what the capability is for.
const PORT: u16 = 443;

/// `CAP_NET_BIND_SERVICE` alone, as `/proc` shows a set of capabilities.
const BIND_ALONE: &str = "0000000000000400";
const NONE: &str = "0000000000000000";

/// What the exposure of the unit may be, in tenths: 10 is everything, and 1.9 is what it has.
const EXPOSURE: &str = "20";

/// Without it nothing is locked; where root may not raise limits the agent has to say so.
const MAY_LOCK: [&str; 2] = ["prlimit", "--memlock=unlimited:unlimited"];

/// The rights of the unit and no others.
const LAUNCHER: [&str; 8] = [
    "setpriv",
    "--reuid=nobody",
    "--regid=nogroup",
    "--clear-groups",
    "--no-new-privs",
    "--bounding-set=-all,+net_bind_service",
    "--inh-caps=-all,+net_bind_service",
    "--ambient-caps=-all,+net_bind_service",
];

#[tokio::test]
async fn a_node_runs_with_the_rights_of_its_unit_alone() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = unprivileged(&mut lab)?;
    node.start_new("").await?;
    let address = node.address.to_string();
    node.json(&["cluster", "new", "--host", &address]).await?;
    node.json(&["keys", "create", "--name", "one"]).await?;
    has_just_its_rights(&node)?;
    nobody_looks_into_it(node.agent_pid()?)?;
    only_its_account_may_enter(&node.data())?;

    // The agent that takes its place listens at the same port.
    let before = node.json(&["cluster", "info"]).await?;
    assert_eq!(before["status"]["code"], "r");
    node.ksctl(&["services", "reset", "--delay", "0", "-y"]).await?.text()?;
    until("the node is as new", PATIENCE, async || {
        Ok(node.logged().matches("REST is open").count() == 2)
    })
    .await?;
    has_just_its_rights(&node)
}

/// A node whose account is an ordinary one, with its folder made as the supervisor makes it.
fn unprivileged(lab: &mut Lab) -> Result<Node> {
    ensure!(
        Uid::effective().is_root(),
        "this test runs a node as another account: run it as root"
    );
    let mut node = lab.node()?;
    let account = User::from_name(ACCOUNT)?.context("no such account")?;
    fs::create_dir(node.data())?;
    fs::set_permissions(node.data(), Permissions::from_mode(0o700))?;
    chown(node.data(), Some(account.uid.as_raw()), Some(account.gid.as_raw()))?;
    // Where the tests are built may be closed to others.
    let program = node.data().with_file_name("keysteadd");
    fs::copy(cli::program("keysteadd")?, &program)?;
    let may_lock = succeed(Command::new(MAY_LOCK[0]).args([MAY_LOCK[1], "true"])).is_ok();
    let mut launcher = if may_lock { MAY_LOCK.to_vec() } else { Vec::new() };
    launcher.extend(LAUNCHER);
    node.launch_by(&launcher, program, PORT)?;
    Ok(node)
}

fn has_just_its_rights(node: &Node) -> Result<()> {
    let agent = node.agent_pid()?;
    let said = status(agent)?;
    let account = User::from_name(ACCOUNT)?.context("no such account")?.uid.to_string();
    let of = |field: &str| said.get(field).map_or("", String::as_str);
    assert_eq!(of("Uid"), [account.as_str(); 4].join("\t"));
    let sets = ["CapPrm", "CapEff", "CapBnd", "CapAmb"].map(of);
    assert_eq!(sets, [BIND_ALONE, BIND_ALONE, BIND_ALONE, NONE]);
    assert_eq!(of("NoNewPrivs"), "1");
    let says_so = node.logged().contains("the memory of the agent is locked");
    assert_eq!(says_so, of("VmLck") != "0 kB", "{} are locked", of("VmLck"));
    let limits = fs::read_to_string(format!("/proc/{agent}/limits"))?;
    let cores = limits.lines().find(|line| line.starts_with("Max core file size"));
    let cores: Vec<&str> = cores.unwrap_or_default().split_whitespace().skip(4).collect();
    assert_eq!(cores, ["0", "0", "bytes"]);

    let postgres = status(postmaster(node)?)?;
    assert_eq!(postgres.get("CapPrm").map(String::as_str), Some(NONE));
    Ok(())
}

/// Another program of the same account, with the same rights, gets nothing from `/proc`; of PostgreSQL it does.
fn nobody_looks_into_it(agent: Pid) -> Result<()> {
    let look = |file: &str| {
        let mut command = Command::new(LAUNCHER[0]);
        succeed(command.args(&LAUNCHER[1..]).args(["cat", file]))
    };
    look("/proc/self/environ")?;
    for file in ["environ", "maps", "mem"] {
        let refused = look(&format!("/proc/{agent}/{file}"))
            .err()
            .map(|error| error.to_string());
        ensure!(
            refused.is_some_and(|why| why.contains("Permission denied")),
            "{file} is open"
        );
    }
    Ok(())
}

/// Folders are for their owner alone, and so are files, but certificates and what is signed for everybody.
fn only_its_account_may_enter(folder: &Path) -> Result<()> {
    let everything = walk(folder)?;
    ensure!(everything.len() > 100, "only {} files", everything.len());
    for path in everything {
        let found = fs::symlink_metadata(&path)?;
        let mode = found.permissions().mode() & 0o777;
        let is_public = path.extension().is_some_and(|kind| kind == "crt" || kind == "pem");
        if !is_public && mode & 0o077 != 0 {
            ensure!(false, "{} has the mode {mode:04o}", path.display());
        }
    }
    for secret in ["root-of-trust.key", "tls/node.key", "rest/rest.key"] {
        let mode = fs::metadata(folder.join(secret))?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{secret}");
    }
    Ok(())
}

fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = vec![folder.to_owned()];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            all.extend(walk(&entry.path())?);
        } else if !entry.file_name().to_string_lossy().starts_with("pgsql_tmp") {
            all.push(entry.path());
        }
    }
    Ok(all)
}

fn postmaster(node: &Node) -> Result<Pid> {
    let of_postgres = processes::all_in(&node.data().join("pg"));
    of_postgres.first().copied().context("PostgreSQL does not run")
}

/// What the system says of a process.
fn status(process: Pid) -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    Ok(fields
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect())
}

#[test]
fn the_unit_gives_the_agent_no_more_than_it_needs() -> Result<()> {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/keysteadd.service");
    let threshold = format!("--threshold={EXPOSURE}");
    let mut judge = Command::new("systemd-analyze");
    succeed(
        judge
            .args(["security", "--offline=true", "--no-pager", &threshold])
            .arg(&unit),
    )?;
    // What the test above runs with is what the unit gives.
    let text = fs::read_to_string(unit)?;
    for line in [
        "User=keystead",
        "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
        "NoNewPrivileges=yes",
        "LimitCORE=0",
        "LimitMEMLOCK=infinity",
        "StateDirectoryMode=0700",
        "SystemCallFilter=@system-service",
    ] {
        ensure!(text.lines().any(|found| found == line), "{line} is not in the unit");
    }
    Ok(())
}
