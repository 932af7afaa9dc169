//! Handing a key's material out, to a caller who may have it.

use keystead::api::key::ExportedKey;
use keystead::key::material::Encoding;
use keystead::{Error, Kind, Result};

use super::find::{Named, find};
use super::shown;
use crate::agent::Agent;

/// A key, with its material written so.
pub(crate) async fn export(agent: &Agent, named: &Named<'_>, encoding: Encoding) -> Result<ExportedKey> {
    let db = agent.db.get().await?;
    let key = find(&db, named).await?;
    if key.unexportable {
        return Err(Error::new(
            Kind::Forbidden,
            format!("the key {:.80} may not leave the system", key.name),
        ));
    }
    let kept = sql::key::material(&db, &key.id).await?;
    let (epoch, wrapped) = kept.ok_or_else(|| Error::conflict(format!("the key {:.80} has no material", key.name)))?;
    let material = agent
        .keyring()?
        .unwrap_material(&key.id, key.material_version, epoch, &wrapped)?;
    tracing::info!(key = key.id, "a key was exported");
    Ok(ExportedKey {
        key: shown::shown(key),
        material: encoding.write(&material),
    })
}
