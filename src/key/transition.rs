//! How users move the state of a key: revoking and destroying. A state never goes back, so there is no reactivating.
//!
//! Transitions and their conditions: NIST SP 800-57 part 1 section 7 and KMIP 1.4 section 3.22. Only the target is
//! decided here; that nobody moved the state meanwhile is checked where it is written.

use super::state::KeyState;
use crate::api::key::RevokeKeyRequest;
use crate::error::{Error, Result};

/// What is asked of a key's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It is not used any more to protect anything.
    Deactivate,
    /// It is known or feared to be known to others.
    Compromise,
    /// Its material goes.
    Destroy,
}

impl Transition {
    /// The state of a key in `now` after this. Refused when the key cannot go there, or is there already.
    pub fn of(self, now: KeyState) -> Result<KeyState> {
        use KeyState::{Active, Compromised, Deactivated, Destroyed, DestroyedCompromised, PreActive};
        match (self, now) {
            (Self::Deactivate, Active) => Ok(Deactivated),
            (Self::Compromise, PreActive | Active | Deactivated) => Ok(Compromised),
            (Self::Compromise, Destroyed) | (Self::Destroy, Compromised) => Ok(DestroyedCompromised),
            (Self::Destroy, PreActive | Deactivated) => Ok(Destroyed),
            (Self::Destroy, Active) => {
                Err(Error::conflict("the key is Active: an active key is not destroyed").with_hint("revoke it first"))
            }
            (Self::Deactivate, PreActive) => Err(Error::conflict("the key was never active")
                .with_hint("destroy it, or revoke it with the reason KeyCompromise")),
            (_, now) => Err(Error::conflict(format!("the key is {} already", now.name()))),
        }
    }
}

/// The reasons that clients may give, as KMIP names them, with what each does.
const REASONS: [(&str, Transition); 7] = [
    ("Unspecified", Transition::Deactivate),
    ("KeyCompromise", Transition::Compromise),
    ("CACompromise", Transition::Compromise),
    ("AffiliationChanged", Transition::Deactivate),
    ("Superseded", Transition::Deactivate),
    ("CessationOfOperation", Transition::Deactivate),
    ("PrivilegeWithdrawn", Transition::Deactivate),
];

/// A checked `POST /v1/vault/keys2/{id}/revoke`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// What it does to the key.
    pub transition: Transition,
    /// Why, in KMIP's word.
    pub reason: &'static str,
}

impl TryFrom<&RevokeKeyRequest> for Revocation {
    type Error = Error;

    fn try_from(asked: &RevokeKeyRequest) -> Result<Self> {
        let known = REASONS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&asked.reason))
            .map(|&(reason, transition)| Self { transition, reason });
        known.ok_or_else(|| {
            let all = REASONS.map(|(name, _)| name).join(", ");
            Error::invalid_param(format!("reason is one of {all}, not {:.40}", asked.reason))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSITIONS: [Transition; 3] = [Transition::Deactivate, Transition::Compromise, Transition::Destroy];

    #[test]
    fn a_transition_goes_up_and_is_what_a_merge_keeps() {
        for transition in TRANSITIONS {
            for now in KeyState::ALL {
                if let Ok(after) = transition.of(now) {
                    assert!(after > now, "{transition:?} of {now:?}");
                    assert_eq!(now.join(after), after, "{transition:?} of {now:?} would be merged away");
                }
            }
        }
    }

    #[test]
    fn a_key_is_destroyed_only_once_it_is_not_used_any_more() {
        let refused = Transition::Destroy.of(KeyState::Active).unwrap_err();
        assert_eq!(refused.hint(), Some("revoke it first"));
        assert_eq!(
            Transition::Destroy.of(KeyState::Deactivated).unwrap(),
            KeyState::Destroyed
        );
        assert_eq!(
            Transition::Destroy.of(KeyState::Compromised).unwrap(),
            KeyState::DestroyedCompromised
        );
        assert!(Transition::Destroy.of(KeyState::Destroyed).is_err());
    }

    #[test]
    fn the_reason_decides_between_deactivated_and_compromised() {
        let revoked = |reason: &str| {
            let reason = reason.to_owned();
            Revocation::try_from(&RevokeKeyRequest { reason, message: None })
        };
        assert_eq!(revoked("superseded").unwrap().transition, Transition::Deactivate);
        assert_eq!(revoked("KeyCompromise").unwrap().transition, Transition::Compromise);
        assert!(revoked("Boredom").unwrap_err().to_string().contains("Boredom"));
    }
}
