//! `ksctl keys …`: one file for each command.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod destroy;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod revoke;

/// The path of keys below `/api/v1/`.
const PATH: &str = "vault/keys2";

/// One key and what it is called by.
#[derive(Debug, Clone)]
pub(crate) struct OneKey {
    /// Its name or its id.
    pub(crate) name: String,
    /// Which of them: `name` or `id`.
    pub(crate) kind: String,
}
