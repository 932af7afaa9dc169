//! Listing keys, the oldest first, so that a page stays where it is while keys are made.

use keystead::api;
use keystead::key::state::KeyState;
use keystead::text::name::spellings;
use keystead::{Error, Result};
use serde::Deserialize;
use sql::Connection;
use sql::key::{Filter, ORDERS};

use super::shown;
use crate::agent::Agent;

/// Which keys are asked for, as clients write it. What is left out or empty is no restriction.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    /// Keys of exactly this name.
    name: Option<String>,
    /// Keys in this state: `Active`, `Pre-Active` and so on.
    #[param(pattern = "^(Pre-Active|Active|Deactivated|Compromised|Destroyed|Destroyed Compromised)?$")]
    state: Option<String>,
    /// Keys of this algorithm: `AES`.
    algorithm: Option<String>,
    /// Keys of so many bits.
    #[param(value_type = Option<i32>)]
    size: Option<String>,
    /// The key with this id.
    id: Option<String>,
    /// Keys whose material has this fingerprint.
    sha256_fingerprint: Option<String>,
    /// Keys with exactly this usage.
    #[param(value_type = Option<i32>)]
    usage_mask: Option<String>,
    /// The versions with this number; -1 is the current version of each key.
    #[param(value_type = Option<i32>, minimum = -1)]
    version: Option<String>,
    /// Keys of this kind: `Symmetric Key`.
    object_type: Option<String>,
    /// By what the list is sorted, `-` for the last first. Of keys of one name, the newest version comes first.
    #[param(pattern = "^(-?(createdAt|name|updatedAt|version))?$")]
    sort: Option<String>,
    /// No key has one: what is given matches nothing.
    alias: Option<String>,
    /// As `alias`.
    muid: Option<String>,
    /// As `alias`.
    key_id: Option<String>,
    /// As `alias`.
    curveid: Option<String>,
    /// As `alias`.
    labels: Option<String>,
    /// As `alias`.
    labels_query: Option<String>,
    /// As `alias`.
    #[serde(rename = "labels_query")]
    labels_query_snake: Option<String>,
    /// As `alias`.
    link_type: Option<String>,
    /// As `alias`.
    meta_contains: Option<String>,
    /// As `alias`.
    sha1_fingerprint: Option<String>,
}

/// The keys that are asked for, and their order.
#[derive(Debug)]
pub(crate) struct Choice {
    filter: Filter,
    order: Option<String>,
    /// It is asked for what no key has.
    none: bool,
}

impl TryFrom<Asked> for Choice {
    type Error = Error;

