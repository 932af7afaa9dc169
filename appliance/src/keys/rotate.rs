//! Rotating a key: a version more, with material of its own. The versions before stay as they are, each with its own id.
//!
//! Which version is current is decided by `newest_version` in SQL, alike on all nodes.

use chrono::{DateTime, Utc};
use keystead::api;
use keystead::key::request::NewVersion;
use keystead::key::state::KeyState;
use keystead::replication::ack::{Ack, Operation, Written};
use keystead::{Error, Result};
use sql::Connection;
use sql::key::{Key, Wrapped};

use super::create::{fingerprint, material, new_id};
use super::find::{Named, find, not_found};
use super::shown;
use crate::acknowledge;
use crate::agent::Agent;

/// How often a version is made anew because somebody else has made one, or changed the one before.
const TRIES: usize = 8;

/// Makes a version of a key, active at once, after its current one.
pub(crate) async fn rotate(
    agent: &Agent,
    named: &Named<'_>,
    asked: &NewVersion,
    ack: Option<Ack>,
) -> Result<(api::key::Key, Ack)> {
    let first = find(&*agent.db().await?, named).await?.first().to_owned();
    for _ in 0..TRIES {
        let (newest, number) = next(&*agent.db().await?, &first).await?;
        asked.fits(newest.size)?;
        let material = material(asked.material.as_ref(), newest.size)?;
        let now = agent.clock.now().to_utc().unwrap_or_default();
        let mut key = described(&newest, asked, number, now)?;
        key.fingerprint = fingerprint(&material);
        let (epoch, wrapped) = agent.keyring()?.wrap_material(&key.id, number, &material)?;
        let write = acknowledge::begin(agent, ack, Operation::MakesOrEndsKey).await?;
        let made = write
            .make(|| {
                let bytes = &wrapped;
                sql::key::create_version(write.db(), &key, &newest, Wrapped { epoch, bytes }, write.peers())
            })
            .await?;
        if let Some(row_version) = *made.value() {
            key.row_version = row_version;
            tracing::info!(key = key.id, of = first, version = number, "a key was rotated");
            let ack = made.acknowledged(|| Written {
                id: key.id.clone(),
                row_version,
            })?;
            return Ok((shown::shown(key), ack));
        }
    }
    Err(Error::unavailable("the key is being rotated or changed by others"))
}

/// How many versions a key has, and those of one page, the current one first.
pub(crate) async fn versions(
    agent: &Agent,
    named: &Named<'_>,
    skip: u64,
    limit: u64,
) -> Result<(u64, Vec<api::key::Key>)> {
    let db = agent.db().await?;
    let key = find(&db, named).await?;
    // Numbers beyond PostgreSQL's are beyond any number of versions.
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let total = sql::key::count_versions(&db, key.first()).await?;
    let page = sql::key::versions(&db, key.first(), whole(skip), whole(limit)).await?;
    Ok((total, page.into_iter().map(shown::shown).collect()))
}

/// The current version, and the number of the next.
async fn next(db: &Connection, first: &str) -> Result<(Key, i32)> {
    let newest = sql::key::version(db, first, None).await?.ok_or_else(not_found)?;
    let highest = sql::key::highest_version(db, first).await?;
    let number = highest.unwrap_or(newest.material_version).checked_add(1);
    let number = number.ok_or_else(|| Error::conflict("the key has the highest version there can be"))?;
    Ok((newest, number))
}

/// Everything about a new version but its material: as in the one before, whatever state that is in.
fn described(newest: &Key, asked: &NewVersion, number: i32, now: DateTime<Utc>) -> Result<Key> {
    Ok(Key {
        id: new_id()?,
        state: KeyState::Active,
        description: asked.description.clone().unwrap_or_else(|| newest.description.clone()),
        material_version: number,
        activation_date: Some(now),
        created_at: now,
        updated_at: now,
        version_of: Some(newest.first().to_owned()),
        ..newest.clone()
    })
}

#[cfg(test)]
mod tests {
    use keystead::api::key::NewVersionRequest;

    use super::*;
    use crate::keys::shown::tests::key;

    #[test]
    fn a_version_takes_over_what_is_said_of_the_one_before_and_not_its_state() {
        let asked = NewVersion::try_from(NewVersionRequest::default()).unwrap();
        let before = Key {
            state: KeyState::Compromised,
            description: "said".to_owned(),
            ..key("a1")
        };
        let one = described(&before, &asked, 1, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!((one.name.as_str(), one.description.as_str()), ("n", "said"));
        assert_eq!(
            (one.state, one.first(), one.material_version),
            (KeyState::Active, "a1", 1)
        );
        let two = described(&one, &asked, 2, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(two.first(), "a1", "all versions are of the first");
        assert_ne!(two.id, one.id);
    }
}
