//! Making a backup: everything in one snapshot, written beside its place, read again to its end, and only then kept.

use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt as _, pin_mut};
use keystead::api::backup::Backup;
use keystead::backup::{Header, NewBackup};
use keystead::{Error, Kind, Result};
use sql::Connection;
use sql::backup::Table;
use zeroize::Zeroizing;

use super::file::{Kek, Locked, Writer};
use super::operation::{Deed, IN_PROGRESS};
use super::{ONE_CALL, catalogue, keys, operation};
use crate::agent::Agent;
use crate::cluster::random_id;
use crate::crash_point::crash_point;
use crate::vault::{Keyring, WrappingKey};

/// What is in a backup, as clients call it.
const RESOURCES: [&str; 3] = ["users_groups", "keys", "syslog"];

/// Makes one; answers with it, or with how far it is when that takes long.
pub(crate) async fn create(agent: &Arc<Agent>, asked: NewBackup) -> Result<Backup> {
    catalogue::admits_another(agent)?;
    let (header, key) = prepare(agent, asked).await?;
    let (working, making) = (Arc::clone(agent), header.clone());
    let work = async move {
        let begun = operation::begin(&working, Deed::Backup, &making.id, Some(making.clone())).await?;
        let made = make(&working, &making, &key).await;
        operation::end(&working, begun, made.as_ref().copied()).await;
        made
    };
    match tokio::time::timeout(ONE_CALL, agent.tasks.see_through("backup", work)).await {
        Ok(made) => {
            made?;
            catalogue::get(agent, &header.id).await
        }
        Err(_) => Ok(catalogue::shown(&header, IN_PROGRESS, 0)),
    }
}

/// What the backup will say of itself, and the key that is to open it.
pub(super) async fn prepare(agent: &Agent, asked: NewBackup) -> Result<(Header, WrappingKey)> {
    let backup_key = match asked.backup_key {
        Some(id) => id,
        None => keys::default(agent).await?,
    };
    let key = keys::open(agent, &backup_key).await?;
    let header = Header {
        id: random_id(),
        created_at: agent.clock.now().to_utc().unwrap_or_default(),
        description: asked.description,
        product_version: crate::version::version(),
        backup_key,
        cluster_id: agent.identity().map(|me| me.cluster_id).unwrap_or_default(),
        resource_types: RESOURCES.map(str::to_owned).to_vec(),
    };
    Ok((header, key))
}

/// Makes it, and leaves nothing when that fails.
pub(super) async fn make(agent: &Agent, header: &Header, key: &WrappingKey) -> Result<()> {
    let file = catalogue::unfinished(agent, &header.id).await?;
    write(agent, file.path(), header, key).await?;
    crash_point("backup::written");
    // It counts from here on: what cannot be read again is none.
    Locked::open(file.path()).await?.unlock(key).await?.check().await?;
    file.keep(agent, &header.id)?;
    tracing::info!(target: "audit", id = header.id, "a backup was made");
    Ok(())
}

async fn write(agent: &Agent, path: &Path, header: &Header, key: &WrappingKey) -> Result<()> {
    // A connection of its own: when the backup is cut off, its snapshot goes with it.
    let db = sql::connect(&agent.postgres.config(sql::database::CLUSTER)).await?;
    catalogue::has_room(agent, sql::backup::bytes(&db).await?)?;
    sql::backup::begin_snapshot(&db).await?;
    let keks = key_encryption_keys(agent, &db).await?;
    let mut file = Writer::create(path, header, key).await?;
    file.keys(&keks).await?;
    for table in sql::backup::tables(&db).await? {
        write_table(&db, &table, &mut file).await?;
    }
    sql::backup::end_snapshot(&db).await?;
    file.finish().await
}

async fn write_table(db: &Connection, table: &Table, file: &mut Writer) -> Result<()> {
    file.table(table).await?;
    let rows = sql::backup::rows(db, table).await?;
    pin_mut!(rows);
    while let Some(row) = rows.next().await {
        file.rows(&row?).await?;
    }
    Ok(())
}

/// The keys that open the material, as they are in the snapshot.
async fn key_encryption_keys(agent: &Agent, db: &Connection) -> Result<Vec<Kek>> {
    let mkek = agent.keyring()?.mkek().clone();
    let keyring = Keyring::open(mkek, &sql::cluster_key::all(db).await?)?;
    let keks = keyring.key_encryption_keys().map(|(epoch, key)| Kek {
        epoch,
        secret: Zeroizing::new(key.expose().to_vec()),
    });
    let keks: Vec<Kek> = keks.collect();
    all_open(&sql::backup::epochs(db).await?, &keks)?;
    Ok(keks)
}

/// Refuses data that holds material which none of these keys opens.
pub(super) fn all_open(epochs: &[i32], keks: &[Kek]) -> Result<()> {
    let missing = epochs.iter().find(|epoch| keks.iter().all(|kek| kek.epoch != **epoch));
    missing.map_or(Ok(()), |epoch| {
        Err(Error::new(
            Kind::Conflict,
            format!("key-encryption key {epoch} is missing, and keys are wrapped with it"),
        )
        .with_hint("on a member it may arrive in a moment; a backup that lacks it cannot be restored"))
    })
}
