//! The `key` table: users' keys. Material arrives wrapped; nothing here can open it.

use chrono::{DateTime, Utc};
use keystead::key::request::KeyChange;
use keystead::key::state::KeyState;
use keystead::text::name::Name;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::{Error, Result};
use crate::pool::Connection;
use crate::query::query;

/// A key without its material.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its id: 64 hexadecimal digits.
    pub id: String,
    /// Its name. Two keys may share one after a partition.
    pub name: String,
    /// What it may be used for now.
    pub state: KeyState,
    /// `AES`.
    pub algorithm: String,
    /// Bits.
    pub size: i32,
    /// KMIP usage bits.
    pub usage_mask: i32,
    /// For people.
    pub description: String,
    /// The material may not leave the system.
    pub unexportable: bool,
    /// The key may not be deleted.
    pub undeletable: bool,
    /// SHA-256 of the material, in hexadecimal.
    pub fingerprint: String,
    /// The version of the material, from 0.
    pub material_version: i32,
    /// When it became active.
    pub activation_date: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// The id of the key's first version; `None` where this is that itself.
    pub version_of: Option<String>,
    /// The version of its row.
    pub row_version: i64,
}

impl Key {
    /// The id of the key's first version: what all its versions have in common, whatever they are called.
    pub fn first(&self) -> &str {
        self.version_of.as_deref().unwrap_or(&self.id)
    }
}

/// Which keys a list is about. `None` is no restriction.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those of this name.
    pub name: Option<String>,
    /// Those in this state.
    pub state: Option<KeyState>,
    /// Those of this algorithm.
    pub algorithm: Option<String>,
    /// Those of so many bits.
    pub size: Option<i32>,
    /// The one with this id.
    pub id: Option<String>,
    /// Those whose material has this fingerprint.
    pub fingerprint: Option<String>,
    /// Those with exactly this usage.
    pub usage_mask: Option<i32>,
    /// Those versions that have this number.
    pub number: Option<i32>,
    /// Of each key the current version alone.
    pub newest: bool,
}

/// The orders of a list: by what, `-` for the last first. Of keys of one name, the newest version comes first.
pub const ORDERS: [&str; 8] = [
    "createdAt",
    "-createdAt",
    "name",
    "-name",
    "updatedAt",
    "-updatedAt",
    "version",
    "-version",
];

/// What became of a change.
#[derive(Debug, Clone)]
pub enum Change {
    /// It was made; the key as it left it.
    Made(Box<Key>),
    /// Another key has the new name; nothing was changed.
    NameTaken,
    /// The key may not leave the system, and was to be let; nothing was changed.
    Unexportable,
    /// There is no such key.
    NotThere,
}

/// What was made of material that others may not see.
#[derive(Debug, Clone, Copy)]
pub struct Wrapped<'a> {
    /// Whose key-encryption key has wrapped it.
    pub epoch: i32,
    /// The wrapped bytes.
    pub bytes: &'a [u8],
}

/// Makes a key that is active from its making on, in one round trip. The row's version, or `None` when the name is taken. Its commit waits for `peers` others
/// (`wait.rs`), as those below do.
pub async fn create(db: &Connection, key: &Key, wrapped: Wrapped<'_>, peers: u8) -> Result<Option<i64>> {
    let (state, peers) = (key.state.name(), i32::from(peers));
    let values = new_row(key, &state, &wrapped, &peers);
    Ok(query!("key/create").one(db, &values).await?.get(0))
}

/// Makes a version of a key after another one. The row's version, or `None` when that one has changed meanwhile, or a
/// version with this number is there.
pub async fn create_version(
    db: &Connection,
    key: &Key,
    after: &Key,
    wrapped: Wrapped<'_>,
    peers: u8,
) -> Result<Option<i64>> {
    let (state, peers) = (key.state.name(), i32::from(peers));
    let mut values = new_row(key, &state, &wrapped, &peers).to_vec();
    let more: [&(dyn ToSql + Sync); 3] = [&key.version_of, &after.id, &after.row_version];
    values.extend(more);
    Ok(query!("key/create_version").one(db, &values).await?.get(0))
}

fn new_row<'a>(
    key: &'a Key,
    state: &'a &str,
    wrapped: &'a Wrapped<'_>,
    peers: &'a i32,
) -> [&'a (dyn ToSql + Sync); 15] {
    [
        &key.id,
        &key.name,
        state,
        &key.algorithm,
        &key.size,
        &key.usage_mask,
        &key.description,
        &key.unexportable,
        &key.undeletable,
        &key.fingerprint,
        &key.material_version,
        &wrapped.epoch,
        &wrapped.bytes,
        &key.created_at,
        peers,
    ]
}

