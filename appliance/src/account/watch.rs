//! The task that hears of changed accounts, also of those that other members changed, so that tokens end with them.

use std::sync::Arc;
use std::time::Duration;

use sql::listen::Listener;

use crate::agent::Agent;
use crate::pulse::Pulse;

/// The channel on which PostgreSQL tells that an account changed.
const CHANNEL: &str = "keystead_account";

/// PostgreSQL is away: until it is back nothing changes.
const AGAIN: Duration = Duration::from_secs(1);

/// Listens until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    let config = agent.postgres.config(sql::database::CLUSTER);
    while pulse.goes_on() {
        let listen = async {
            let Ok(mut listener) = Listener::open(&config, &[CHANNEL]).await else {
                return tokio::time::sleep(AGAIN).await;
            };
            // Something may have changed while nobody listened.
            agent.accounts.forget();
            while listener.hear().await.is_some() {
                agent.accounts.forget();
            }
        };
        pulse.rest(listen).await;
    }
}
