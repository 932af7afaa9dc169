//! The hosts that tests stand nodes on: a cut loses what it says and nothing else, and a clock is what it was set to.
//!
//! Other tests rest on this. If a cut did not cut, they would pass and prove nothing.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::harness::Cluster;
use crate::harness::cluster::Lab;
use crate::harness::hosts::{Hosts, on_hosts};
use crate::harness::node::PATIENCE;
use crate::harness::processes::family;
use crate::harness::wait::until;

/// Any port.
const PORT: u16 = 5432;

/// A packet that has not arrived after this was lost: between two hosts of one machine it takes microseconds.
const LOST_AFTER: Duration = Duration::from_millis(300);

/// Whether each of three hosts hears each other one: rows are senders.
type Hearing = [[bool; 3]; 3];

const ALL: Hearing = [[true; 3]; 3];

#[test]
fn a_cut_loses_the_packets_it_names_and_no_others() -> Result<()> {
    on_hosts(async |hosts| {
        let wires = Wires::three(&hosts)?;
        let [a, b, c] = wires.addresses;
        assert_eq!(wires.heard()?, ALL);

        hosts.cut(a, c)?;
        hosts.cut(a, c)?;
        assert_eq!(
            wires.heard()?,
            [[true, true, false], [true; 3], [true; 3]],
            "one way, asked twice"
        );
        hosts.cut_both(b, c)?;
        assert_eq!(
            wires.heard()?,
            [[true, true, false], [true, true, false], [true, false, true]],
            "and another pair both ways"
        );
        hosts.heal_between(a, c)?;
        assert_eq!(
            wires.heard()?,
            [[true; 3], [true, true, false], [true, false, true]],
            "one pair healed"
        );
        hosts.heal()?;
        assert_eq!(wires.heard()?, ALL, "all healed");
        hosts.isolate(b)?;
        assert_eq!(
            wires.heard()?,
            [[true, false, true], [false, true, false], [true, false, true]],
            "b alone"
        );
        Ok(())
    })
}

/// A socket on each of three hosts.
struct Wires {
    addresses: [Ipv4Addr; 3],
    sockets: Vec<UdpSocket>,
}

impl Wires {
    fn three(hosts: &Hosts) -> Result<Self> {
        let addresses = [1, 2, 3].map(Hosts::address);
        let folder = tempfile::tempdir()?;
        let mut sockets = Vec::new();
        for number in [1, 2, 3] {
            let host = hosts.add(number, &folder.path().join(number.to_string()))?;
            let socket = host.inside(|| UdpSocket::bind((host.address, PORT)))??;
            socket.set_read_timeout(Some(LOST_AFTER))?;
            sockets.push(socket);
        }
        Ok(Self { addresses, sockets })
    }

    fn heard(&self) -> Result<Hearing> {
        let mut heard = ALL;
        for (from, sender) in self.sockets.iter().enumerate() {
            for (to, receiver) in self.sockets.iter().enumerate() {
                sender.send_to(b"packet", (self.addresses[to], PORT))?;
                heard[from][to] = match receiver.recv_from(&mut [0; 16]) {
                    Ok((_, who)) => who.ip() == self.addresses[from],
                    Err(error) if error.kind() == ErrorKind::WouldBlock => false,
                    Err(error) => return Err(error.into()),
                };
            }
        }
        Ok(heard)
    }
}

#[test]
fn a_reset_refuses_connections_until_it_is_healed() -> Result<()> {
    on_hosts(async |hosts| {
        let folder = tempfile::tempdir()?;
        let one = hosts.add(1, &folder.path().join("1"))?;
        let other = hosts.add(2, &folder.path().join("2"))?;
        let _listener = one.inside(|| TcpListener::bind((one.address, PORT)))??;
        let place = SocketAddrV4::new(one.address, PORT).into();
        let call = || other.inside(|| TcpStream::connect_timeout(&place, PATIENCE).map_err(|error| error.kind()));

        assert!(call()?.is_ok());
        hosts.reset(other.address, one.address)?;
        assert_eq!(call()?.err(), Some(ErrorKind::ConnectionRefused));
        assert!(
            TcpStream::connect_timeout(&place, PATIENCE).is_ok(),
            "the test itself is let through"
        );
        hosts.heal()?;
        assert!(call()?.is_ok());
        Ok(())
    })
}

#[test]
fn the_clock_of_a_node_is_what_it_was_set_to_while_it_runs() -> Result<()> {
    on_hosts(async |hosts| {
        let cluster = Cluster::with_hosts(hosts, 1).await?;
        let node = cluster.first();
        for ahead in [600, -7200, 0] {
            node.set_clock(ahead)?;
            let off = |clock: &str| format!("select round(extract(epoch from {clock}) - {})::text", now_of_test());
            let of_postgres = node.query(&off("clock_timestamp()")).await?.parse::<i64>()?;
            assert!(
                (of_postgres - ahead).abs() <= 1,
                "PostgreSQL: {of_postgres}, not {ahead}"
            );
            // The agent writes this by its own clock, every two seconds.
            until("the agent's clock is the same", PATIENCE, async || {
                let told = "(select (document ->> 'lastUpdated')::timestamptz from public.node_view)";
                let of_agent = node.query(&off(told)).await?.parse::<i64>()?;
                ensure!((of_agent - ahead).abs() <= 5, "it is {of_agent}, not {ahead}");
                Ok(true)
            })
            .await?;
        }
        Ok(())
    })
}

/// Seconds since 1970 by the clock of the test.
#[expect(clippy::disallowed_methods, reason = "compares the true time with a node's")]
fn now_of_test() -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_secs_f64()
}

#[test]
fn a_halted_node_goes_on_and_a_killed_postgresql_is_started_again() -> Result<()> {
    on_hosts(async |hosts| {
        let mut lab = Lab::with_hosts(hosts)?;
        let node = lab.single().await?;
        node.halt_agent()?;
        assert!(
            tokio::time::timeout(Duration::from_secs(2), node.rest()).await.is_err(),
            "a halted agent answers"
        );
        node.let_agent_go_on()?;
        node.rest().await?;

        node.halt_postgres()?;
        assert!(
            tokio::time::timeout(Duration::from_secs(2), node.query("select 'x'"))
                .await
                .is_err(),
            "a halted PostgreSQL answers"
        );
        node.let_postgres_go_on()?;
        assert_eq!(node.query("select 'x'").await?, "x");

        let killed = family(node.postmaster()?);
        node.kill_postgres()?;
        until("another PostgreSQL answers", PATIENCE, async || {
            Ok(node.query("select 'x'").await? == "x" && node.postmaster()? != killed[0])
        })
        .await
    })
}
