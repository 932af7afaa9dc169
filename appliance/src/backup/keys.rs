//! Backup keys: each opens the backups that were made with it, on whichever node has it. They never leave a node but locked
//! with a password.

use aws_lc_rs::rand;
use keystead::api::backup::{
    BackupKey, BackupKeyFile, DownloadBackupKeyRequest, NewBackupKeyRequest, UploadBackupKeyRequest,
};
use keystead::quota::Quota;
use keystead::text::name::Name;
use keystead::{Error, Kind, Result};
use sql::backup_key::Entry;
use tokio::sync::Mutex;

use super::catalogue;
use crate::account::stretch;
use crate::agent::Agent;
use crate::cluster::random_id;
use crate::vault::WrappingKey;

/// What a key's file says it is.
const FORMAT: &str = "keystead-backup-key 1";

/// Bytes of a salt, as RFC 9106 recommends.
const SALT: usize = 16;

/// The longest hint at a password, in bytes.
const HINT_LIMIT: usize = 1024;

/// The shortest password that a key is locked with, in characters: the file leaves the node.
const LEAST_PASSWORD: usize = 8;

/// Held from counting to adding, so that calls at one time do not all find room for the last one.
static ADDING: Mutex<()> = Mutex::const_new(());

fn context(id: &str) -> String {
    format!("backup_key|{id}")
}

/// All of them, the oldest first.
pub(crate) async fn list(agent: &Agent) -> Result<Vec<BackupKey>> {
    Ok(entries(agent).await?.iter().map(shown).collect())
}

/// One of them.
pub(crate) async fn get(agent: &Agent, id: &str) -> Result<BackupKey> {
    Ok(shown(&entry(agent, id).await?))
}

/// Makes one.
pub(crate) async fn create(agent: &Agent, asked: &NewBackupKeyRequest) -> Result<BackupKey> {
    if asked
        .scope
        .as_deref()
        .is_some_and(|scope| !scope.eq_ignore_ascii_case("system"))
    {
        return Err(Error::new(
            Kind::NotBuilt,
            "a backup key of another scope than system is not built",
        ));
    }
    let id = random_id();
    keep(
        agent,
        &id,
        &WrappingKey::generate()?,
        agent.clock.now().to_utc().unwrap_or_default(),
    )
    .await?;
    if asked.default {
        make_default(agent, &id).await?;
    }
    get(agent, &id).await
}

/// From now on backups are made with this one when nothing is said.
pub(crate) async fn make_default(agent: &Agent, id: &str) -> Result<BackupKey> {
    if !sql::backup_key::make_default(&*agent.local.get().await?, id).await? {
        return Err(none(id));
    }
    get(agent, id).await
}

/// Deletes one for good, unless something here needs it.
pub(crate) async fn delete(agent: &Agent, id: &str) -> Result<()> {
    let key = entry(agent, id).await?;
    if key.is_default {
        return Err(Error::conflict(format!("backup key {id} is the default one"))
            .with_hint("make another one the default first: `ksctl backupkeys default`"));
    }
    let backups = catalogue::list(agent).await?;
    if let Some(needs) = backups.iter().find(|backup| backup.backup_key == id) {
        return Err(
            Error::conflict(format!("backup {} on this node is opened by this key", needs.id))
                .with_hint("delete that backup first: `ksctl backup delete`"),
        );
    }
    tracing::info!(target: "audit", id, "a backup key was deleted");
    Ok(sql::backup_key::delete(&*agent.local.get().await?, id).await?)
}

