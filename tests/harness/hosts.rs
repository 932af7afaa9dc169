//! Hosts for nodes: each has a network of its own, a cable to a common switch, and a clock.
//!
//! Decides how hosts are made of network namespaces. Nothing of it has a name on this machine: a namespace is gone when
//! the last process in it is. What goes wrong between hosts: `faults.rs`. Their clocks: `clock.rs`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::Uid;

use super::clock::{Clock, ClockLibrary};
use super::run::{feed, succeed};

/// What a host does with packets before it takes them; the sets are filled by `faults.rs`. Resets pass: the other side may
/// have been told to send them.
const FILTER: &str = "
    table ip faults {
        set lost { type ipv4_addr; }
        set refused { type ipv4_addr; }
        chain arriving {
            type filter hook input priority 0;
            ip saddr @lost drop
            ip saddr @refused tcp flags & rst == 0 reject with tcp reset
        }
    }";

/// Runs a test in a network of its own, where it can make hosts. Needs root.
///
/// The test's thread enters the network before it makes the runtime, so that every thread of the runtime is in it.
pub(crate) fn on_hosts<T>(test: impl AsyncFnOnce(Hosts) -> Result<T>) -> Result<T> {
    ensure!(
        Uid::effective().is_root(),
        "this test needs root, to give every node a network of its own: run it as root"
    );
    unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")?;
    let hosts = Hosts::new()?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build()?.block_on(test(hosts))
}

/// All hosts of one test. The test itself is at their switch, and reaches each of them whatever is cut between them.
///
/// Cloning gives another handle to the same hosts.
#[derive(Clone)]
pub(crate) struct Hosts {
    clock_library: Arc<ClockLibrary>,
    all: Arc<Mutex<BTreeMap<Ipv4Addr, Arc<Host>>>>,
}

impl Hosts {
    /// Makes the switch. Only [`on_hosts`] may: it is made in the network that the thread is in.
    fn new() -> Result<Self> {
        let batch = format!(
            "link set lo up\nlink add switch type bridge\naddr add {}/24 dev switch\nlink set switch up\n",
            Self::address(254)
        );
        feed(Command::new("ip").args(["-batch", "-"]), &batch)?;
        Ok(Self {
            clock_library: ClockLibrary::build()?,
            all: Arc::default(),
        })
    }

    /// The address of the host with this number, 1 to 253.
    pub(crate) fn address(number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, number)
    }

    /// Makes a host. Its clock is kept in the file at `clock`.
    pub(crate) fn add(&self, number: u8, clock: &Path) -> Result<Arc<Host>> {
        let clock = Clock::new(&self.clock_library, clock)?;
        let host = Arc::new(Host::new(number, clock)?);
        self.locked().insert(host.address, Arc::clone(&host));
        Ok(host)
    }

    /// The host at this address.
    pub(crate) fn at(&self, address: Ipv4Addr) -> Result<Arc<Host>> {
        let host = self.locked().get(&address).cloned();
        host.with_context(|| format!("there is no host at {address}"))
    }

    /// Every host made so far.
    pub(crate) fn every(&self) -> Vec<Arc<Host>> {
        self.locked().values().cloned().collect()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<Ipv4Addr, Arc<Host>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One host: it stands for as long as this is held or a program runs on it.
pub(crate) struct Host {
    pub(crate) address: Ipv4Addr,
    pub(crate) clock: Clock,
    /// A process that is in the host's network, so that others can enter it.
    holder: Child,
}

impl Host {
    fn new(number: u8, clock: Clock) -> Result<Self> {
        let host = Self {
            address: Hosts::address(number),
            clock,
            holder: hold_a_network()?,
        };
        let (cable, pid) = (format!("cable{number}"), host.holder.id());
        let plug = format!(
            "link add {cable} type veth peer name eth0 netns {pid}\nlink set {cable} master switch\nlink set {cable} up\n"
        );
        feed(Command::new("ip").args(["-batch", "-"]), &plug)?;
        let address = host.address;
        let wake = format!("link set lo up\naddr add {address}/24 dev eth0\nlink set eth0 up\n");
        feed(host.enter("ip").args(["-batch", "-"]), &wake)?;
        feed(host.enter("nft").args(["-f", "-"]), FILTER)?;
        Ok(host)
    }

    /// A program that will run on this host, by its clock.
    pub(crate) fn command(&self, program: &Path) -> Result<Command> {
        let mut command = self.enter(program.to_str().context("a path that is text")?);
        self.clock.give_to(&mut command);
        Ok(command)
    }

    /// Does something on this host. Sockets that are made there stay there.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let network = File::open(format!("/proc/{}/ns/net", self.holder.id()))?;
        // A thread of its own: the test's stays where it is.
        let done = std::thread::scope(|scope| {
            let enter_and_work = || setns(network, CloneFlags::CLONE_NEWNET).map(|()| work());
            scope.spawn(enter_and_work).join()
        });
        let Ok(done) = done else {
            bail!("the work on {} panicked", self.address)
        };
        Ok(done?)
    }

    /// Changes the host's filter.
    pub(crate) fn filter(&self, change: &str) -> Result<()> {
        succeed(self.enter("nft").arg(change))
    }

    pub(crate) fn enter(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{}/ns/net", self.holder.id()))
            .arg(program);
        command
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}

/// Starts a process in a network of its own. It ends with the test, however that ends: its standard input does.
fn hold_a_network() -> Result<Child> {
    let mut holder = Command::new("unshare");
    holder
        .args(["--net", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut holder = holder.spawn().context("unshare")?;
    // What it repeats proves that it is where it should be.
    let (Some(input), Some(output)) = (holder.stdin.as_mut(), holder.stdout.as_mut()) else {
        bail!("no standard input");
    };
    input.write_all(b"here\n")?;
    let mut said = String::new();
    BufReader::new(output).read_line(&mut said)?;
    ensure!(said == "here\n", "unshare did not make a network: {said:?}");
    Ok(holder)
}
