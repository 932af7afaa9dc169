//! Changing what is said of a key: its name, description and usage.

use keystead::api;
use keystead::key::request::KeyChange;
use keystead::replication::ack::{Ack, Operation, Written};
use keystead::text::name::Name;
use keystead::{Error, Result};
use sql::key::{Change, Key};

use super::find::{Named, find, not_found};
use super::{name_taken, shown};
use crate::acknowledge;
use crate::agent::Agent;

/// Changes a key, and answers it as the change left it.
pub(crate) async fn change(
    agent: &Agent,
    named: &Named<'_>,
    change: &KeyChange,
    ack: Option<Ack>,
) -> Result<(api::key::Key, Ack)> {
    let id = find(&*agent.db.get().await?, named).await?.id;
    let write = acknowledge::begin(agent, ack, Operation::ChangesKey).await?;
    let made = write
        .make(|| sql::key::change(write.db(), &id, change, write.peers()))
        .await?;
    let key = match made.value() {
        Change::Made(key) => Key::clone(key),
        Change::NameTaken => return Err(name_taken(change.name.as_ref().map_or("", Name::as_str))),
        Change::Unexportable => {
            return Err(
                Error::conflict("the key may not leave the system, and that is not taken back")
                    .with_hint("leave unexportable out; make another key where one is to be exported"),
            );
        }
        Change::NotThere => return Err(not_found()),
    };
    let ack = made.acknowledged(|| Written {
        id,
        row_version: key.row_version,
    })?;
    Ok((shown::shown(key), ack))
}