/// One as a file, locked with a password.
pub(crate) async fn download(agent: &Agent, id: &str, asked: DownloadBackupKeyRequest) -> Result<BackupKeyFile> {
    let (key, kept) = (open(agent, id).await?, entry(agent, id).await?);
    let password = asked.password.into_text();
    // Whoever has the file reads it.
    let hint = Name::checked("hint", &asked.hint.unwrap_or_default(), HINT_LIMIT)?;
    if password.chars().count() < LEAST_PASSWORD {
        return Err(
            Error::invalid_param(format!("password has at least {LEAST_PASSWORD} characters"))
                .with_hint("whoever has the file and guesses it opens every backup that was made with this key"),
        );
    }
    let mut salt = [0; SALT];
    rand::fill(&mut salt).map_err(|source| Error::internal("making a salt", source))?;
    let lock = stretch(password, salt.to_vec()).await?;
    tracing::info!(target: "audit", id, "a backup key was downloaded");
    Ok(BackupKeyFile {
        format: FORMAT.to_owned(),
        id: id.to_owned(),
        created_at: kept.created_at,
        hint: hint.into(),
        salt: certs::hex(&salt),
        locked: certs::hex(&lock.wrap(&context(id), key.expose())?),
    })
}

/// Takes one from a file. One that is here already stays as it is.
pub(crate) async fn upload(agent: &Agent, asked: UploadBackupKeyRequest) -> Result<BackupKey> {
    let (file, password) = (asked.file, asked.password.into_text());
    let damaged = || Error::invalid_param("this is not the file of a backup key, or it is damaged");
    if file.format != FORMAT {
        return Err(damaged().with_hint("`ksctl backupkeys download` makes such files"));
    }
    let (salt, locked) = (certs::unhex(&file.salt), certs::unhex(&file.locked));
    let (salt, locked) = salt.zip(locked).ok_or_else(damaged)?;
    // A short one is refused by what stretches it.
    let lock = stretch(password, salt)
        .await
        .map_err(|source| damaged().caused_by(source))?;
    let key = lock.unwrap(&context(&file.id), &locked).map_err(|source| {
        Error::invalid_param("the password does not open this backup key, or the file is damaged")
            .with_hint("`ksctl backupkeys inspect` shows the hint that was kept with it")
            .caused_by(source)
    })?;
    keep(agent, &file.id, &WrappingKey::from_bytes(&key)?, file.created_at).await?;
    tracing::info!(target: "audit", id = file.id, "a backup key was uploaded");
    get(agent, &file.id).await
}

/// The key itself.
///
/// # Errors
/// When it is not on this node: named, with the way to get it here.
pub(super) async fn open(agent: &Agent, id: &str) -> Result<WrappingKey> {
    let key = entry(agent, id).await?;
    WrappingKey::from_bytes(&agent.root_of_trust.unwrap(&context(id), &key.wrapped)?)
}

/// The id of the default key, which is made when there is none.
pub(super) async fn default(agent: &Agent) -> Result<String> {
    let all = entries(agent).await?;
    if let Some(key) = all.into_iter().find(|key| key.is_default) {
        return Ok(key.id);
    }
    Ok(create(agent, &NewBackupKeyRequest::default()).await?.id)
}

async fn keep(agent: &Agent, id: &str, key: &WrappingKey, created_at: chrono::DateTime<chrono::Utc>) -> Result<()> {
    let _alone = ADDING.lock().await;
    let there = entries(agent).await?;
    if there.iter().all(|entry| entry.id != id) {
        Quota::BackupKeys.admits(there.len())?;
    }
    let wrapped = agent.root_of_trust.wrap(&context(id), key.expose())?;
    let local = agent.local.get().await?;
    if !sql::backup_key::add(&local, id, &wrapped, created_at).await? {
        tracing::info!(id, "this backup key is here already");
    }
    Ok(())
}

async fn entries(agent: &Agent) -> Result<Vec<Entry>> {
    Ok(sql::backup_key::all(&*agent.local.get().await?).await?)
}

async fn entry(agent: &Agent, id: &str) -> Result<Entry> {
    let mut all = entries(agent).await?.into_iter();
    all.find(|key| key.id == id).ok_or_else(|| none(id))
}

fn none(id: &str) -> Error {
    Error::not_found(format!("no backup key {id:.40} is on this node")).with_hint(
        "backup keys are on the node that made them: `ksctl backupkeys download` there, `ksctl backupkeys upload` here",
    )
}

fn shown(key: &Entry) -> BackupKey {
    BackupKey {
        id: key.id.clone(),
        state: "active".to_owned(),
        version: 1,
        scope: "system".to_owned(),
        default: key.is_default,
        created_at: key.created_at,
    }
}
