//! The first two lines of a backup file: what anybody may know of it. The rest is encrypted, and bound to these lines.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The first line of every backup file: what it is, and the version of its format.
pub const MAGIC: &str = "keystead-backup 1";

/// What a backup file says of itself, in its second line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// The backup's id.
    pub id: String,
    /// When the data was as it is in here.
    pub created_at: DateTime<Utc>,
    /// What its maker said of it.
    pub description: String,
    /// The version of the product that made it.
    pub product_version: String,
    /// The id of the backup key that opens it.
    pub backup_key: String,
    /// The cluster whose data it is; `""` when the node was in none.
    pub cluster_id: String,
    /// What kinds of things are in it.
    pub resource_types: Vec<String>,
}

impl Header {
    /// The two lines, as a file begins with them.
    pub fn lines(&self) -> Result<String> {
        let line =
            serde_json::to_string(self).map_err(|source| Error::internal("writing a backup's header", source))?;
        Ok(format!("{MAGIC}\n{line}\n"))
    }

    /// Reads them. `lines` may go on after them.
    ///
    /// # Errors
    /// When that is no backup, or one of a format that this version does not know.
    pub fn read(lines: &str) -> Result<Self> {
        let mut lines = lines.split('\n');
        let magic = lines.next().unwrap_or_default();
        if magic != MAGIC {
            return Err(if magic.starts_with("keystead-backup ") {
                Error::invalid_param(format!("{magic:.40} is a format that this version does not read"))
                    .with_hint("restore it with the version that made it, or a later one")
            } else {
                Error::invalid_param("this is not a backup").with_hint("`ksctl backup download` makes such files")
            });
        }
        serde_json::from_str(lines.next().unwrap_or_default())
            .map_err(|source| Error::invalid_param("the header of the backup is damaged").caused_by(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            id: "b1".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
            description: "before\nthe upgrade".to_owned(),
            product_version: "0.1.0".to_owned(),
            backup_key: "k1".to_owned(),
            cluster_id: String::new(),
            resource_types: vec!["keys".to_owned()],
        }
    }

    #[test]
    fn what_was_written_is_read_whatever_follows() {
        let lines = header().lines().unwrap();
        assert_eq!(
            lines.lines().count(),
            2,
            "a line end in a text is no line end of the file"
        );
        assert_eq!(Header::read(&lines).unwrap(), header());
        assert_eq!(Header::read(&(lines + "\u{1}\n\u{2}")).unwrap(), header());
    }

    #[test]
    fn what_is_no_backup_of_this_format_is_refused_by_what_it_is() {
        let said = |text: &str| Header::read(text).unwrap_err().to_string();
        assert!(said("").contains("not a backup"));
        assert!(said("PK\u{3}\u{4}").contains("not a backup"));
        assert!(said("keystead-backup 2\n{}").contains("keystead-backup 2"));
        assert!(said("keystead-backup 1\n{\"id\":").contains("damaged"));
    }
}
