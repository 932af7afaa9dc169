//! Hashing and checking passwords: argon2id, one at a time, off the threads that answer requests.
//!
//! It takes as long for a name that nobody has as for one that somebody has. One at a time bounds what guessing can take
//! from the machine: a thread and [`COST`]'s memory, which is given back after each: an agent is to be small.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::rand;
use keystead::{Error, Result};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::vault::WrappingKey;

static TURNS: Semaphore = Semaphore::const_new(1);

/// The choice for argon2id with the least memory among those that OWASP calls equal: 7 MiB, five passes, one lane.
const COST: (u32, u32, u32) = (7 * 1024, 5, 1);

/// Room for more blocks than are used, 33 MiB of addresses without memory behind them. So much the allocator of glibc takes
/// from the kernel alone and gives back when it is free; of less it keeps what was used once, in one heap or another
/// (`DEFAULT_MMAP_THRESHOLD_MAX` in mallopt(3)).
const ROOM: usize = 33 * 1024;

/// Bytes of a salt and of a hash, as RFC 9106 recommends.
const SALT: usize = 16;
const HASH: usize = 32;

/// The hash of a password nobody has, at the same cost as every other.
const NOBODY: &str = "$argon2id$v=19$m=7168,t=5,p=1$bm9ib2R5IGhhcyB0aGlz$HqS0qM3r3m5l2v9q0Xk9yZpT0a1oW8u7s6r5q4p3o2k";

/// The hash of a new password, in PHC format with a random salt.
pub(super) async fn hash(password: Zeroizing<String>) -> Result<String> {
    in_turn(move || {
        let (memory, passes, lanes) = COST;
        let params = Params::new(memory, passes, lanes, Some(HASH)).map_err(fault)?;
        let mut salt = [0; SALT];
        rand::fill(&mut salt).map_err(fault)?;
        let kept = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(fault)?,
            salt: Some(Salt::new(&salt).map_err(fault)?),
            hash: Some(derive(&password, &salt, params)?),
        };
        Ok(kept.to_string())
    })
    .await
}

/// Is this the password of `hash`? Without a hash it never is, after as long.
pub(super) async fn matches(password: Zeroizing<String>, hash: Option<String>) -> Result<bool> {
    in_turn(move || {
        let kept = PasswordHash::new(hash.as_deref().unwrap_or(NOBODY)).map_err(fault)?;
        let params = Params::try_from(&kept).map_err(fault)?;
        let (Some(salt), Some(expected)) = (&kept.salt, &kept.hash) else {
            return Err(Error::new(keystead::Kind::Internal, "a password's hash has no salt"));
        };
        // `Output` compares in constant time.
        Ok(derive(&password, salt, params)? == *expected && hash.is_some())
    })
    .await
}

/// A key that is worked out of a password and a salt; it takes as long as checking one.
pub(crate) async fn stretch(password: Zeroizing<String>, salt: Vec<u8>) -> Result<WrappingKey> {
    in_turn(move || {
        let (memory, passes, lanes) = COST;
        let params = Params::new(memory, passes, lanes, Some(HASH)).map_err(fault)?;
        WrappingKey::from_bytes(derive(&password, &salt, params)?.as_ref())
    })
    .await
}

fn derive(password: &str, salt: &[u8], params: Params) -> Result<Output> {
    let blocks = params.block_count();
    let mut memory = Vec::with_capacity(blocks.max(ROOM));
    memory.resize(blocks, Block::new());
    let mut output = [0; HASH];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory.as_mut_slice())
        .map_err(fault)?;
    memory.fill(Block::new());
    Output::new(&output).map_err(fault)
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

    fn resident_kilobytes() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[tokio::test]
    async fn what_a_hash_works_in_is_given_back() {
        let before = resident_kilobytes();
        for _ in 0..5 {
            hash(secret("Sesame_1")).await.unwrap();
        }
        let kept = resident_kilobytes().saturating_sub(before);
        assert!(kept < u64::from(COST.0) / 2, "{kept} kB are kept");
    }

    #[tokio::test]
    async fn a_hash_that_is_none_is_a_fault_and_lets_nobody_in() {
        assert!(matches(secret("x"), Some("x".to_owned())).await.is_err());
    }
}
