//! What may be asked when a backup is made: a request becomes a [`NewBackup`] or a refusal.

use crate::api::backup::NewBackupRequest;
use crate::error::{Error, Kind, Result};
use crate::text::name::Name;

/// The longest description, in bytes.
const DESCRIPTION_LIMIT: usize = 1024;

/// A backup that is to be made, of everything that backups hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewBackup {
    /// What its maker says of it.
    pub description: String,
    /// The id of the backup key that is to open it; the default one when not given.
    pub backup_key: Option<String>,
}

impl TryFrom<NewBackupRequest> for NewBackup {
    type Error = Error;

    fn try_from(asked: NewBackupRequest) -> Result<Self> {
        let not_built = |what: &str| {
            Error::new(Kind::NotBuilt, format!("{what} is not built"))
                .with_hint("a backup is of the whole node, and opened by a backup key: leave it out")
        };
        if asked.scope.is_some_and(|scope| !scope.eq_ignore_ascii_case("system")) {
            return Err(not_built("a backup of another scope than system"));
        }
        if asked.tied_to_hsm {
            return Err(not_built("a backup that is tied to an HSM"));
        }
        if asked
            .filters
            .is_some_and(|filters| filters.as_array().is_none_or(|all| !all.is_empty()))
        {
            return Err(not_built("a backup of a part of the data"));
        }
        let description = asked.description.unwrap_or_default();
        Ok(Self {
            // It is what people choose a backup by.
            description: Name::checked("description", &description, DESCRIPTION_LIMIT)?.into(),
            backup_key: asked.backup_key,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(body: serde_json::Value) -> Result<NewBackup> {
        serde_json::from_value::<NewBackupRequest>(body).unwrap().try_into()
    }

    #[test]
    fn what_clients_send_for_everything_is_taken() {
        for body in [
            json!({}),
            json!({"scope": "system", "tiedToHSM": false, "filters": [], "description": "", "backupKey": ""}),
            json!({"scope": "", "tiedToHSM": null, "filters": null}),
        ] {
            assert_eq!(asked(body).unwrap(), NewBackup::default());
        }
    }

    #[test]
    fn a_part_of_the_data_is_refused_and_not_taken_for_all_of_it() {
        for body in [
            json!({"scope": "domain"}),
            json!({"tiedToHSM": true}),
            json!({"filters": [{"resourceType": "Keys"}]}),
        ] {
            assert_eq!(asked(body).unwrap_err().kind(), Kind::NotBuilt);
        }
    }
}
