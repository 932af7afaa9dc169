//! The `account` table: who may log in. Hashes only; no password is ever here.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// An account as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// What it is called at log-in.
    pub username: String,
    /// The password's hash in PHC format.
    pub password_hash: String,
    /// No log-in until the password has been changed.
    pub password_change_required: bool,
    /// When the password was last set.
    pub password_changed_at: DateTime<Utc>,
    /// The version of its row.
    pub row_version: i64,
}

impl fmt::Debug for Account {
    /// Without the hash: whoever has it can guess at leisure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// An account to be made.
#[derive(Clone)]
pub struct NewAccount<'a> {
    /// Its id, random.
    pub id: &'a str,
    /// What it is called at log-in.
    pub username: &'a str,
    /// The password's hash in PHC format.
    pub password_hash: &'a str,
    /// No log-in until the password has been changed.
    pub password_change_required: bool,
    /// When the password was set.
    pub password_changed_at: DateTime<Utc>,
}

/// Makes an account; its row's version, or `None` when the name is taken.
pub async fn create(db: &Connection, account: &NewAccount<'_>) -> Result<Option<i64>> {
    let NewAccount {
        id,
        username,
        password_hash,
        password_change_required,
        password_changed_at,
    } = account;
    let row = query!("account/create")
        .one(
            db,
            &[
                id,
                username,
                password_hash,
                password_change_required,
                password_changed_at,
            ],
        )
        .await?;
    Ok(row.get(0))
}

/// All accounts, by name.
pub async fn all(db: &Connection) -> Result<Vec<Account>> {
    let rows = query!("account/all").rows(db, &[]).await?;
    Ok(rows.iter().map(read).collect())
}

/// Makes an account again as it was. One that is there already stays as it is.
pub async fn restore(db: &Connection, account: &Account) -> Result<()> {
    let Account {
        id,
        username,
        password_hash,
        password_change_required,
        password_changed_at,
        row_version: _,
    } = account;
    let password_change_required = *password_change_required;
    let again = NewAccount {
        id,
        username,
        password_hash,
        password_change_required,
        password_changed_at: *password_changed_at,
    };
    create(db, &again).await.map(drop)
}

/// Is there any account at all? A node that was never started has none.
pub async fn any(db: &Connection) -> Result<bool> {
    Ok(query!("account/any").one(db, &[]).await?.get(0))
}

/// The account with this id.
pub async fn by_id(db: &Connection, id: &str) -> Result<Option<Account>> {
    Ok(query!("account/by_id").opt(db, &[&id]).await?.as_ref().map(read))
}

/// The account with this name.
pub async fn by_username(db: &Connection, username: &str) -> Result<Option<Account>> {
    let row = query!("account/by_username").opt(db, &[&username]).await?;
    Ok(row.as_ref().map(read))
}

/// Puts a new hash in place of the old one, and the demand for a change is met. The row's new version, or `None` when
/// the password has been changed by somebody else meanwhile or the account is gone.
pub async fn set_password(db: &Connection, id: &str, old_hash: &str, new_hash: &str) -> Result<Option<i64>> {
    let row = query!("account/set_password")
        .opt(db, &[&id, &old_hash, &new_hash])
        .await?;
    Ok(row.map(|row| row.get(0)))
}

fn read(row: &Row) -> Account {
    Account {
        id: row.get("id"),
        username: row.get("username"),
        password_hash: row.get("password_hash"),
        password_change_required: row.get("password_change_required"),
        password_changed_at: row.get("password_changed_at"),
        row_version: row.get("version"),
    }
}
