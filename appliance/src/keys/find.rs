//! Finding one key, by its id or its name.

use keystead::api;
use keystead::text::name::spellings;
use keystead::{Error, Result};
use sql::Connection;
use sql::key::Key;

use super::shown;
use crate::agent::Agent;

/// What a call names a key by: its id or its name, which of them it says that is, and which version of it it means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) what: &'a str,
    pub(crate) kind: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
}

impl Named<'_> {
    /// The number of the version that is meant, when one is.
    pub(super) fn number(&self) -> Result<Option<i32>> {
        let text = self.version.filter(|text| !text.is_empty());
        let number = text.map(|text| text.parse().ok().filter(|number| *number >= 0).ok_or(text));
        number
            .transpose()
            .map_err(|text| Error::invalid_param(format!("version is a whole number from 0 on, not {text:.40}")))
    }
}

/// What a key is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Id,
    Name,
    /// By its id if there is one of that id, else by its name.
    Either,
}

impl TryFrom<Option<&str>> for By {
    type Error = Error;

    /// Reads the `type` of a query.
    fn try_from(kind: Option<&str>) -> Result<Self> {
        match kind {
            Some("id") => Ok(Self::Id),
            Some("name") => Ok(Self::Name),
            None | Some("") => Ok(Self::Either),
            Some(other) => Err(Error::invalid_param(format!("type is id or name, not {other:.40}"))),
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
    let Named { what, kind, .. } = *named;
    let (by, number) = (By::try_from(kind)?, named.number()?);
    if by != By::Name
        && let Some(key) = sql::key::by_id(db, what).await?
    {
        return match number {
            Some(number) if number != key.material_version => sql::key::version(db, key.first(), Some(number))
                .await?
                .ok_or_else(not_found),
            _ => Ok(key),
        };
    }
    if by == By::Id {
        return Err(not_found());
    }
    for name in spellings(what) {
        let keys = sql::key::by_name(db, &name, number).await?;
        if !keys.is_empty() {
            return the_only(&name, keys);
        }
    }
    Err(not_found())
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
    fn a_version_is_a_number_or_nothing() {
        let number = |version| {
            let (what, kind) = ("n", None);
            Named { what, kind, version }.number()
        };
        assert_eq!(number(None).unwrap(), None);
        assert_eq!(number(Some("")).unwrap(), None);
        assert_eq!(number(Some("3")).unwrap(), Some(3));
        for wrong in ["-1", "all", "99999999999"] {
            assert!(number(Some(wrong)).unwrap_err().to_string().contains(wrong));
        }
    }

    #[test]
    fn a_key_is_named_by_id_or_name_and_nothing_else() {
        assert_eq!(By::try_from(Some("name")).unwrap(), By::Name);
        assert_eq!(By::try_from(None).unwrap(), By::Either);
        assert!(By::try_from(Some("alias")).is_err());
    }
}
