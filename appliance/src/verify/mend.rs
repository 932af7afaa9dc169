//! Mends rows that differ: first everything newer elsewhere is merged here, then each row is sent out again, or written
//! anew when its version alone does not settle it. What is done to which row is decided in `keystead::verify::cure`.

use std::collections::{BTreeMap, BTreeSet};

use keystead::clock::Micros;
use keystead::verify::Rows;
use keystead::verify::cure::{Cure, cure};
use keystead::{Error, NodeNumber, Result};
use serde_json::Value;
use sql::verify::{MOST_KEYS, Table, rows_of_keys};
use sql::{Connection, Peer};

use super::look::{Looked, reach};
use crate::agent::Agent;
use crate::deadlocks::despite_deadlocks;

/// What was done, by table and key.
pub(super) type Cures = BTreeMap<(String, String), Cure>;

/// The members that answer, by number.
type Peers = BTreeMap<NodeNumber, Peer>;

/// Mends the rows that were found to differ.
///
/// # Errors
/// When this node's database or a member fails on the way; what was done until then was right and stays.
pub(super) async fn mend(agent: &Agent, looked: &[Looked]) -> Result<Cures> {
    let mut peers = Peers::new();
    for one in looked.iter().filter(|one| one.found.is_ok()) {
        peers.insert(one.member.number, reach(agent, &one.member).await?);
    }
    let db = agent.db().await?;
    let mut cures = Cures::new();
    for table in sql::verify::tables(&db).await? {
        for one in looked {
            if let Some(peer) = peers.get(&one.member.number) {
                merge_newer(&db, peer, &table, one).await?;
            }
        }
        let keys = keys(looked, &table);
        for keys in keys.chunks(MOST_KEYS) {
            cures.extend(mend_rows(&db, &peers, &table, keys).await?);
        }
    }
    Ok(cures)
}

/// The keys of a table's rows that differ from some member's.
fn keys(looked: &[Looked], table: &Table) -> Vec<String> {
    let found = looked.iter().filter_map(|one| one.found.as_ref().ok());
    let differences = found
        .flat_map(|found| &found.differences)
        .filter(|one| one.table == table.relation);
    let keys: BTreeSet<&String> = differences.map(|one| &one.key).collect();
    keys.into_iter().cloned().collect()
}

/// Merges what the member has newer than this node.
async fn merge_newer(db: &Connection, peer: &Peer, table: &Table, one: &Looked) -> Result<()> {
    let differences = one.found.iter().flat_map(|found| &found.differences);
    let newer: Vec<String> = differences
        .filter(|one| one.table == table.relation && one.is_newer_there())
        .map(|one| one.key.clone())
        .collect();
    for keys in newer.chunks(MOST_KEYS) {
        let keys = as_json(keys)?;
        sql::verify::merge(peer, db, table, &keys).await?;
    }
    Ok(())
}

async fn mend_rows(db: &Connection, peers: &Peers, table: &Table, keys: &[String]) -> Result<Cures> {
    let cures = decide(db, peers, table, keys).await?;
    let with = |wanted: Cure| -> Result<Value> {
        let keys = cures.iter().filter(|(_, cure)| **cure == wanted);
        as_json(keys.map(|(key, _)| key))
    };
    for (number, peer) in peers {
        let keys = with(Cure::Take(*number))?;
        if keys.as_array().is_some_and(|keys| !keys.is_empty()) {
            sql::verify::take(peer, db, table, &keys).await?;
        }
    }
    let (kept, again) = (with(Cure::Keep)?, with(Cure::SendAgain)?);
    despite_deadlocks(|| sql::verify::touch(db, &table.relation, &kept)).await?;
    sql::verify::send_again(db, &table.relation, &again).await?;
    let named = cures
        .into_iter()
        .map(|(key, cure)| ((table.relation.clone(), key), cure));
    Ok(named.collect())
}

/// Asks everybody how they have these rows now, and decides on each.
async fn decide(db: &Connection, peers: &Peers, table: &Table, keys: &[String]) -> Result<BTreeMap<String, Cure>> {
    let wanted = as_json(keys)?;
    let ours = rows_of_keys(db, &table.relation, &wanted).await?;
    let mut purged_up_to: Micros = sql::replication::purged_up_to(db).await?;
    let mut theirs: BTreeMap<NodeNumber, Rows> = BTreeMap::new();
    for (number, peer) in peers {
        theirs.insert(*number, rows_of_keys(peer, &table.relation, &wanted).await?);
        purged_up_to = purged_up_to.max(sql::replication::purged_up_to(peer).await?);
    }
    let decided = keys.iter().map(|key| {
        let seen = theirs.iter().map(|(number, rows)| (*number, rows.get(key).copied()));
        (key.clone(), cure(ours.get(key).copied(), &seen.collect(), purged_up_to))
    });
    Ok(decided.collect())
}

fn as_json<'a>(keys: impl IntoIterator<Item = &'a String>) -> Result<Value> {
    let keys = keys.into_iter().map(|key| serde_json::from_str(key));
    let keys = keys.collect::<Result<Vec<Value>, _>>();
    keys.map(Value::Array)
        .map_err(|source| Error::internal("reading the key of a row", source))
}
