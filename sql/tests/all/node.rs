//! Databases that are nodes: one alone, or two on one server that can be linked to each other.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use keystead::NodeNumber;
use keystead::clock::Micros;
use keystead::replication::names;
use sql::{Connection, database, heartbeat, link, migrate, replication};
use tokio_postgres::error::DbError;
use tokio_postgres::{Config, Row};

use crate::postgres::Postgres;
use crate::wait;

pub(crate) const ONE: NodeNumber = NodeNumber(1);
pub(crate) const TWO: NodeNumber = NodeNumber(2);

/// The role that reads slots: as on a node it is a peer's, which `peer.keep_changes_anew` may end the sessions of.
const READER: &str = "peer_reader";

/// Long beside any single step of a test on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A table as simple as one can be, beside those of the product.
const ITEM: &str =
    "create table public.item (id text primary key, value text); select replication.enlist('public.item')";

/// A migrated database with a number, and the table `item`.
pub(crate) struct Node {
    pub(crate) number: NodeNumber,
    pub(crate) name: String,
    pub(crate) db: Connection,
    pub(crate) config: Config,
}

impl Node {
    /// Makes a node in a database of this server.
    pub(crate) async fn new(postgres: &Postgres, number: NodeNumber) -> Result<Self> {
        let name = format!("node_{number}");
        let server = sql::connect(&postgres.config("postgres")).await?;
        database::ensure(&server, &name).await?;
        let config = postgres.config(&name);
        migrate::cluster(&config).await?;
        let db = sql::connect(&config).await?;
        replication::become_node(&db, number).await?;
        db.batch_execute(ITEM).await?;
        Ok(Self {
            number,
            name,
            db,
            config,
        })
    }

    /// Another session.
    pub(crate) async fn session(&self) -> Result<Connection> {
        Ok(sql::connect(&self.config).await?)
    }

    /// A session as another role.
    pub(crate) async fn session_as(&self, role: &str) -> Result<Connection> {
        Ok(sql::connect(self.config.clone().user(role)).await?)
    }

    /// Runs statements.
    pub(crate) async fn run(&self, statements: &str) -> Result<()> {
        Ok(self.db.batch_execute(statements).await?)
    }

    /// Runs statements the way an apply worker does: triggers of local writes stay silent, the merge speaks.
    pub(crate) async fn apply(&self, statements: &str) -> Result<()> {
        self.run(&format!(
            "begin; set local session_replication_role = replica; {statements}; commit"
        ))
        .await
    }

    /// From now on it is kept what this node sends.
    pub(crate) async fn listen(&self) -> Result<()> {
        self.run("select pg_create_logical_replication_slot('listener_' || current_database(), 'pgoutput')")
            .await
    }

    /// How many rows of `item` it has sent since then. A row is a message of the letter I and a relation.
    pub(crate) async fn sent(&self) -> Result<i64> {
        self.count(
            "select count(*) from pg_logical_slot_peek_binary_changes('listener_' || current_database(), null, null,
                 'proto_version', '1', 'publication_names', 'keystead')
             where get_byte(data, 0) = ascii('I')
               and ('x' || encode(substr(data, 2, 4), 'hex'))::bit(32)::integer::oid
                   in ('public.item'::regclass, 'replication.outbox_item'::regclass)",
        )
        .await
    }

    /// What a statement was refused with.
    pub(crate) async fn refused(&self, statement: &str) -> Result<DbError> {
        refused(&self.db, statement).await
    }

    /// The one row of a query.
    pub(crate) async fn row(&self, query: &str) -> Result<Row> {
        Ok(self.db.query_one(query, &[]).await?)
    }

    /// The one number of a query.
    pub(crate) async fn count(&self, query: &str) -> Result<i64> {
        Ok(self.row(query).await?.get(0))
    }

    /// The one text of a query.
    pub(crate) async fn text(&self, query: &str) -> Result<String> {
        Ok(self.row(query).await?.get(0))
    }
}

/// What a statement was refused with on this connection.
pub(crate) async fn refused(session: &Connection, statement: &str) -> Result<DbError> {
    match session.batch_execute(statement).await {
        Ok(()) => bail!("not refused: {statement}"),
        Err(error) => error.as_db_error().cloned().context("PostgreSQL did not answer"),
    }
}

