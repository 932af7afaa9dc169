//! Before anything of a database is changed: may this program work on it, and beside the members there are?

use keystead::Result;
use keystead::member::versions::{self, Running};
use sql::{Connection, version};

use crate::agent::Agent;

/// Migrates this node's database, when this program may work on it. Where nobody else takes anything from it, all that is
/// new may be used at once.
///
/// # Errors
/// As [`may_start`].
pub(crate) async fn migrate(agent: &Agent) -> Result<()> {
    may_start(agent, &*agent.db().await?).await?;
    sql::migrate::cluster(&agent.postgres.config(sql::database::CLUSTER)).await?;
    if agent.identity().is_err() {
        version::use_all(&*agent.db().await?).await?;
    }
    Ok(())
}

/// Refuses to go back, and to leave versions out.
///
/// # Errors
/// With what was found and the way out. The database is as before.
async fn may_start(agent: &Agent, db: &Connection) -> Result<()> {
    let found = version::found(db).await?;
    let Some(schema) = found.schema else {
        return Ok(());
    };
    let (mine, newest) = (crate::version::version(), super::schema()?);
    // Of a node that is in no cluster only the schema is known.
    let me = agent.identity().ok().map(|me| me.number);
    let (own, others): (Vec<_>, Vec<_>) = found.nodes.into_iter().partition(|(number, ..)| Some(*number) == me);
    let before = own
        .into_iter()
        .next()
        .map(|(_, _, running)| running)
        .unwrap_or_default();
    versions::may_follow(&mine, newest, &Running { schema, ..before })?;
    if me.is_none() {
        return Ok(());
    }
    let members: Vec<_> = others
        .into_iter()
        .map(|(_, address, running)| (address, running))
        .collect();
    versions::may_work_beside(&mine, &members)
}
