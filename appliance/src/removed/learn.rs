//! How a node learns that it was removed while it was away: nobody admits it, so it is told by how it is refused.
//!
//! Asked are the members whose links do not work; one that says so is enough, for a removal is for ever. What counts as
//! saying so is decided in `crate::peers::refusal`.

use futures_util::future::join_all;
use keystead::member::roster::{Member, NodeState};
use keystead::{Result, summary};

use crate::agent::{Agent, Standing};
use crate::peers::refusal;
use crate::{resync, view};

/// Where a member stands when its agent starts: one that was removed takes nothing, not even for a moment.
pub(crate) async fn standing_at_start(agent: &Agent) -> Result<Standing> {
    let members = members(agent).await?;
    let (removed, standing) = tokio::join!(is_told_by_anyone(agent, members), resync::standing_at_start(agent));
    Ok(if removed? {
        keep(agent).await?;
        Standing::Removed
    } else {
        standing?
    })
}

/// Asks the members whose links do not work, and stands as removed when one of them says so.
pub(crate) async fn learn(agent: &Agent) -> Result<()> {
    let silent = silent(agent).await?;
    if !silent.is_empty() && is_told_by_anyone(agent, silent).await? {
        agent.stand(Standing::Removed);
        keep(agent).await?;
    }
    Ok(())
}

/// The next start is to know it though it may reach nobody; and so is who has not heard of it and still takes changes from
/// here.
async fn keep(agent: &Agent) -> Result<()> {
    let me = agent.identity()?.node_id;
    sql::node::set_state(&*agent.db().await?, &me, NodeState::Removed).await?;
    tracing::warn!(
        hint = "`ksctl cluster orphans` on it shows what only it has; `ksctl cluster delete` clears it",
        "this node was removed from its cluster while it was away"
    );
    Ok(())
}

/// Asks all members, also those whose links seem to work.
pub(crate) async fn ask_all(agent: &Agent) -> Result<()> {
    if is_told_by_anyone(agent, members(agent).await?).await? {
        agent.stand(Standing::Removed);
        keep(agent).await?;
    }
    Ok(())
}

async fn members(agent: &Agent) -> Result<Vec<Member>> {
    let me = agent.identity()?.node_id;
    let roster = sql::node::all(&*agent.db().await?).await?;
    Ok(roster.ready_peers(&me).cloned().collect())
}

async fn silent(agent: &Agent) -> Result<Vec<Member>> {
    let (me, now) = (agent.identity()?.node_id, agent.clock.now());
    let db = agent.db().await?;
    let roster = sql::node::all(&db).await?;
    let links = view::facts(agent, &db, &roster).await?;
    let members = roster.ready().count();
    let is_silent = |peer: &&Member| {
        let link = links.get(&peer.number);
        link.is_none_or(|link| !link.receiving || summary::is_in_doubt(link, members, now))
    };
    Ok(roster.ready_peers(&me).filter(is_silent).cloned().collect())
}

/// Does one of `members` say that this node was removed?
pub(super) async fn is_told_by_anyone(agent: &Agent, members: Vec<Member>) -> Result<bool> {
    let me = agent.identity()?.node_id;
    let removed = sql::node::all(&*agent.db().await?).await?;
    let asked = members.iter().map(|member| async {
        let refused = refusal::says_removed(agent.postgres.paths(), &me, &member.address, &removed);
        refused.await.unwrap_or_else(|error| {
            tracing::debug!(address = %member.address, error = error.chain(), "a member does not say whether this node was removed");
            false
        })
    });
    Ok(join_all(asked).await.contains(&true))
}
