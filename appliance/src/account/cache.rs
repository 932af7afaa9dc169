//! Is the account of a token still there, with the password the token rests on? Asked for every call.
//!
//! What the database said is remembered, so that a call costs no query. It is asked again when it tells that accounts
//! changed (`watch.rs`), when this agent changed one, and after [`LONGEST`] in any case, for notifications may be left out.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keystead::login::lifetime::rests_on_password;
use keystead::{Error, Kind, Result};
use tokio::time::{Instant, timeout};

use super::token::Claims;
use crate::agent::{Agent, Standing};

/// What was said is believed for so long.
const LONGEST: Duration = Duration::from_secs(1);

/// How long the database may take to say it.
const ANSWER: Duration = Duration::from_secs(2);

/// More accounts than this are not remembered: then all are asked for again.
const ENTRIES: usize = 10_000;

/// When the passwords of accounts were set.
#[derive(Default)]
pub(crate) struct AccountCache(Mutex<Cached>);

#[derive(Default)]
struct Cached {
    /// Goes up with every change that is heard of.
    generation: u64,
    entries: HashMap<String, Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Microseconds since 1970; `None`: there is no such account.
    password_set: Option<i64>,
    generation: u64,
    asked: Instant,
}

/// Refuses a token whose account is gone, or has another password by now.
///
/// # Errors
/// `Unauthorized`; `Unavailable` when it cannot be told.
pub(crate) async fn must_be_in_force(agent: &Agent, claims: &Claims) -> Result<()> {
    // The accounts are being exchanged for the cluster's. A token of before goes by those of before.
    let is_former =
        agent.standing() == Standing::Joining && agent.is_of_former_account(&claims.sub, claims.password_set);
    if is_former || rests_on_password(claims.password_set, password_set(agent, &claims.sub).await?) {
        return Ok(());
    }
    Err(revoked())
}

/// The words are those clients know.
pub(super) fn revoked() -> Error {
    Error::new(Kind::Unauthorized, "Token has been revoked").with_hint("log in with the password")
}

async fn password_set(agent: &Agent, account: &str) -> Result<Option<i64>> {
    let (known, generation) = agent.accounts.get(account);
    // A restore holds the accounts; what is replaced is what is known.
    let is_held = agent.standing() == Standing::Restoring;
    if let Some(known) = known
        && (is_held || known.asked.elapsed() < LONGEST)
    {
        return Ok(known.password_set);
    }
    let asked = Instant::now();
    match timeout(ANSWER, ask(agent, account)).await {
        Ok(Ok(password_set)) => {
            let entry = Entry {
                password_set,
                generation,
                asked,
            };
            agent.accounts.put(account, entry);
            Ok(password_set)
        }
        failed => match known {
            // No change was heard of since, and none can be while the database is away.
            Some(known) => Ok(known.password_set),
            None => Err(failed.map_or_else(
                |late| Error::unavailable("the database does not answer").caused_by(late),
                |answered| answered.err().unwrap_or_else(revoked),
            )),
        },
    }
}

async fn ask(agent: &Agent, account: &str) -> Result<Option<i64>> {
    let account = sql::account::by_id(&*agent.db().await?, account).await?;
    Ok(account.map(|account| account.password_changed_at.timestamp_micros()))
}

impl AccountCache {
    /// What was said is to be asked again.
    pub(crate) fn forget(&self) {
        let mut cached = self.lock();
        cached.generation = cached.generation.wrapping_add(1);
    }

    /// What is known and was not changed since, as far as was heard; and how far that is.
    fn get(&self, account: &str) -> (Option<Entry>, u64) {
        let cached = self.lock();
        let entry = cached.entries.get(account).copied();
        (
            entry.filter(|entry| entry.generation == cached.generation),
            cached.generation,
        )
    }

    fn put(&self, account: &str, entry: Entry) {
        let mut cached = self.lock();
        if cached.entries.len() >= ENTRIES {
            cached.entries.clear();
        }
        cached.entries.insert(account.to_owned(), entry);
    }

    fn lock(&self) -> MutexGuard<'_, Cached> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(generation: u64) -> Entry {
        Entry {
            password_set: Some(7),
            generation,
            asked: Instant::now(),
        }
    }

    #[tokio::test]
    async fn what_was_asked_before_a_change_is_not_believed_after_it_also_when_the_answer_comes_later() {
        let cache = AccountCache::default();
        let (_, before) = cache.get("a");
        cache.put("a", said(before));
        assert!(cache.get("a").0.is_some());
        cache.forget();
        assert!(cache.get("a").0.is_none());
        cache.put("a", said(before));
        assert!(cache.get("a").0.is_none(), "the answer to a question of before");
        cache.put("a", said(cache.get("a").1));
        assert!(cache.get("a").0.is_some());
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let cache = AccountCache::default();
        for number in 0..2 * ENTRIES {
            cache.put(&number.to_string(), said(0));
        }
        assert!(cache.lock().entries.len() <= ENTRIES);
    }
}
