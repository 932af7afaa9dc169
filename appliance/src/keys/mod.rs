//! Users' keys: making, finding, rotating, changing and deleting them.
//!
//! Material is made and wrapped here, before PostgreSQL sees it, and only an export's answer carries it. What a request may ask is
//! decided in `keystead::key`; who must have a write before it is acknowledged, in `crate::acknowledge`; that names are unique where the clash can be seen, in the SQL functions that write.

mod change;
mod create;
mod delete;
mod export;
mod find;
mod list;
mod rotate;
mod shown;
mod transition;

pub(crate) use change::change;
pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use export::export;
pub(crate) use find::{Named, get};
pub(crate) use list::{Asked, list};
pub(crate) use rotate::{rotate, versions};
pub(crate) use shown::ACCOUNT;
pub(crate) use transition::{destroy, revoke};

use keystead::{Error, Kind, Result};
use sql::key::Key;

fn must_be_deletable(key: &Key) -> Result<()> {
    if key.undeletable {
        return Err(
            Error::conflict(format!("the key {:.80} was made undeletable", key.name))
                .with_hint("a change of it with \"undeletable\": false lets it be deleted"),
        );
    }
    Ok(())
}

fn name_taken(name: &str) -> Error {
    Error::new(Kind::KeyExists, format!("a key named {name:.80} exists")).with_hint("choose another name")
}
