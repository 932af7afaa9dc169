//! The cluster's property `ack`: what holds for writes that ask for nothing.

use keystead::api::cluster::{AckAnswer, AckRequest};
use keystead::replication::ack::{self, Ack, DEFAULT, Operation, PROPERTY};
use keystead::{Error, Result};
use sql::Connection;

use super::standbys;
use crate::agent::{Agent, Standing};

/// The property as the tables of this node have it; `None` while it was never set.
pub(super) async fn stored(db: &Connection) -> Result<Option<Ack>> {
    let value = sql::property::get(db, PROPERTY).await?;
    let parsed = value.as_deref().map(str::parse).transpose();
    parsed.map_err(|error: Error| Error::internal("reading the property ack", error))
}

/// What is set, and what it means for writes here and now.
pub(crate) async fn get(agent: &Agent) -> Result<AckAnswer> {
    must_be_member(agent)?;
    let terms = standbys::tell(agent).await?.terms;
    Ok(AckAnswer {
        ack: terms.property.map_or_else(|| DEFAULT.to_owned(), |ack| ack.to_string()),
        create_and_delete: terms.unasked(Operation::MakesOrEndsKey).to_string(),
        change: terms.unasked(Operation::ChangesKey).to_string(),
        peers: terms.peers,
    })
}

/// Sets it, for all nodes.
pub(crate) async fn set(agent: &Agent, asked: &AckRequest) -> Result<AckAnswer> {
    must_be_member(agent)?;
    let property: Option<Ack> = match asked.ack.as_deref() {
        None => {
            return Err(Error::invalid_param(
                "ack is missing: local, any-1 and so on, or default",
            ));
        }
        Some(DEFAULT) => None,
        Some(text) => Some(text.parse()?),
    };
    ack::may_set(property, standbys::tell(agent).await?.terms.peers)?;
    let db = agent.db().await?;
    match property {
        Some(ack) => sql::property::set(&db, PROPERTY, &ack.to_string()).await?,
        None => sql::property::clear(&db, PROPERTY).await?,
    }
    tracing::info!(ack = asked.ack.as_deref(), "the cluster's ack was set");
    get(agent).await
}

/// Properties are set and told by members.
pub(crate) fn must_be_member(agent: &Agent) -> Result<()> {
    match agent.standing() {
        Standing::Member => Ok(()),
        Standing::Fenced => Err(
            Error::unavailable("this node was rolled back and has not caught up yet")
                .with_hint("run the command on another member"),
        ),
        Standing::Alone | Standing::Restoring | Standing::Joining | Standing::Killed | Standing::Removed => {
            Err(Error::conflict("this node is not in a cluster").with_hint("run the command on a member"))
        }
    }
}
