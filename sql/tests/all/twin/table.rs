//! A table with a column that has an order of its own, many keys at once: what is done to it, what is in it and what it sends.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use keystead::NodeNumber;
use keystead::clock::Micros;
use keystead::key::state::KeyState;
use keystead::replication::merge::{Deletion, Row, Stamp};

use super::Step;
use crate::node::Node;

/// Rows by their keys.
pub(super) type Rows = BTreeMap<usize, Row<i32>>;

pub(super) struct Table<'a> {
    node: &'a Node,
    name: &'static str,
}

impl<'a> Table<'a> {
    /// Makes and enlists it.
    pub(super) async fn new(node: &'a Node, deletion: Deletion) -> Result<Self> {
        let (name, merges) = match deletion {
            Deletion::ByVersion => ("twin", r#"{"state": "public.join_key_state"}"#),
            Deletion::ForGood => (
                "twin_for_good",
                r#"{"state": "public.join_key_state", "deleted": "greatest"}"#,
            ),
        };
        node.run(&format!(
            "create table public.{name} (id integer primary key, value integer, state public.key_state);
             select replication.enlist('public.{name}', '{merges}');
             -- A new row leaves with the table itself. Laid into the outbox it can be looked at like the rest.
             create function public.keep_{name}() returns trigger language plpgsql as
                 'begin insert into replication.outbox_{name} select * from added; return null; end';
             create trigger keep after insert on public.{name} referencing new table as added
                 for each statement execute function public.keep_{name}()"
        ))
        .await?;
        Ok(Self { node, name })
    }

    /// Takes one step for each of these keys, those of one kind in one statement.
    pub(super) async fn take(&self, steps: &[(usize, &Step)]) -> Result<()> {
        let mut arriving = Vec::new();
        let [mut inserts, mut updates, mut deletes] = [const { Vec::new() }; 3];
        for (key, step) in steps {
            match step {
                Step::Arrive(row) => arriving.push((*key, row.clone())),
                Step::Insert(value, state) => inserts.push(format!("({key}, {value}, '{}')", state.name())),
                Step::Update(value, state) => updates.push(format!("({key}, {value}, '{}')", state.name())),
                Step::Delete => deletes.push(key.to_string()),
            }
        }
        let name = self.name;
        self.arrive(&arriving).await?;
        let [inserts, updates, deletes] = [inserts, updates, deletes].map(|values| values.join(", "));
        for (values, statement) in [
            (
                &inserts,
                format!("insert into public.{name} (id, value, state) values {inserts}"),
            ),
            (
                &updates,
                format!(
                    "update public.{name} as t set value = v.value, state = v.state::public.key_state
                     from (values {updates}) as v (id, value, state) where t.id = v.id"
                ),
            ),
            (&deletes, format!("delete from public.{name} where id in ({deletes})")),
        ] {
            if !values.is_empty() {
                self.node.run(&statement).await?;
            }
        }
        Ok(())
    }

    /// Rows arrive from other nodes, in this order.
    pub(super) async fn arrive(&self, rows: &[(usize, Row<i32>)]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let values = rows.iter().map(|(key, row)| {
            let (value, state, Stamp { version, origin }) = (row.value, row.state.name(), row.stamp);
            format!("({key}, {value}, '{state}', {}, {origin}, {})", version.0, row.deleted)
        });
        let values = values.collect::<Vec<_>>().join(", ");
        let name = self.name;
        self.node
            .apply(&format!(
                "insert into replication.outbox_{name} (id, value, state, version, origin, deleted) values {values}"
            ))
            .await
    }

    /// What is in it, tombstones too.
    pub(super) async fn rows(&self) -> Result<Rows> {
        Ok(self.read(&format!("public.{}", self.name)).await?.into_iter().collect())
    }

    /// What it has sent, the writes of one key in their order.
    pub(super) async fn sent(&self) -> Result<Vec<(usize, Row<i32>)>> {
        self.read(&format!("replication.outbox_{}", self.name)).await
    }

    /// The same, and empties the outbox as an agent does.
    pub(super) async fn take_sent(&self) -> Result<Vec<(usize, Row<i32>)>> {
        let sent = self.sent().await?;
        self.node
            .run(&format!("truncate replication.outbox_{}", self.name))
            .await?;
        Ok(sent)
    }

    async fn read(&self, relation: &str) -> Result<Vec<(usize, Row<i32>)>> {
        let query =
            format!("select id, value, state::text, version, origin, deleted from {relation} order by id, version");
        let rows = self.node.db.query(&query, &[]).await?;
        let row = |row: &tokio_postgres::Row| {
            let stamp = Stamp {
                version: Micros(row.get("version")),
                origin: NodeNumber(row.get("origin")),
            };
            let state = KeyState::from_name(row.get("state")).context("a state of a key")?;
            let key = usize::try_from(row.get::<_, i32>("id"))?;
            Ok((
                key,
                Row {
                    stamp,
                    deleted: row.get("deleted"),
                    value: row.get("value"),
                    state,
                },
            ))
        };
        rows.iter().map(row).collect()
    }
}
