//! The state of a key. It merges by its own order: whatever the clocks say, it only goes towards the safer side.
//!
//! States and names: NIST SP 800-57 part 1 section 7 and KMIP 1.4 section 3.22. The same order stands in SQL as the
//! enum `key_state` with its join function; a test compares both.

use serde::{Deserialize, Serialize};

/// The state of a key, in the order of the enum in SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyState {
    /// Not yet to be used.
    #[serde(rename = "Pre-Active")]
    PreActive,
    /// May be used for everything.
    Active,
    /// May be used to decrypt and verify only.
    Deactivated,
    /// Known or feared to be known to others.
    Compromised,
    /// Its material is gone.
    Destroyed,
    /// Its material is gone, and it was compromised.
    #[serde(rename = "Destroyed Compromised")]
    DestroyedCompromised,
}

impl KeyState {
    /// All states, in order.
    pub const ALL: [Self; 6] = [
        Self::PreActive,
        Self::Active,
        Self::Deactivated,
        Self::Compromised,
        Self::Destroyed,
        Self::DestroyedCompromised,
    ];

    /// Its name, as the enum in SQL and clients have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreActive => "Pre-Active",
            Self::Active => "Active",
            Self::Deactivated => "Deactivated",
            Self::Compromised => "Compromised",
            Self::Destroyed => "Destroyed",
            Self::DestroyedCompromised => "Destroyed Compromised",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// What two sides agree on: the safer of both. Compromised and destroyed together are both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        match (self.min(other), self.max(other)) {
            (Self::Compromised, Self::Destroyed) => Self::DestroyedCompromised,
            (_, higher) => higher,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_state() -> impl Strategy<Value = KeyState> {
        proptest::sample::select(KeyState::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn joining_is_commutative_associative_and_idempotent(a in any_state(), b in any_state(), c in any_state()) {
            prop_assert_eq!(a.join(b), b.join(a));
            prop_assert_eq!(a.join(b).join(c), a.join(b.join(c)));
            prop_assert_eq!(a.join(a), a);
        }

        #[test]
        fn a_state_never_goes_back(a in any_state(), b in any_state()) {
            prop_assert!(a.join(b) >= a);
        }
    }
}
