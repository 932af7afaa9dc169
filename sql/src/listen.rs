//! Hears PostgreSQL's notifications on a connection of its own.

use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

use crate::error::{Error, Result};

/// A connection that listens. Ends when it is dropped or PostgreSQL goes away.
#[derive(Debug)]
pub struct Listener {
    _client: Client,
    heard: mpsc::Receiver<()>,
}

impl Listener {
    /// Listens on `channels`.
    ///
    /// # Errors
    /// When PostgreSQL is away.
    #[expect(clippy::disallowed_methods, reason = "the task ends with its connection")]
    pub async fn open(config: &Config, channels: &[&str]) -> Result<Self> {
        let away = |source| Error::Connect(Box::new(source));
        let (client, mut connection) = config.connect(NoTls).await.map_err(away)?;
        // One is enough: whoever listens looks at everything that is new.
        let (tell, heard) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut messages = poll_fn(move |cx: &mut Context<'_>| -> Poll<_> { connection.poll_message(cx) });
            while let Some(Ok(message)) = messages.next().await {
                if matches!(message, AsyncMessage::Notification(_)) {
                    let _already_told = tell.try_send(());
                }
            }
        });
        for channel in channels {
            let listen = format!("listen {channel}");
            client.batch_execute(&listen).await.map_err(|source| Error::Query {
                query: "listen",
                source,
            })?;
        }
        Ok(Self { _client: client, heard })
    }

    /// Waits for a notification. `None` when the connection has ended.
    pub async fn hear(&mut self) -> Option<()> {
        self.heard.recv().await
    }
}
