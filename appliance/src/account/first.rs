//! The first account of a new node, and where its first password comes from. A node that joins takes over the accounts of
//! its cluster instead.
//!
//! Unless the operator gives a password it is random, and is told by a file that only the agent's account may read; the
//! log says where that is. The file goes when the password was changed, which the first log-in demands.

use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use keystead::config::Admin;
use keystead::password::{FIRST_ACCOUNT, FIRST_PASSWORD, random};
use keystead::{Error, Kind, Result};
use sql::account::{Account, NewAccount};
use zeroize::Zeroizing;

use super::password;
use crate::agent::Agent;
use crate::{durable, private_file};

/// Where the first password is to be looked for.
#[derive(Debug, PartialEq, Eq)]
enum FirstPasswordPlace {
    /// In the file that the operator made.
    ByOperator,
    /// It is the one everybody knows.
    WellKnown,
    /// In this file, which the node made.
    InFile(PathBuf),
}

/// Makes the first account when there is no account at all. Its password must be changed at the first log-in.
pub(crate) async fn make_first(agent: &Agent) -> Result<()> {
    let db = agent.db.get().await?;
    let file = agent.postgres.paths().first_password();
    if sql::account::any(&db).await? {
        let first = sql::account::by_username(&db, FIRST_ACCOUNT).await?;
        if !first.is_some_and(|account| account.password_change_required) {
            remove(&file);
        }
        return Ok(());
    }
    // Before the account: one whose password nobody can know is no way in.
    let (first, told) = first_password(&agent.config.admin, &file)?;
    let hash = password::hash(first).await?;
    let account = NewAccount {
        id: &format!("local|{}", uuid::Uuid::new_v4()),
        username: FIRST_ACCOUNT,
        password_hash: &hash,
        password_change_required: true,
        password_changed_at: agent.clock.now().to_utc().unwrap_or_default(),
    };
    // `None`: another agent on this database was faster.
    if sql::account::create(&db, &account).await?.is_some() {
        log(&told);
    }
    Ok(())
}

/// The password of this account was changed: the file with the first one is of no use any more.
pub(super) fn forget(agent: &Agent, account: &Account) {
    if account.username == FIRST_ACCOUNT {
        remove(&agent.postgres.paths().first_password());
    }
}

fn remove(file: &Path) {
    if file.exists()
        && let Err(cause) = durable::remove(file)
    {
        tracing::warn!(file = %file.display(), %cause, "cannot remove the file with the first password");
    }
}

/// Where the password is to be looked for; never the password.
fn log(told: &FirstPasswordPlace) {
    let place = match told {
        FirstPasswordPlace::ByOperator => "in the file that admin.password_file names".to_owned(),
        FirstPasswordPlace::WellKnown => "the one everybody knows, for admin.well_known_password is set".to_owned(),
        FirstPasswordPlace::InFile(file) => format!("random, in {}", file.display()),
    };
    tracing::info!(
        username = FIRST_ACCOUNT,
        "made the first account; its password is {place}, and must be changed at the first log-in"
    );
}

fn first_password(admin: &Admin, file: &Path) -> Result<(Zeroizing<String>, FirstPasswordPlace)> {
    if let Some(path) = &admin.password_file {
        return Ok((of_operator(path)?, FirstPasswordPlace::ByOperator));
    }
    if admin.well_known_password {
        return Ok((Zeroizing::new(FIRST_PASSWORD.to_owned()), FirstPasswordPlace::WellKnown));
    }
    let mut bytes = Zeroizing::new([0; random::BYTES]);
    rand::fill(&mut *bytes).map_err(|fault| Error::internal("making the first password", fault))?;
    let password = Zeroizing::new(random::from_bytes(&bytes));
    let line = Zeroizing::new(format!("{}\n", *password));
    durable::write(file, line.as_bytes(), 0o600)
        .map_err(|cause| Error::internal("writing the file with the first password", cause))?;
    Ok((password, FirstPasswordPlace::InFile(file.to_owned())))
}

/// From the file the operator named, without the line's end.
fn of_operator(path: &Path) -> Result<Zeroizing<String>> {
    private_file::check(path, None)?;
    let text = fs::read_to_string(path).map(Zeroizing::new).map_err(|cause| {
        Error::new(
            Kind::InvalidParam,
            format!("cannot read admin.password_file {}", path.display()),
        )
        .caused_by(cause)
    })?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Error::invalid_param(format!(
            "admin.password_file {} is empty",
            path.display()
        )));
    }
    Ok(Zeroizing::new(password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(content: &[u8], mode: u32) -> Result<(Zeroizing<String>, FirstPasswordPlace)> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("first");
        durable::write(&path, content, mode).expect("a file");
        let admin = Admin {
            password_file: Some(path),
            well_known_password: true,
        };
        let random = folder.path().join("random");
        let first = first_password(&admin, &random);
        assert!(!random.exists());
        first
    }

    #[test]
    fn the_first_password_is_the_line_of_the_file_that_the_operator_gives() {
        let (password, told) = from_file(b"Ses ame_1 \r\n", 0o600).unwrap();
        assert_eq!(
            (password.as_str(), told),
            ("Ses ame_1 ", FirstPasswordPlace::ByOperator)
        );
    }

    #[test]
    fn a_file_that_is_empty_or_open_to_others_is_refused() {
        assert!(from_file(b"\n", 0o600).unwrap_err().to_string().contains("is empty"));
        assert!(from_file(b"Sesame_1", 0o644).is_err());
    }

    #[test]
    fn unless_it_is_given_the_first_password_is_random_and_in_a_file_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("first-password");
        let (one, told) = first_password(&Admin::default(), &file).unwrap();
        assert_eq!(told, FirstPasswordPlace::InFile(file.clone()));
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}\n", *one));
        private_file::check(&file, None).unwrap();
        let (another, _) = first_password(&Admin::default(), &file).unwrap();
        assert_ne!(*one, *another);
        assert_ne!(*one, FIRST_PASSWORD);
    }

    #[test]
    fn the_one_everybody_knows_is_there_only_where_it_is_set() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("first-password");
        let admin = Admin {
            well_known_password: true,
            ..Admin::default()
        };
        let (password, told) = first_password(&admin, &file).unwrap();
        assert_eq!(
            (password.as_str(), told),
            (FIRST_PASSWORD, FirstPasswordPlace::WellKnown)
        );
        assert!(!file.exists());
    }
}
