//! Now and then compares this node with one other member, in turn, so that a difference does not wait for somebody to
//! ask. A difference is told only when it is found twice in a row; it is never mended unasked.

use std::sync::Arc;
use std::time::Duration;

use keystead::api::verify::VerifyState;
use keystead::verify::turns;
use keystead::{Error, NodeNumber, Result};

use super::announce::announce;
use super::look;
use crate::agent::{Agent, Standing};
use crate::pulse::Pulse;

/// The second look comes so much later than the first.
const AGAIN: Duration = Duration::from_secs(10);

/// Takes this node's turns until the agent stops, while it is a member.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    // Whatever is under way when the agent stops only reads.
    let _stopped = pulse.rest(Box::pin(take_turns(&agent))).await;
}

async fn take_turns(agent: &Agent) {
    let every = agent.config.cluster.verify_every;
    let first = agent
        .identity()
        .map_or(every, |me| turns::first_after(me.number, every));
    tokio::time::sleep(first).await;
    let mut last = None;
    loop {
        if agent.standing() == Standing::Member && !is_asked_for(agent) {
            take_turn(agent, &mut last)
                .await
                .unwrap_or_else(|error| not_now(&error));
        }
        tokio::time::sleep(every).await;
    }
}

fn not_now(error: &Error) {
    tracing::debug!(error = error.chain(), "this node could not be compared with another");
}

/// Somebody has it compared at this moment, and is told.
fn is_asked_for(agent: &Agent) -> bool {
    let latest = agent.verify.borrow();
    latest
        .as_ref()
        .is_some_and(|latest| latest.state == VerifyState::Running)
}

async fn take_turn(agent: &Agent, last: &mut Option<NodeNumber>) -> Result<()> {
    let me = agent.identity()?.node_id;
    let roster = sql::node::all(&*agent.db().await?).await?;
    let members = roster.ready_peers(&me).map(|member| member.number).collect();
    *last = turns::next(&members, *last);
    let Some(member) = roster.ready_peers(&me).find(|member| Some(member.number) == *last) else {
        return Ok(());
    };
    let first = look::at(agent, member).await?.differences;
    if first.is_empty() {
        announce(agent, member, &[]);
        return Ok(());
    }
    tracing::info!(node_id = %member.id, differing = first.len(), "this node and a member seem to differ, looking again");
    tokio::time::sleep(AGAIN.min(agent.config.cluster.verify_every)).await;
    let second = look::at(agent, member).await?.differences;
    announce(agent, member, &turns::found_twice(&first, second));
    Ok(())
}
