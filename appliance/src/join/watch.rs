//! Watches the members that a stage waits for, so that no stage waits for ever for one that died or stands still.
//!
//! Asks each of them every second for its newest heartbeat; what their silence means is `keystead::join::silence`. Runs
//! beside the stage, because a stage that waits for an answer cannot know that none will come.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use keystead::clock::Micros;
use keystead::join::silence::{HANGS, Need, Needs, PATIENCE, Silence, Silent};
use keystead::{Error, Kind, NodeNumber, Result};
use sql::Peer;
use tokio::time::{Instant, sleep, timeout};

use super::driver::ledger;
use super::room;
use super::source::address;
use crate::agent::Agent;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);

/// How long a member may take to answer in one look. Less than a question may take elsewhere: what waits for one that hangs
/// is to begin anew soon.
const ANSWER: Duration = Duration::from_secs(5);

/// Open connections to the members that are watched, and what was heard of them.
pub(super) struct Watch {
    begin: Instant,
    silence: Silence,
    open: BTreeMap<NodeNumber, Peer>,
}

/// Why what runs now is to end.
pub(super) enum Lost {
    /// It is to begin anew.
    Try(Error),
    /// The join is over.
    Join(Error),
}

impl Lost {
    /// Is the join over?
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Join(_))
    }
}

impl Watch {
    pub(super) fn new() -> Self {
        Self {
            begin: Instant::now(),
            silence: Silence::default(),
            open: BTreeMap::new(),
        }
    }

    /// Looks until a member that is needed is silent for too long.
    pub(super) async fn until_lost(&mut self, agent: &Agent) -> Lost {
        loop {
            if let Some(lost) = self.look(agent).await {
                return lost;
            }
            sleep(PERIOD).await;
        }
    }

    /// Looks once.
    pub(super) async fn look(&mut self, agent: &Agent) -> Option<Lost> {
        let needs = super::needs(agent);
        self.silence.keep(&needs);
        self.open.retain(|member, _| needs.contains_key(member));
        for member in needs.keys() {
            self.silence.begin(*member, self.begin.elapsed());
        }
        self.ask(agent, &needs).await;
        if let Err(full) = room::check(agent.postgres.paths()) {
            return Some(Lost::Join(full));
        }
        // What it needs may have changed meanwhile.
        let needs = super::needs(agent);
        let silent = self.silence.judge(&needs, self.begin.elapsed())?;
        Some(Self::lost(agent, silent))
    }

    async fn ask(&mut self, agent: &Agent, needs: &Needs) {
        let asked = needs.keys().map(|member| {
            let open = self.open.remove(member);
            async move { Some((*member, timeout(ANSWER, ask(agent, *member, open)).await.ok()?.ok()?)) }
        });
        let answers = join_all(asked).await;
        let now = self.begin.elapsed();
        for (member, (connection, heartbeat)) in answers.into_iter().flatten() {
            self.silence.answered(member, heartbeat, now);
            self.open.extend(connection.map(|connection| (member, connection)));
        }
    }

    fn lost(agent: &Agent, silent: Silent) -> Lost {
        let name = |member| {
            let ledger = ledger(agent);
            let address = ledger.and_then(|ledger| address(&ledger, member).map(ToString::to_string));
            address.unwrap_or_else(|_| format!("number {member}"))
        };
        match silent {
            Silent::Hangs(member) => Lost::Try(Error::unavailable(format!(
                "the member at {} has not answered for {} seconds",
                name(member),
                HANGS.as_secs()
            ))),
            Silent::Gone(member, need) => Lost::Join(gone(&name(member), need)),
        }
    }
}

/// The join ends with this text.
fn gone(member: &str, need: Need) -> Error {
    let (what, service) = match need {
        Need::Answers => ("answered", "PostgreSQL"),
        Need::Heartbeats => ("sent a heartbeat", "keysteadd"),
    };
    let text = format!(
        "the member at {member} has not {what} for {} seconds",
        PATIENCE.as_secs()
    );
    Error::conflict(text).with_hint(format!(
        "start {service} on it, or remove it with `ksctl cluster nodes delete`; then join again"
    ))
}

/// One that does not admit this node answers all the same; what that means is for the stage to say.
async fn ask(agent: &Agent, member: NodeNumber, open: Option<Peer>) -> Result<(Option<Peer>, Option<Micros>)> {
    if let Some(open) = open
        && let Ok(heartbeat) = newest(&open, member).await
    {
        return Ok((Some(open), heartbeat));
    }
    let ledger = ledger(agent)?;
    let address = address(&ledger, member)?;
    let fresh = match agent.peers.connect(&ledger.node_id, &ledger.target(address)).await {
        Err(refused) if refused.kind() == Kind::Unauthorized => return Ok((None, None)),
        fresh => fresh?,
    };
    let heartbeat = newest(&fresh, member).await?;
    Ok((Some(fresh), heartbeat))
}

/// A guest may not read heartbeats, and needs none.
async fn newest(peer: &Peer, member: NodeNumber) -> Result<Option<Micros>> {
    if !sql::link::is_admitted(peer).await? {
        return Ok(None);
    }
    Ok(sql::heartbeat::newest(peer).await?.get(&member).copied())
}
