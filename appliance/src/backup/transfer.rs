//! Backup files come in and go out as they are: nobody on the way can open them.

use std::path::Path;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::{Stream, StreamExt as _};
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

/// An upload that stands still so long is given up: its connection and its file are held for nothing.
const IDLE: Duration = Duration::from_secs(30);

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
    while let Some(piece) = next(&mut pieces, IDLE).await? {
        since += piece.len() as u64;
        if since >= LOOK {
            catalogue::has_room(agent, LOOK)?;
            since = 0;
        }
        file.write_all(&piece).await.map_err(unwritten)?;
    }
    file.sync_all().await.map_err(unwritten)
}

/// The next piece. Its sender may be slow, and not stand still.
async fn next<E>(pieces: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin), idle: Duration) -> Result<Option<Bytes>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let piece = tokio::time::timeout(idle, pieces.next()).await.map_err(|_| {
        Error::bad_request(format!("nothing of the upload came for {idle:?}"))
            .with_hint("look at the connection, and upload the file again")
    })?;
    let cut_off = |source| Error::bad_request("the upload was cut off").caused_by(source);
    piece.transpose().map_err(cut_off)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    const PIECE: Result<Bytes, Infallible> = Ok(Bytes::from_static(b"piece"));

    #[tokio::test]
    async fn an_upload_that_stands_still_is_given_up() {
        let mut whole = stream::iter([PIECE, PIECE]);
        for _ in 0..2 {
            assert!(next(&mut whole, IDLE).await.unwrap().is_some());
        }
        assert!(next(&mut whole, IDLE).await.unwrap().is_none());
        let mut halted = stream::iter([PIECE]).chain(stream::pending());
        let short = Duration::from_millis(20);
        assert!(next(&mut halted, short).await.unwrap().is_some());
        let refused = next(&mut halted, short).await.unwrap_err();
        assert_eq!(refused.to_string(), "nothing of the upload came for 20ms");
    }
}
