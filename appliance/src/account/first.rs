//! The first account of a new node. A node that joins takes over the accounts of its cluster instead.

use std::fs;

use keystead::clock::Clock;
use keystead::config::Admin;
use keystead::password::{FIRST_ACCOUNT, FIRST_PASSWORD};
use keystead::{Error, Kind, Result};
use sql::account::NewAccount;
use zeroize::Zeroizing;

use super::password;
use crate::private_file;

/// Makes the first account when there is no account at all. Its password must be changed at the first log-in.
pub(crate) async fn make_first(db: &sql::Pool, admin: &Admin, clock: &dyn Clock) -> Result<()> {
    let db = db.get().await?;
    if sql::account::any(&db).await? {
        return Ok(());
    }
    let hash = password::hash(first_password(admin)?).await?;
    let account = NewAccount {
        id: &format!("local|{}", uuid::Uuid::new_v4()),
        username: FIRST_ACCOUNT,
        password_hash: &hash,
        password_change_required: true,
        password_changed_at: clock.now().to_utc().unwrap_or_default(),
    };
    // `None`: another agent on this database was faster.
    if sql::account::create(&db, &account).await?.is_some() {
        tracing::info!(
            username = FIRST_ACCOUNT,
            "made the first account; its password must be changed"
        );
    }
    Ok(())
}

/// From the file the operator named, without the line's end; else the one everybody knows.
fn first_password(admin: &Admin) -> Result<Zeroizing<String>> {
    let Some(path) = &admin.password_file else {
        return Ok(Zeroizing::new(FIRST_PASSWORD.to_owned()));
    };
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
    use crate::durable;

    fn from_file(content: &[u8], mode: u32) -> Result<Zeroizing<String>> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("first");
        durable::write(&path, content, mode).expect("a file");
        first_password(&Admin {
            password_file: Some(path),
        })
    }

    #[test]
    fn the_first_password_is_the_line_of_the_file_or_the_one_everybody_knows() {
        assert_eq!(*from_file(b"Ses ame_1 \r\n", 0o600).unwrap(), "Ses ame_1 ");
        assert_eq!(*first_password(&Admin::default()).unwrap(), FIRST_PASSWORD);
    }

    #[test]
    fn a_file_that_is_empty_or_open_to_others_is_refused() {
        assert!(from_file(b"\n", 0o600).unwrap_err().to_string().contains("is empty"));
        assert!(from_file(b"Sesame_1", 0o644).is_err());
    }
}