/// Two nodes on one server.
pub(crate) struct Pair {
    pub(crate) one: Node,
    pub(crate) two: Node,
    // Last, so that it goes after the connections to it.
    postgres: Postgres,
}

impl Pair {
    /// Two nodes that keep their changes for each other and do not get them yet.
    pub(crate) async fn apart() -> Result<Self> {
        Self::apart_on(Postgres::start().await?).await
    }

    async fn apart_on(postgres: Postgres) -> Result<Self> {
        let one = Node::new(&postgres, ONE).await?;
        let two = Node::new(&postgres, TWO).await?;
        link::make_role(&one.db, READER).await?;
        link::admit(&one.db, READER).await?;
        let pair = Self { one, two, postgres };
        pair.subscribe(&pair.one, &pair.two).await?;
        pair.subscribe(&pair.two, &pair.one).await?;
        Ok(pair)
    }

    /// Two nodes that get each other's changes.
    pub(crate) async fn linked() -> Result<Self> {
        let pair = Self::apart().await?;
        pair.link().await?;
        Ok(pair)
    }

    /// The same on this server.
    pub(crate) async fn linked_on(postgres: Postgres) -> Result<Self> {
        let pair = Self::apart_on(postgres).await?;
        pair.link().await?;
        Ok(pair)
    }

    /// From now on each gets the other's changes.
    pub(crate) async fn link(&self) -> Result<()> {
        link::enable(&self.two.db, &names::link(ONE, TWO)).await?;
        link::enable(&self.one.db, &names::link(TWO, ONE)).await?;
        Ok(())
    }

    /// From now on each gets the other's changes of tables that were enlisted since.
    pub(crate) async fn refresh(&self) -> Result<()> {
        for (node, from) in [(&self.one, TWO), (&self.two, ONE)] {
            let name = names::link(from, node.number);
            node.run(&format!(
                "alter subscription {name} refresh publication with (copy_data = false)"
            ))
            .await?;
        }
        Ok(())
    }

    /// Waits until everything written so far is on both: a heartbeat that has arrived proves it.
    pub(crate) async fn settle(&self) -> Result<()> {
        self.barrier(&self.one, &self.two).await?;
        self.barrier(&self.two, &self.one).await
    }

    pub(crate) async fn barrier(&self, from: &Node, to: &Node) -> Result<()> {
        let at = heartbeat::begin(&from.db).await?.at;
        heartbeat::beat(&from.db, from.number, at).await?;
        let arrived = format!("the heartbeat of node {} is on node {}", from.number, to.number);
        wait::until(&arrived, PATIENCE, async || {
            let newest = heartbeat::newest(&to.db).await?;
            Ok(newest.get(&from.number).copied().unwrap_or(Micros(0)) >= at)
        })
        .await
    }

    /// From now on the second node has a subscription to one of the first one's other lanes. Not yet enabled.
    pub(crate) async fn subscribe_to_lane(&self, lane: i32) -> Result<()> {
        let (name, publication) = (names::lane(ONE, TWO, lane), names::lane_publication(lane));
        let from = self.postgres.url_as(READER, &self.one.name);
        Ok(link::subscribe_to(&self.two.db, &name, &from, &publication).await?)
    }

    pub(crate) async fn subscribe(&self, from: &Node, to: &Node) -> Result<()> {
        let name = names::link(from.number, to.number);
        link::make_slot(&from.db, &name).await?;
        link::subscribe(&to.db, &name, &self.postgres.url_as(READER, &from.name)).await?;
        Ok(())
    }
}

/// One node alone, with the server under it.
pub(crate) struct Alone {
    node: Node,
    _postgres: Postgres,
}

impl Alone {
    /// Starts it.
    pub(crate) async fn start() -> Result<Self> {
        let postgres = Postgres::start().await?;
        let node = Node::new(&postgres, ONE).await?;
        Ok(Self {
            node,
            _postgres: postgres,
        })
    }
}

impl std::ops::Deref for Alone {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}
