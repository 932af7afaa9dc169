//! Hashing and checking passwords: argon2id, two at a time, off the threads that answer requests.
//!
//! It takes as long for a name that nobody has as for one that somebody has. Two at a time bounds what guessing can take
//! from the machine: about 40 MB and the two blocking threads; further log-ins wait their turn.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use keystead::{Error, Result};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

static TURNS: Semaphore = Semaphore::const_new(2);

/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// The hash of a password nobody has, at the same cost as every other.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$HqS0qM3r3m5l2v9q0Xk9yZpT0a1oW8u7s6r5q4p3o2k";

/// The hash of a new password, in PHC format with a random salt.
pub(super) async fn hash(password: Zeroizing<String>) -> Result<String> {
    in_turn(move || {
        let hash = hasher()?.hash_password(password.as_bytes());
        hash.map(|hash| hash.to_string()).map_err(fault)
    })
    .await
}

/// Is this the password of `hash`? Without a hash it never is, after as long.
pub(super) async fn matches(password: Zeroizing<String>, hash: Option<String>) -> Result<bool> {
    in_turn(move || {
        let kept = PasswordHash::new(hash.as_deref().unwrap_or(NOBODY)).map_err(fault)?;
        match hasher()?.verify_password(password.as_bytes(), &kept) {
            Ok(()) => Ok(hash.is_some()),
            Err(HashError::PasswordInvalid) => Ok(false),
            Err(other) => Err(fault(other)),
        }
    })
    .await
}

fn hasher() -> Result<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params =
        Params::new(memory, passes, lanes, None).map_err(|wrong| Error::internal("setting up argon2", wrong))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn in_turn<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    let turn = TURNS
        .acquire()
        .await
        .map_err(|closed| Error::internal("waiting to hash", closed))?;
    let done = tokio::task::spawn_blocking(move || {
        // Held by the work itself: a client that goes away does not make room for another.
        let _turn = turn;
        work()
    });
    done.await.map_err(|cause| Error::internal("hashing", cause))?
}

fn fault(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal("hashing a password", cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_alone() {
        let kept = hash(secret("Sesame_1")).await.unwrap();
        assert!(matches(secret("Sesame_1"), Some(kept.clone())).await.unwrap());
        assert!(!matches(secret("sesame_1"), Some(kept.clone())).await.unwrap());
        assert!(!matches(secret(""), Some(kept.clone())).await.unwrap());
        assert!(!kept.contains("Sesame"));
        assert_ne!(hash(secret("Sesame_1")).await.unwrap(), kept, "no two hashes are equal");
    }

    #[tokio::test]
    async fn nobody_is_let_in_at_the_cost_of_somebody() {
        assert!(!matches(secret("Sesame_1"), None).await.unwrap());
        let fresh = hash(secret("Sesame_1")).await.unwrap();
        let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(&fresh), cost(NOBODY));
    }

    #[tokio::test]
    async fn a_hash_that_is_none_is_a_fault_and_lets_nobody_in() {
        assert!(matches(secret("x"), Some("x".to_owned())).await.is_err());
    }
}
