//! `ksctl keys …`: one file for each command.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod destroy;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod revoke;
pub(crate) mod rotate;
pub(crate) mod versions;

use crate::client::Call;
use crate::failure::Failure;

/// The path of keys below `/api/v1/`.
const PATH: &str = "vault/keys2";

/// One key and what it is called by.
#[derive(Debug, Clone)]
pub(crate) struct OneKey {
    /// Its name or its id.
    pub(crate) name: String,
    /// Which of them: `name` or `id`.
    pub(crate) kind: String,
    /// The number of the version that is meant, when it is not the current one.
    pub(crate) version: Option<u32>,
}

impl OneKey {
    /// The same call, about this key.
    fn named(&self, call: Call) -> Result<Call, Failure> {
        let call = call.of(&self.name)?.with("type", self.kind.as_str());
        Ok(call.with_some("version", self.version))
    }
}
