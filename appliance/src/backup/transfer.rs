//! Backup files come in and go out as they are: nobody on the way can open them.

use std::path::Path;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::StreamExt as _;
use keystead::api::backup::Backup;
use keystead::{Error, Result};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use super::catalogue;
use super::file::{Locked, unwritten};
use crate::agent::Agent;
use crate::cluster::random_id;

/// After so many bytes it is looked whether there is still room.
const LOOK: u64 = 16 << 20;

/// The file of a backup, and its size.
pub(crate) async fn download(agent: &Agent, id: &str) -> Result<(u64, Body)> {
    let size = catalogue::get(agent, id).await?.size;
    let opened = File::open(catalogue::path(agent, id)?).await;
    let file = opened.map_err(|source| Error::internal("reading a backup", source))?;
    tracing::info!(target: "audit", id, "a backup was downloaded");
    Ok((size, Body::from_stream(ReaderStream::new(file))))
}

/// Takes a file in. Whether its key opens it is seen when it is restored: the key may come later.
pub(crate) async fn upload(agent: &Agent, body: Body) -> Result<Backup> {
    catalogue::admits_another(agent)?;
    let taken = catalogue::unfinished(agent, &random_id()).await?;
    receive(agent, taken.path(), body.into_data_stream()).await?;
    let file = Locked::open(taken.path()).await?;
    let id = file.header.id.clone();
    file.check_length().await?;
    if catalogue::path(agent, &id)?.exists() {
        return Err(Error::conflict(format!("backup {id} is on this node already"))
            .with_hint("`ksctl backup get` shows it; delete it first if it is to be replaced"));
    }
    // Others may have come in meanwhile.
    catalogue::admits_another(agent)?;
    taken.keep(agent, &id)?;
    tracing::info!(target: "audit", id, "a backup was uploaded");
    catalogue::get(agent, &id).await
}

async fn receive(agent: &Agent, path: &Path, mut pieces: BodyDataStream) -> Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .await;
    let mut file = made.map_err(unwritten)?;
    let mut since = LOOK;
    while let Some(piece) = pieces.next().await {
        let piece: Bytes = piece.map_err(|source| Error::bad_request("the upload was cut off").caused_by(source))?;
        since += piece.len() as u64;
        if since >= LOOK {
            catalogue::has_room(agent, LOOK)?;
            since = 0;
        }
        file.write_all(&piece).await.map_err(unwritten)?;
    }
    file.sync_all().await.map_err(unwritten)
}
