//! Wakes a task that keeps something in order: when PostgreSQL tells of a change, and by a timer in case it did not.

use std::time::Duration;

use sql::listen::Listener;
use tokio_postgres::Config;

/// Hears one channel; its connection is opened again when it has ended.
pub(crate) struct Wake {
    config: Config,
    channel: &'static str,
    listener: Option<Listener>,
}

impl Wake {
    /// Hears `channel` of the database behind `config`. Connects when it is first waited for.
    pub(crate) fn new(config: Config, channel: &'static str) -> Self {
        Self {
            config,
            channel,
            listener: None,
        }
    }

    /// Waits until there is reason to look again, `timer` at the longest.
    pub(crate) async fn next(&mut self, timer: Duration) {
        // Timed out: the timer is a reason too.
        let _told = tokio::time::timeout(timer, self.hear()).await;
    }

    async fn hear(&mut self) {
        if self.listener.is_none() {
            self.listener = Listener::open(&self.config, &[self.channel]).await.ok();
        }
        match &mut self.listener {
            Some(listener) => {
                if listener.hear().await.is_none() {
                    self.listener = None;
                }
            }
            None => std::future::pending().await,
        }
    }
}