    fn try_from(asked: Asked) -> Result<Self> {
        let state = given(asked.state).map(|name| {
            let known = KeyState::from_name(&name);
            known.ok_or_else(|| Error::invalid_param(format!("there is no key state {name:.40}")))
        });
        let order = given(asked.sort);
        if let Some(other) = order.as_deref().filter(|order| !ORDERS.contains(order)) {
            let all = ORDERS.join(", ");
            return Err(Error::invalid_param(format!("sort is one of {all}, not {other:.40}")));
        }
        let number = whole("version", asked.version)?;
        if let Some(wrong) = number.filter(|number| *number < -1) {
            return Err(Error::invalid_param(format!("there is no version {wrong}")));
        }
        let nobodys = [
            asked.alias,
            asked.muid,
            asked.key_id,
            asked.curveid,
            asked.labels,
            asked.labels_query,
            asked.labels_query_snake,
            asked.link_type,
            asked.meta_contains,
            asked.sha1_fingerprint,
        ];
        let other_kind = given(asked.object_type).is_some_and(|kind| !kind.eq_ignore_ascii_case("Symmetric Key"));
        Ok(Self {
            filter: Filter {
                name: given(asked.name),
                state: state.transpose()?,
                algorithm: given(asked.algorithm).map(|name| name.to_ascii_uppercase()),
                size: whole("size", asked.size)?,
                id: given(asked.id),
                fingerprint: given(asked.sha256_fingerprint).map(|text| text.to_ascii_lowercase()),
                usage_mask: whole("usageMask", asked.usage_mask)?,
                number: number.filter(|number| *number >= 0),
                newest: number == Some(-1),
            },
            order,
            none: other_kind || nobodys.into_iter().any(|text| given(text).is_some()),
        })
    }
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn whole(name: &str, text: Option<String>) -> Result<Option<i32>> {
    let number = given(text).map(|text| {
        let number = text.parse();
        number.map_err(|_| Error::invalid_param(format!("{name} is a whole number, not {text:.40}")))
    });
    number.transpose()
}

/// How many keys match, and those of one page.
pub(crate) async fn list(agent: &Agent, choice: Choice, skip: u64, limit: u64) -> Result<(u64, Vec<api::key::Key>)> {
    if choice.none {
        return Ok((0, Vec::new()));
    }
    // Numbers beyond PostgreSQL's are beyond any number of keys.
    let bounded = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let db = agent.db.get().await?;
    let (total, filter) = spelled(&db, choice.filter).await?;
    let keys = sql::key::list(&db, &filter, choice.order.as_deref(), bounded(skip), bounded(limit)).await?;
    Ok((total, keys.into_iter().map(shown::shown).collect()))
}

/// How many keys match, and the filter with the spelling of its name that they have.
async fn spelled(db: &Connection, filter: Filter) -> Result<(u64, Filter)> {
    let mut total = sql::key::count(db, &filter).await?;
    let Some(given) = filter.name.clone() else {
        return Ok((total, filter));
    };
    let mut filter = filter;
    for name in spellings(&given).skip(1) {
        if total == 0 {
            filter.name = Some(name);
            total = sql::key::count(db, &filter).await?;
        }
    }
    Ok((total, filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(query: &[(&str, &str)]) -> Result<Choice> {
        let text = serde_urlencoded::to_string(query).unwrap();
        serde_urlencoded::from_str::<Asked>(&text).unwrap().try_into()
    }

    #[test]
    fn what_is_empty_is_no_restriction_and_case_does_not_matter_in_an_algorithm() {
        let all = choice(&[
            ("state", ""),
            ("size", ""),
            ("alias", ""),
            ("algorithm", "aes"),
            ("limit", "1"),
        ])
        .unwrap();
        assert_eq!((all.filter.state, all.filter.size, all.none), (None, None, false));
        assert_eq!(all.filter.algorithm.as_deref(), Some("AES"));
    }

    #[test]
    fn what_cannot_be_understood_is_refused_by_name() {
        assert_eq!(
            choice(&[("state", "Active")]).unwrap().filter.state,
            Some(KeyState::Active)
        );
        for (name, wrong) in [
            ("state", "active?"),
            ("size", "big"),
            ("usageMask", "all"),
            ("version", "-2"),
            ("version", "newest"),
            ("sort", "colour"),
        ] {
            let refused = choice(&[(name, wrong)]).unwrap_err().to_string();
            assert!(refused.contains(wrong), "{refused}");
        }
    }

    #[test]
    fn what_no_key_has_matches_none_and_never_all() {
        for name in [
            "alias",
            "muid",
            "keyId",
            "curveid",
            "labels",
            "labelsQuery",
            "labels_query",
            "linkType",
            "metaContains",
            "sha1Fingerprint",
        ] {
            assert!(choice(&[(name, "x")]).unwrap().none, "{name}");
        }
        assert!(choice(&[("objectType", "Private Key")]).unwrap().none);
        assert!(!choice(&[("objectType", "symmetric key")]).unwrap().none);
    }

    #[test]
    fn a_version_is_a_number_or_the_newest_of_each_key() {
        let version = |text| {
            let filter = choice(&[("version", text)]).unwrap().filter;
            (filter.number, filter.newest)
        };
        assert_eq!((version("2"), version("-1")), ((Some(2), false), (None, true)));
        assert_eq!(choice(&[("sort", "-name")]).unwrap().order.as_deref(), Some("-name"));
    }
}
