//! Keeps the agent's connections to its `PostgreSQL` open, all of them, before they are needed.
//!
//! The server has so many places for connections and no way to keep some for the agent: strangers who connect and say
//! nothing take them all. What is connected already stays. So the pools are filled at the start, and again when the server
//! was restarted; this file decides when. It never takes a place for more than the pools may have. The server of somebody
//! else is left alone: its places are not ours to hold.

use std::sync::Arc;
use std::time::Duration;

use keystead::Result;

use crate::agent::{Agent, Standing};
use crate::pulse::Pulse;

/// How soon connections that were lost are made again.
const PERIOD: Duration = Duration::from_secs(2);

/// Keeps them until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    if agent.postgres.is_attached() {
        return pulse.apart(pulse.stop().cancelled()).await;
    }
    let mut is_short = false;
    while pulse.goes_on() {
        let filled = fill(&agent).await;
        if let Err(error) = &filled
            && !is_short
        {
            tracing::warn!(
                error = error.chain(),
                "not all connections to PostgreSQL can be held, trying again"
            );
        }
        is_short = filled.is_err();
        pulse.rest(tokio::time::sleep(PERIOD)).await;
    }
}

async fn fill(agent: &Agent) -> Result<()> {
    let mut made = agent.local.fill().await?;
    match agent.standing() {
        // Its database is being dropped and made anew.
        Standing::Joining => {}
        Standing::Member => made += agent.db.fill().await? + agent.acknowledging.fill().await?,
        // Alone there is nobody to wait for.
        _ => made += agent.db.fill().await?,
    }
    if made > 0 {
        tracing::debug!(made, "connections to PostgreSQL are held");
    }
    Ok(())
}
