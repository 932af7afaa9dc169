//! Two rows written in one transaction, and read in one statement: they are always equal, on every node.
//!
//! No call of REST writes two rows, so this goes to PostgreSQL. Each pair is written on one node only: two writers of one
//! pair may each win one of its rows, which is not what is asked here.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Config, NoTls, Row};

use super::client::Shared;
use super::dice::Dice;
use super::history::{Action, Op, Outcome, Record, Seen};

/// Between two writes of a pair.
const PACE: Duration = Duration::from_millis(100);
/// A server that is halted does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Clients of pairs have numbers from here on.
const FIRST_CLIENT: u64 = 1000;

/// A node's pair, and where all nodes are reached.
pub(super) struct Pairs {
    pub(super) shared: Arc<Shared>,
    /// Folders with the sockets of all nodes.
    pub(super) sockets: Vec<PathBuf>,
    /// The two keys that belong to each node.
    pub(super) keys: Vec<[String; 2]>,
}

/// Writes and reads until told to stop.
pub(super) fn start(crew: &mut JoinSet<()>, pairs: &Arc<Pairs>, seed: u64) {
    for node in 0..pairs.keys.len() {
        let (pairs, dice) = (Arc::clone(pairs), Dice::new(seed, FIRST_CLIENT + node as u64));
        crew.spawn(async move { pairs.work(node, dice).await });
    }
}

impl Pairs {
    async fn work(&self, node: usize, mut dice: Dice) {
        let written = AtomicU64::new(0);
        while !self.shared.is_over() {
            let value = format!("p{node}-{}", written.fetch_add(1, Ordering::Relaxed));
            self.record(node, node, Some(value)).await;
            let (pair, reader) = (dice.below(self.keys.len()), dice.below(self.sockets.len()));
            self.record(pair, reader, None).await;
            // Not waiting for anything: this is the pace.
            sleep(PACE).await;
        }
    }

    /// Writes a value to a pair, or reads it.
    async fn record(&self, pair: usize, node: usize, value: Option<String>) {
        let recorder = &self.shared.recorder;
        let (index, begin) = (recorder.number(), recorder.now());
        let connected = timeout(PATIENCE, self.connect(node)).await;
        let (outcome, seen, answer) = match connected {
            Ok(Ok(db)) => match timeout(PATIENCE, self.run(&db, pair, value.as_deref())).await {
                Ok(Ok(seen)) => (Outcome::Ok, seen, String::new()),
                Ok(Err(error)) => (Outcome::Unknown, Vec::new(), format!("{error:#}")),
                Err(_) => (Outcome::Unknown, Vec::new(), "no answer in time".to_owned()),
            },
            _ => (Outcome::Failed, Vec::new(), "cannot connect".to_owned()),
        };
        recorder.keep(Record::Op(Op {
            index,
            client: FIRST_CLIENT + node as u64,
            session: FIRST_CLIENT + node as u64,
            node,
            action: value.as_ref().map_or(Action::ReadPair, |_| Action::WritePair),
            key: Some(format!("pair {pair}")),
            name: None,
            value,
            begin,
            end: recorder.now(),
            outcome,
            version: None,
            seen,
            answer,
        }));
    }

    async fn connect(&self, node: usize) -> Result<Client> {
        let mut config = Config::new();
        config
            .host_path(&self.sockets[node])
            .user("keystead")
            .dbname(sql::database::CLUSTER);
        let (client, connection) = config.connect(NoTls).await?;
        sql::drive(connection);
        Ok(client)
    }

    async fn run(&self, db: &Client, pair: usize, value: Option<&str>) -> Result<Vec<Seen>> {
        let [one, two] = &self.keys[pair];
        if let Some(value) = value {
            for key in [one, two] {
                let update = format!("update public.key set description = '{value}' where id = '{key}'");
                // One transaction: the statement that ends it is sent with the second row.
                let statement = if key == one {
                    format!("begin; {update}")
                } else {
                    format!("{update}; commit")
                };
                db.batch_execute(&statement).await?;
            }
            return Ok(Vec::new());
        }
        let query = "select id, name, description, version, state::text, fingerprint, material_version from live.key where id in ($1, $2)";
        let rows = db.query(query, &[one, two]).await.context("reading a pair")?;
        Ok(rows.iter().map(seen).collect())
    }
}

/// A row with the columns id, name, description, version, state, fingerprint and `material_version`.
pub(super) fn seen(row: &Row) -> Seen {
    Seen {
        key: row.get("id"),
        name: row.get("name"),
        value: row.get("description"),
        version: row.get("version"),
        state: row.get("state"),
        fingerprint: row.get("fingerprint"),
        number: row.get("material_version"),
    }
}
