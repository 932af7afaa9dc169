//! The `node` table: who is in the cluster.

use keystead::deadline::Work;
use keystead::join::stage::Stage;
use keystead::member::roster::{Member, NodeState, Roster};
use keystead::{NodeId, NodeNumber};

use crate::bad_row::readable;
use crate::error::{Error, Result};
use crate::identity::{address, node_id};
use crate::pool::Connection;
use crate::query::query;
use crate::side::{Answer, Side};

/// Every node that ever was in this cluster, by number. A row that is no node's is skipped.
pub async fn all(db: impl Into<Side<'_>>) -> Result<Roster> {
    let db = db.into();
    let rows = query!("node/all").ask(db, &[], Work::Look).await?;
    Ok(Roster {
        nodes: readable(db, ("public.node", "id"), &rows, read).await,
    })
}

/// Records a node. One that is there already stays as it is.
pub async fn record(db: &Connection, node: &Member) -> Result<()> {
    let Member {
        id,
        number,
        address,
        public_address,
        state,
        stage,
        serial,
        row_version: _,
    } = node;
    let port = i32::from(address.port);
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 8] = [
        &id.as_str(),
        &number.0,
        &address.host,
        &port,
        public_address,
        &state.as_str(),
        &stage.label(),
        serial,
    ];
    query!("node/record").run(db, &values).await?;
    Ok(())
}

/// Moves a node on; the version of its row then, or `None` when it is that far already or not there.
pub async fn set_state(db: &Connection, id: &NodeId, state: NodeState) -> Result<Option<i64>> {
    let row = query!("node/set_state")
        .opt(db, &[&id.as_str(), &state.as_str()])
        .await?;
    Ok(row.map(|row| row.get(0)))
}

/// Says in which stage of its join a node is.
pub async fn set_stage(db: &Connection, id: &NodeId, stage: Stage) -> Result<()> {
    query!("node/set_stage")
        .run(db, &[&id.as_str(), &stage.label()])
        .await?;
    Ok(())
}

/// Changes where users reach a node. False when it is not there.
pub async fn set_public_address(db: &Connection, id: &NodeId, address: &str) -> Result<bool> {
    Ok(query!("node/set_public_address")
        .opt(db, &[&id.as_str(), &address])
        .await?
        .is_some())
}

fn read(row: &Answer) -> Result<Member> {
    let state: &str = row.get("state")?;
    Ok(Member {
        id: node_id(row.get("id")?)?,
        number: NodeNumber(row.get("number")?),
        address: address(row.get("host")?, row.get("port")?)?,
        public_address: row.get("public_address")?,
        state: NodeState::from_name(state).ok_or_else(|| Error::Unexpected(format!("node state {state:?}")))?,
        // A newer version may know stages that this one does not.
        stage: Stage::from_label(row.get("stage")?).unwrap_or(Stage::Creating),
        serial: row.get("serial")?,
        row_version: row.get("version")?,
    })
}