/// The key with this id.
pub async fn by_id(db: &Connection, id: &str) -> Result<Option<Key>> {
    query!("key/by_id")
        .opt(db, &[&id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The first two keys whose ids begin with one of these 32 digits each.
pub async fn by_beginning(db: &Connection, beginnings: &[String]) -> Result<Vec<Key>> {
    let rows = query!("key/by_beginning").rows(db, &[&beginnings]).await?;
    rows.iter().map(read).collect()
}

/// The material of the key with this id, as it is kept: the epoch of the key-encryption key, and the wrapped bytes.
pub async fn material(db: &Connection, id: &str) -> Result<Option<(i32, Vec<u8>)>> {
    let row = query!("key/material").opt(db, &[&id]).await?;
    Ok(row.and_then(|row| Some((row.get("epoch"), row.get::<_, Option<Vec<u8>>>("wrapped")?))))
}

/// Of each key with this name its current version, or the one with this number, the oldest first: more than one key has
/// a name after a partition only.
pub async fn by_name(db: &Connection, name: &str, number: Option<i32>) -> Result<Vec<Key>> {
    query!("key/by_name")
        .rows(db, &[&name, &number])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// The current version of the key whose first version has this id, or the one with this number.
pub async fn version(db: &Connection, first: &str, number: Option<i32>) -> Result<Option<Key>> {
    query!("key/version")
        .opt(db, &[&first, &number])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// One page of the versions of a key, the current one first.
pub async fn versions(db: &Connection, first: &str, skip: i64, limit: i64) -> Result<Vec<Key>> {
    let rows = query!("key/versions").rows(db, &[&first, &skip, &limit]).await?;
    rows.iter().map(read).collect()
}

/// How many versions of a key there are.
pub async fn count_versions(db: &Connection, first: &str) -> Result<u64> {
    let row = query!("key/count_versions").one(db, &[&first]).await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

/// The highest number that a version of this key has, or had as far as is known.
pub async fn highest_version(db: &Connection, first: &str) -> Result<Option<i32>> {
    Ok(query!("key/highest_version").one(db, &[&first]).await?.get(0))
}

/// One page of the keys that match, in one of [`ORDERS`]; the oldest first when none is given.
pub async fn list(db: &Connection, filter: &Filter, order: Option<&str>, skip: i64, limit: i64) -> Result<Vec<Key>> {
    let state = filter.state.map(KeyState::name);
    let mut values = restrictions(filter, &state);
    let rows = match (&order, &filter.name) {
        (Some(_), name) => {
            let more: [&(dyn ToSql + Sync); 4] = [&order, name, &skip, &limit];
            values.extend(more);
            query!("key/list_sorted").rows(db, &values).await?
        }
        (None, Some(name)) => {
            values.insert(0, name);
            let more: [&(dyn ToSql + Sync); 2] = [&skip, &limit];
            values.extend(more);
            query!("key/list_named").rows(db, &values).await?
        }
        (None, None) => {
            let more: [&(dyn ToSql + Sync); 2] = [&skip, &limit];
            values.extend(more);
            query!("key/list").rows(db, &values).await?
        }
    };
    rows.iter().map(read).collect()
}

/// How many keys match.
pub async fn count(db: &Connection, filter: &Filter) -> Result<u64> {
    let state = filter.state.map(KeyState::name);
    let mut values = restrictions(filter, &state);
    let row = match &filter.name {
        Some(name) => {
            values.insert(0, name);
            query!("key/count_named").one(db, &values).await?
        }
        None => query!("key/count").one(db, &values).await?,
    };
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

/// All but the name, in the order of the statements.
fn restrictions<'a>(filter: &'a Filter, state: &'a (dyn ToSql + Sync)) -> Vec<&'a (dyn ToSql + Sync)> {
    vec![
        state,
        &filter.algorithm,
        &filter.size,
        &filter.id,
        &filter.fingerprint,
        &filter.usage_mask,
        &filter.number,
        &filter.newest,
    ]
}

/// Changes a key. A name that another key has is refused, and so is to let one out that may not leave the system.
pub async fn change(db: &Connection, id: &str, change: &KeyChange, peers: u8) -> Result<Change> {
    let KeyChange {
        name,
        description,
        usage_mask,
        unexportable,
        undeletable,
    } = change;
    let name = name.as_ref().map(Name::as_str);
    let row = query!("key/change")
        .one(
            db,
            &[
                &id,
                &name,
                description,
                usage_mask,
                unexportable,
                undeletable,
                &i32::from(peers),
            ],
        )
        .await?;
    if row.get("taken") {
        return Ok(Change::NameTaken);
    }
    if row.get("fixed") {
        return Ok(Change::Unexportable);
    }
    match row.get::<_, Option<&str>>("id") {
        Some(_) => Ok(Change::Made(Box::new(read(&row)?))),
        None => Ok(Change::NotThere),
    }
}

/// Moves a key from one state to another, and answers it as it then is. `None` when it is not there in that state.
pub async fn set_state(db: &Connection, id: &str, from: KeyState, to: KeyState, peers: u8) -> Result<Option<Key>> {
    let (from, to) = (from.name(), to.name());
    query!("key/set_state")
        .opt(db, &[&id, &from, &to, &i32::from(peers)])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// Deletes a key for good. The version of its tombstone, or `None` when it is not there or may not be deleted.
pub async fn delete(db: &Connection, id: &str, peers: u8) -> Result<Option<i64>> {
    let row = query!("key/delete").opt(db, &[&id, &i32::from(peers)]).await?;
    Ok(row.map(|row| row.get(0)))
}

fn read(row: &Row) -> Result<Key> {
    let state: &str = row.get("state");
    Ok(Key {
        id: row.get("id"),
        name: row.get("name"),
        state: KeyState::from_name(state).ok_or_else(|| Error::Unexpected(format!("key state {state:?}")))?,
        algorithm: row.get("algorithm"),
        size: row.get("size"),
        usage_mask: row.get("usage_mask"),
        description: row.get("description"),
        unexportable: row.get("unexportable"),
        undeletable: row.get("undeletable"),
        fingerprint: row.get("fingerprint"),
        material_version: row.get("material_version"),
        activation_date: row.get("activation_date"),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
        version_of: row.get("version_of"),
        row_version: row.get("version"),
    })
}
