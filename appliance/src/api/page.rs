//! Which page of a list is asked for: `skip` and `limit`.
//!
//! A page holds at most [`MOST`] entries; a larger `limit` is answered with the limit that was applied and with the
//! `total`, so that a client sees that there is more.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use keystead::api::list::List;
use keystead::{Error, Result};
use serde::Deserialize;

use super::error::Refusal;
use super::query::Query;

/// The most entries of one page: a few MB of JSON.
pub(crate) const MOST: u64 = 2000;

/// A page, of `DEFAULT` entries when the client does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page<const DEFAULT: u64> {
    /// How many matches come before it.
    pub(crate) skip: u64,
    /// How many it holds at the most.
    pub(crate) limit: u64,
}

/// The page as clients write it.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// How many matches to leave out.
    #[param(value_type = Option<u64>)]
    skip: Option<String>,
    /// How many to answer with at the most; never more than 2000, and as many as when left out for 0.
    #[param(value_type = Option<u64>)]
    limit: Option<String>,
}

impl<const DEFAULT: u64> Page<DEFAULT> {
    fn read(asked: &PageQuery) -> Result<Self> {
        Ok(Self {
            skip: number("skip", asked.skip.as_deref())?.unwrap_or(0),
            // Clients that fill in what they do not mean send 0.
            limit: number("limit", asked.limit.as_deref())?
                .filter(|limit| *limit > 0)
                .unwrap_or(DEFAULT)
                .min(MOST),
        })
    }

    /// The envelope around one page of `total` matches.
    pub(crate) fn envelope<T>(self, total: u64, resources: Vec<T>) -> List<T> {
        let Self { skip, limit } = self;
        List {
            skip,
            limit,
            total,
            resources,
        }
    }

    /// This page of a list that is at hand as a whole.
    pub(crate) fn of<T>(self, all: Vec<T>) -> List<T> {
        let total = all.len() as u64;
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let page = all.into_iter().skip(whole(self.skip)).take(whole(self.limit)).collect();
        self.envelope(total, page)
    }
}

impl<const DEFAULT: u64, S: Send + Sync> FromRequestParts<S> for Page<DEFAULT> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Query(asked) = Query::from_request_parts(parts, state).await?;
        Ok(Self::read(&asked)?)
    }
}

fn number(name: &str, text: Option<&str>) -> Result<Option<u64>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    // As large as the numbers that the database counts with.
    let number = text.parse().ok().filter(|number| *number <= i64::MAX.unsigned_abs());
    let wrong = || {
        Error::invalid_param(format!(
            "{name} is a whole number from 0 to {}, not {text:.40}",
            i64::MAX
        ))
    };
    number.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(skip: &str, limit: &str) -> Result<Page<10>> {
        let given = |text: &str| Some(text.to_owned());
        Page::read(&PageQuery {
            skip: given(skip),
            limit: given(limit),
        })
    }

    #[test]
    fn without_a_word_it_is_the_first_page_of_the_default_size() {
        let first: Page<256> = Page::read(&PageQuery::default()).unwrap();
        assert_eq!((first.skip, first.limit), (0, 256));
        for limit in ["", "0"] {
            assert_eq!(page("", limit).unwrap(), Page { skip: 0, limit: 10 });
        }
    }

    #[test]
    fn what_is_asked_is_answered_up_to_the_largest_page() {
        assert_eq!(page("7", "3").unwrap(), Page { skip: 7, limit: 3 });
        assert_eq!(
            page("9223372036854775807", "1").unwrap(),
            Page {
                skip: i64::MAX.unsigned_abs(),
                limit: 1
            }
        );
        assert_eq!(page("0", "100000").unwrap().limit, MOST);
    }

    #[test]
    fn what_is_no_number_is_refused_by_name() {
        for (skip, limit, name) in [
            ("-1", "1", "skip"),
            ("1", "-1", "limit"),
            ("x", "1", "skip"),
            ("1", "1.5", "limit"),
        ] {
            assert!(page(skip, limit).unwrap_err().to_string().starts_with(name));
        }
        assert!(page("9223372036854775808", "1").is_err());
    }

    #[test]
    fn a_page_is_cut_out_of_the_whole_and_the_total_counts_all() {
        let list = page("2", "2").unwrap().of(vec![1, 2, 3, 4, 5]);
        assert_eq!(
            (list.skip, list.limit, list.total, list.resources),
            (2, 2, 5, vec![3, 4])
        );
        assert!(page("9", "2").unwrap().of(vec![1]).resources.is_empty());
    }
}
