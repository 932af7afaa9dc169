//! The lines of log-ins in the log, with the target `audit`: account, source, outcome.
//!
//! Never a password or a token. Names of strangers are cut and escaped by `AccountName`. Where to find them:
//! `docs/operations.md`.

use keystead::Error;
use keystead::login::{Attempt, Source};
use sql::account::Account;

use super::gate::LoginGate;

/// The password of this account was shown.
pub(super) fn right(attempt: &Attempt, call: &'static str, account: &Account) {
    let (name, source, id) = (&attempt.account, &attempt.source, &account.id);
    let outcome = if account.password_change_required {
        "right, and must be changed"
    } else {
        "right"
    };
    tracing::info!(target: "audit", account = %name, id, %source, outcome, "{call}");
}

/// Another password was shown, or there is no such account.
pub(super) fn wrong(attempt: &Attempt, call: &'static str) {
    let (name, source) = (&attempt.account, &attempt.source);
    tracing::warn!(target: "audit", account = %name, %source, outcome = "wrong", "{call}");
}

/// A password was not checked. A flood of these is a few lines.
pub(super) fn unchecked(gate: &LoginGate, attempt: &Attempt, call: &'static str, why: &Error) {
    if let Some(left_out) = gate.may_log() {
        let (name, source) = (&attempt.account, &attempt.source);
        tracing::warn!(target: "audit", account = %name, %source, outcome = "not checked", %why, left_out, "{call}");
    }
}

/// A refresh token was good.
pub(super) fn refreshed(id: &str, source: Source, call: &'static str) {
    tracing::info!(target: "audit", id, %source, outcome = "refreshed", "{call}");
}

/// A refresh token was not. A flood of these is a few lines.
pub(super) fn not_refreshed(gate: &LoginGate, source: Source, call: &'static str, why: &Error) {
    if let Some(left_out) = gate.may_log() {
        tracing::warn!(target: "audit", %source, outcome = "refresh token refused", %why, left_out, "{call}");
    }
}
