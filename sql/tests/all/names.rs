//! Two ways to write one name are one name, also where the older one is kept in a form that no new name has.

use anyhow::{Context as _, Result};
use chrono::DateTime;
use keystead::key::request::KeyChange;
use keystead::key::state::KeyState;
use keystead::text::name::Name;
use sql::key::{self, Change, Key, Wrapped};

use crate::node::Alone;

/// A key that is not there yet.
fn named(id: &str, name: &str) -> Key {
    Key {
        id: id.to_owned(),
        name: name.to_owned(),
        state: KeyState::Active,
        algorithm: "AES".to_owned(),
        size: 256,
        usage_mask: 12,
        description: String::new(),
        unexportable: false,
        undeletable: false,
        fingerprint: String::new(),
        material_version: 0,
        activation_date: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        version_of: None,
        row_version: 0,
    }
}

#[tokio::test]
async fn a_key_does_not_get_a_name_that_another_has_in_another_form() -> Result<()> {
    let node = Alone::start().await?;
    let wrapped = Wrapped { epoch: 1, bytes: b"x" };
    let make = async |id: &str, name: &str| key::create(&node.db, &named(id, name), wrapped, 0).await;
    // As an earlier version took it.
    make("old", "cafe\u{301}").await?.context("free")?;
    assert_eq!(make("new", "caf\u{e9}").await?, None);
    make("other", "caf\u{e8}").await?.context("another name is free")?;
    make("plain", "cafe")
        .await?
        .context("and so is one without the accent")?;

    let rename = KeyChange {
        name: Some(Name::checked("name", "caf\u{e9}", 100)?),
        ..KeyChange::default()
    };
    let change = key::change(&node.db, "plain", &rename, 0).await?;
    assert!(matches!(change, Change::NameTaken), "{change:?}");
    // The key that has it may be given the form of now.
    let change = key::change(&node.db, "old", &rename, 0).await?;
    assert!(matches!(change, Change::Made(key) if key.name == "caf\u{e9}"));
    Ok(())
}

#[tokio::test]
async fn a_key_is_kept_in_the_system_once_every_member_keeps_it_so_and_not_let_out_again() -> Result<()> {
    let node = Alone::start().await?;
    let wrapped = Wrapped { epoch: 1, bytes: b"x" };
    key::create(&node.db, &named("k", "n"), wrapped, 0)
        .await?
        .context("free")?;
    let change = |unexportable, undeletable| KeyChange {
        unexportable: Some(unexportable),
        undeletable: Some(undeletable),
        ..KeyChange::default()
    };
    // A member of the version before would take it back.
    let refused = key::change(&node.db, "k", &change(true, true), 0).await;
    assert!(refused.as_ref().is_err_and(sql::Error::is_not_yet), "{refused:?}");
    sql::version::use_all(&node.db).await?;
    let made = key::change(&node.db, "k", &change(true, true), 0).await?;
    assert!(matches!(made, Change::Made(key) if key.unexportable && key.undeletable));
    // Whoever looked before it was made so does not end it either.
    let end = async || key::set_state(&node.db, "k", KeyState::Active, KeyState::Destroyed, 0).await;
    assert!(end().await?.is_none() && key::delete(&node.db, "k", 0).await?.is_none());
    let refused = key::change(&node.db, "k", &change(false, false), 0).await?;
    assert!(matches!(refused, Change::Unexportable), "{refused:?}");
    let made = key::change(&node.db, "k", &change(true, false), 0).await?;
    assert!(matches!(made, Change::Made(key) if key.unexportable && !key.undeletable));
    assert!(end().await?.is_some());
    Ok(())
}
