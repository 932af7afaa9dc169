//! Finding one key, by its id, its name or its UUID.

use keystead::api;
use keystead::key::uuid;
use keystead::text::name::spellings;
use keystead::{Error, Result};
use sql::Connection;
use sql::key::Key;

use super::shown;
use crate::agent::Agent;

/// What a call names a key by, which of its names it says that is, and which version of it it means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) what: &'a str,
    pub(crate) kind: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
}

/// Which version of a key is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// The one that has the id, or the current one of the name.
    Named,
    /// The current one.
    Newest,
    /// The one with this number.
    Number(i32),
}

impl TryFrom<Option<&str>> for Version {
    type Error = Error;

    /// Reads the `version` of a query.
    fn try_from(text: Option<&str>) -> Result<Self> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(Self::Named);
        };
        match text.parse() {
            Ok(-1) => Ok(Self::Newest),
            Ok(number) if number >= 0 => Ok(Self::Number(number)),
            _ => Err(Error::invalid_param(format!(
                "version is a whole number from 0 on, or -1 for the newest, not {text:.40}"
            ))),
        }
    }
}

/// What a key is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Id,
    Name,
    Uuid,
    /// By something that no key has.
    Nothing,
    /// By its id if there is one of that id, else by its name, else by its UUID.
    Any,
}

impl TryFrom<Option<&str>> for By {
    type Error = Error;

    /// Reads the `type` of a query.
    fn try_from(kind: Option<&str>) -> Result<Self> {
        match kind {
            Some("id") => Ok(Self::Id),
            Some("name") => Ok(Self::Name),
            Some("uuid") => Ok(Self::Uuid),
            Some("alias" | "muid" | "keyId") => Ok(Self::Nothing),
            None | Some("") => Ok(Self::Any),
            Some(other) => Err(Error::invalid_param(format!(
                "type is id, name, uuid, alias, muid or keyId, not {other:.40}"
            ))),
        }
    }
}

/// A key, without its material.
pub(crate) async fn get(agent: &Agent, named: &Named<'_>) -> Result<api::key::Key> {
    Ok(shown::shown(find(&*agent.db.get().await?, named).await?))
}

/// The key that is named. An id names one version, a name the current one, unless another is meant. A name that several
/// keys have since a partition names none of them.
pub(super) async fn find(db: &Connection, named: &Named<'_>) -> Result<Key> {
    let (by, version) = (By::try_from(named.kind)?, Version::try_from(named.version)?);
    let what = named.what;
    if matches!(by, By::Id | By::Any)
        && let Some(key) = sql::key::by_id(db, what).await?
    {
        return of_version(db, key, version).await;
    }
    if matches!(by, By::Name | By::Any)
        && let Some(key) = by_name(db, what, version).await?
    {
        return Ok(key);
    }
    if matches!(by, By::Uuid | By::Any)
        && let Some(beginnings) = uuid::beginnings(what)
    {
        let keys = sql::key::by_beginning(db, &beginnings).await?;
        return of_version(db, the_only(what, keys)?, version).await;
    }
    Err(not_found())
}

/// The version of a key that is meant, when this one was named.
async fn of_version(db: &Connection, key: Key, version: Version) -> Result<Key> {
    let number = match version {
        Version::Named => return Ok(key),
        Version::Number(number) if number == key.material_version => return Ok(key),
        Version::Number(number) => Some(number),
        Version::Newest => None,
    };
    sql::key::version(db, key.first(), number).await?.ok_or_else(not_found)
}

async fn by_name(db: &Connection, what: &str, version: Version) -> Result<Option<Key>> {
    let number = match version {
        Version::Number(number) => Some(number),
        Version::Named | Version::Newest => None,
    };
    for name in spellings(what) {
        let keys = sql::key::by_name(db, &name, number).await?;
        if !keys.is_empty() {
            return the_only(&name, keys).map(Some);
        }
    }
    Ok(None)
}

fn the_only(name: &str, mut keys: Vec<Key>) -> Result<Key> {
    if keys.len() > 1 {
        let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        return Err(
            Error::conflict(format!("{} keys are named {name:.80}: {}", ids.len(), ids.join(", ")))
                .with_hint("use an id, and rename all but one of them: two parts of the cluster made them while apart"),
        );
    }
    keys.pop().ok_or_else(not_found)
}

pub(super) fn not_found() -> Error {
    Error::not_found("the key")
}

#[cfg(test)]
mod tests {
    use keystead::Kind;

    use super::*;
    use crate::keys::shown::tests::key;

    #[test]
    fn a_name_that_two_keys_have_is_answered_with_both_ids() {
        let refused = the_only("n", vec![key("a1"), key("b2")]).unwrap_err();
        assert_eq!(refused.kind(), Kind::Conflict);
        assert_eq!(refused.to_string(), "2 keys are named n: a1, b2");
        assert_eq!(the_only("n", vec![key("a1")]).unwrap().id, "a1");
        assert_eq!(the_only("n", Vec::new()).unwrap_err().kind(), Kind::NotFound);
    }

    #[test]
    fn a_version_is_a_number_or_the_newest_or_nothing() {
        assert_eq!(Version::try_from(None).unwrap(), Version::Named);
        assert_eq!(Version::try_from(Some("")).unwrap(), Version::Named);
        assert_eq!(Version::try_from(Some("3")).unwrap(), Version::Number(3));
        assert_eq!(Version::try_from(Some("-1")).unwrap(), Version::Newest);
        for wrong in ["-2", "all", "99999999999"] {
            assert!(Version::try_from(Some(wrong)).unwrap_err().to_string().contains(wrong));
        }
    }

    #[test]
    fn a_key_is_named_by_what_clients_name_it_by_and_nothing_else() {
        assert_eq!(By::try_from(Some("name")).unwrap(), By::Name);
        assert_eq!(By::try_from(Some("uuid")).unwrap(), By::Uuid);
        assert_eq!(By::try_from(Some("alias")).unwrap(), By::Nothing);
        assert_eq!(By::try_from(None).unwrap(), By::Any);
        assert!(By::try_from(Some("colour")).is_err());
    }
}
