//! Does a fault to a cluster, and undoes it. Which one and when: `nemesis.rs`.

use anyhow::{Result, ensure};
use keystead::id::NodeNumber;
use keystead::replication::names;
use tokio::time::sleep;

use super::history::{Fault, Record};
use super::nemesis::{Kind, Strike};
use super::recorder::Recorder;
use crate::harness::Cluster;
use crate::harness::hosts::Hosts;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;

/// A cluster to which faults are done.
pub(super) struct Victim<'a> {
    pub(super) cluster: &'a mut Cluster,
    pub(super) hosts: &'a Hosts,
    /// The number of each node.
    pub(super) numbers: &'a [i32],
}

impl Victim<'_> {
    /// Does a fault, lets it last, undoes it, and waits until every node takes calls again.
    pub(super) async fn suffer(&mut self, strike: &Strike, recorder: &Recorder) -> Result<String> {
        let begin = recorder.now();
        self.begin(strike).await?;
        // Not waiting for anything: a fault has a length.
        sleep(strike.lasts).await;
        let ended = self.end(strike).await;
        let (kind, what) = (strike.kind.name().to_owned(), Self::told(strike));
        let told = format!("{kind} {what}");
        recorder.keep(Record::Fault(Fault {
            kind,
            what,
            begin,
            end: recorder.now(),
        }));
        ended.map(|()| told)
    }

    fn told(strike: &Strike) -> String {
        let (node, other) = (strike.node + 1, strike.other + 1);
        match strike.kind {
            Kind::CutOneWay => format!("node {node} to node {other}"),
            Kind::CutBothWays | Kind::Reset => format!("node {node} and node {other}"),
            Kind::DropSlot => format!("of node {node} for node {other}"),
            Kind::Skew => format!("node {node} by {} s", strike.ahead),
            Kind::KillAll => "all nodes".to_owned(),
            _ => format!("node {node}"),
        }
    }

    async fn begin(&mut self, strike: &Strike) -> Result<()> {
        let (node, other) = (&self.cluster.nodes[strike.node], &self.cluster.nodes[strike.other]);
        match strike.kind {
            Kind::CutOneWay => self.hosts.cut(node, other),
            Kind::CutBothWays => self.hosts.cut_both(node, other),
            Kind::Isolate => self.hosts.isolate(node),
            Kind::Reset => self.hosts.reset(node, other),
            Kind::HaltAgent => node.halt_agent(),
            Kind::HaltPostgres => node.halt_postgres(),
            Kind::KillPostgres => node.kill_postgres(),
            Kind::Skew => node.set_clock(strike.ahead),
            Kind::KillAgent => self.cluster.nodes[strike.node].kill(),
            Kind::KillBoth => self.kill_both(strike.node),
            Kind::KillAll => (0..self.cluster.nodes.len()).try_for_each(|node| self.kill_both(node)),
            Kind::DropSlot => self.drop_slot(strike).await,
        }
    }

    async fn end(&mut self, strike: &Strike) -> Result<()> {
        match strike.kind {
            Kind::CutOneWay | Kind::CutBothWays | Kind::Isolate | Kind::Reset | Kind::DropSlot => self.hosts.heal(),
            Kind::HaltAgent => self.cluster.nodes[strike.node].let_agent_go_on(),
            Kind::HaltPostgres => self.cluster.nodes[strike.node].let_postgres_go_on(),
            Kind::Skew => self.cluster.nodes[strike.node].set_clock(0),
            Kind::KillPostgres => self.until_postgres_answers(strike.node).await,
            Kind::KillAgent | Kind::KillBoth => self.cluster.nodes[strike.node].start().await,
            Kind::KillAll => {
                for node in &mut self.cluster.nodes {
                    node.spawn("")?;
                }
                for node in 0..self.cluster.nodes.len() {
                    self.until_postgres_answers(node).await?;
                }
                Ok(())
            }
        }
    }

    /// The agent first, so that it starts nothing again.
    fn kill_both(&mut self, node: usize) -> Result<()> {
        let node = &mut self.cluster.nodes[node];
        node.kill()?;
        node.kill_postgres()
    }

    async fn until_postgres_answers(&self, node: usize) -> Result<()> {
        let node = &self.cluster.nodes[node];
        until("PostgreSQL runs again", PATIENCE, async || {
            Ok(node.query("select 'x'").await? == "x")
        })
        .await
    }

    /// Cuts the reader off, waits until it is gone, and drops its slot.
    async fn drop_slot(&self, strike: &Strike) -> Result<()> {
        let (node, other) = (&self.cluster.nodes[strike.node], &self.cluster.nodes[strike.other]);
        self.hosts.cut_both(node, other)?;
        let [from, to] = [strike.node, strike.other].map(|place| NodeNumber(self.numbers[place]));
        let slot = names::link(from, to);
        let drop = format!(
            "select pg_terminate_backend(active_pid)::text from pg_replication_slots where slot_name = '{slot}' and active_pid is not null
             union all select pg_drop_replication_slot(slot_name)::text from pg_replication_slots
             where slot_name = '{slot}' and active_pid is null"
        );
        until("the slot is dropped", PATIENCE, async || {
            node.db(sql::database::CLUSTER).await?.query(&drop, &[]).await?;
            let left = format!("select count(*)::text from pg_replication_slots where slot_name = '{slot}'");
            ensure!(node.query(&left).await? == "0", "it is there");
            Ok(true)
        })
        .await
    }
}
