//! Listing keys, the oldest first, so that a page stays where it is while keys are made.

use keystead::api;
use keystead::key::state::KeyState;
use keystead::text::name::spellings;
use keystead::{Error, Result};
use serde::Deserialize;
use sql::Connection;
use sql::key::Filter;

use super::shown;
use crate::agent::Agent;

/// Which keys are asked for, as clients write it. What is left out or empty is no restriction.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
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
}

impl Asked {
    /// The same, checked.
    pub(crate) fn filter(self) -> Result<Filter> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let state = given(self.state).map(|name| {
            let known = KeyState::from_name(&name);
            known.ok_or_else(|| Error::invalid_param(format!("there is no key state {name:.40}")))
        });
        let size = given(self.size).map(|text| {
            let bits = text.parse();
            bits.map_err(|_| Error::invalid_param(format!("size is a number of bits, not {text:.40}")))
        });
        Ok(Filter {
            name: given(self.name),
            state: state.transpose()?,
            algorithm: given(self.algorithm).map(|name| name.to_ascii_uppercase()),
            size: size.transpose()?,
        })
    }
}

/// How many keys match, and those of one page.
pub(crate) async fn list(agent: &Agent, filter: Filter, skip: u64, limit: u64) -> Result<(u64, Vec<api::key::Key>)> {
    // Numbers beyond PostgreSQL's are beyond any number of keys.
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let db = agent.db.get().await?;
    let (total, filter) = spelled(&db, filter).await?;
    let keys = sql::key::list(&db, &filter, whole(skip), whole(limit)).await?;
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

    fn asked(state: &str, size: &str) -> Asked {
        Asked {
            name: Some(String::new()),
            algorithm: Some("aes".to_owned()),
            state: Some(state.to_owned()),
            size: Some(size.to_owned()),
        }
    }

    #[test]
    fn what_is_empty_is_no_restriction_and_case_does_not_matter_in_an_algorithm() {
        let filter = asked("", "").filter().unwrap();
        assert_eq!((filter.name, filter.state, filter.size), (None, None, None));
        assert_eq!(filter.algorithm.as_deref(), Some("AES"));
    }

    #[test]
    fn what_cannot_match_is_refused_rather_than_answered_with_nothing() {
        assert_eq!(asked("Active", "256").filter().unwrap().state, Some(KeyState::Active));
        assert!(
            asked("active?", "")
                .filter()
                .unwrap_err()
                .to_string()
                .contains("active?")
        );
        assert!(asked("", "big").filter().unwrap_err().to_string().contains("big"));
    }
}
