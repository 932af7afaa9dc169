//! Links between hosts that are slow, lossy or thin.
//!
//! Decides how: packets are lost by the receiving host's filter, a rate is the kernel's (`tc tbf`), and a delay is a relay
//! on the host that connects, to which the host's filter leads every connection to PostgreSQL. It connects from the same
//! address, so nobody notices it but by the clock. The kernel's own delay (`netem`) is not in every kernel.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::hosts::{Host, Hosts};
use super::run::succeed;

/// Relays connect from these ports, which the kernel gives to nobody by itself: their connections are not led to a relay.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// One packet of so many is lost.
const LOST: u8 = 10;

/// Of what is on its way through a relay, so many pieces wait at the most.
const PIECES: usize = 256;

/// Slow links of one host, until this is dropped.
pub(crate) struct Slow {
    hosts: Vec<Arc<Host>>,
    relays: JoinSet<()>,
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.relays.abort_all();
        for host in &self.hosts {
            host.filter("delete table ip slow").ok();
        }
    }
}

impl Hosts {
    /// From now on PostgreSQL's connections between a host and all others take this long each way, half as much more or
    /// less, and one packet of ten is lost. Connections that there are stay as they are.
    pub(crate) fn slow(&self, one: impl Into<Ipv4Addr>, delay: Duration) -> Result<Slow> {
        let (one, every) = (one.into(), self.every());
        let mut slow = Slow {
            hosts: Vec::new(),
            relays: JoinSet::new(),
        };
        for host in &every {
            let to_all = host.address == one;
            let targets = every
                .iter()
                .map(|other| other.address)
                .filter(|other| *other != host.address && (to_all || *other == one));
            let mut rules = String::new();
            for target in targets {
                let listener = host.inside(|| StdListener::bind((Ipv4Addr::UNSPECIFIED, 0)))??;
                let port = listener.local_addr()?.port();
                rules += &lead(target, port);
                slow.relays
                    .spawn(relay(Arc::clone(host), listener, (target, 5432).into(), delay));
            }
            host.filter(&format!("{TABLE} {rules} {}", lose(one, to_all)))?;
            slow.hosts.push(Arc::clone(host));
        }
        Ok(slow)
    }

    /// From now on so many kilobits a second go between a host and the switch, each way.
    pub(crate) fn thin(&self, one: impl Into<Ipv4Addr>, kilobits: u32) -> Result<()> {
        let (host, rate) = (self.at(one.into())?, format!("{kilobits}kbit"));
        let thin = ["root", "tbf", "rate", &rate, "burst", "16kbit", "latency", "400ms"];
        let [.., number] = host.address.octets();
        succeed(host.enter("tc").args(["qdisc", "add", "dev", "eth0"]).args(thin))?;
        succeed(
            Command::new("tc")
                .args(["qdisc", "add", "dev", &format!("cable{number}")])
                .args(thin),
        )
    }

    /// Ends that.
    pub(crate) fn thick(&self, one: impl Into<Ipv4Addr>) -> Result<()> {
        let host = self.at(one.into())?;
        let [.., number] = host.address.octets();
        succeed(host.enter("tc").args(["qdisc", "del", "dev", "eth0", "root"]))?;
        succeed(Command::new("tc").args(["qdisc", "del", "dev", &format!("cable{number}"), "root"]))
    }
}

const TABLE: &str = "
    add table ip slow;
    add chain ip slow leaving { type nat hook output priority -100; };
    add chain ip slow arriving { type filter hook input priority 1; };";

fn lead(target: Ipv4Addr, port: u16) -> String {
    let (first, last) = (PORTS.start, PORTS.end - 1);
    format!(
        "add rule ip slow leaving ip daddr {target} tcp dport 5432 tcp sport != {first}-{last} redirect to :{port};"
    )
}

fn lose(one: Ipv4Addr, from_all: bool) -> String {
    let from = if from_all {
        format!("!= {}", Hosts::address(254))
    } else {
        one.to_string()
    };
    format!("add rule ip slow arriving iifname eth0 ip saddr {from} numgen random mod {LOST} == 0 drop;")
}

async fn relay(host: Arc<Host>, listener: StdListener, target: SocketAddr, delay: Duration) {
    let mut carried = JoinSet::new();
    let listening = listener
        .set_nonblocking(true)
        .and_then(|()| TcpListener::from_std(listener));
    let Ok(listener) = listening else { return };
    while let Ok((near, _)) = listener.accept().await {
        let host = Arc::clone(&host);
        carried.spawn(async move {
            // A connection that cannot be made is one that ends at once.
            if let Ok(far) = connect(&host, target).await {
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::join!(carry(near_in, far_out, delay), carry(far_in, near_out, delay));
            }
        });
    }
}

/// Connects from the host, by its own address.
async fn connect(host: &Host, target: SocketAddr) -> Result<TcpStream> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let port = PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start);
    let socket = host.inside(TcpSocket::new_v4)??;
    socket.set_reuseaddr(true)?;
    socket.bind((host.address, port).into())?;
    socket.connect(target).await.context("connecting")
}

/// Carries bytes one way, in their order, each piece late.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let reading = async move {
        let mut buffer = vec![0; 16 << 10];
        for jitter in (2..=6).cycle() {
            match from.read(&mut buffer).await {
                Ok(length) if length > 0 => {
                    let late = Instant::now() + delay * jitter / 4;
                    if sender.send((late, buffer[..length].to_vec())).await.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    };
    let writing = async move {
        while let Some((late, bytes)) = receiver.recv().await {
            // This is the delay.
            sleep_until(late).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        to.shutdown().await.ok();
    };
    tokio::join!(reading, writing);
}
