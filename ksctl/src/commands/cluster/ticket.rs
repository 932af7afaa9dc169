//! What a joining node needs from a member: certificate, CA chain and sealed master key.
//!
//! This file decides how the three are put together from one file or from three flags. What they must be is checked by
//! the node itself.

use std::path::{Path, PathBuf};

use keystead::api::cluster::NewNodeAnswer;

use crate::failure::Failure;
use crate::input;

/// Where one part comes from.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// Typed on the command line.
    Given(String),
    /// In a file.
    File(PathBuf),
    /// Nowhere.
    Missing,
}

/// Where the three parts come from.
#[derive(Debug, Clone)]
pub(crate) enum Ticket {
    /// One file with the JSON that `cluster nodes create` printed.
    Whole(PathBuf),
    /// Three parts.
    Parts {
        /// The certificate.
        cert: Part,
        /// The CA chain.
        cachain: Part,
        /// The sealed master key.
        mkek_blob: Part,
    },
}

impl Part {
    /// A part from its two flags.
    pub(crate) fn new(given: Option<String>, file: Option<PathBuf>) -> Self {
        match (given, file) {
            (Some(text), _) => Self::Given(text),
            (None, Some(path)) => Self::File(path),
            (None, None) => Self::Missing,
        }
    }

    fn read(self, flags: &str) -> Result<String, Failure> {
        match self {
            Self::Given(text) => Ok(text),
            Self::File(path) => input::read(&path),
            Self::Missing => Err(Failure::usage(format!("{flags} is missing"))
                .with_hint("--ticketfile takes all that `ksctl cluster nodes create` printed at once")),
        }
    }
}

impl Ticket {
    /// Reads all parts.
    pub(crate) fn read(self) -> Result<NewNodeAnswer, Failure> {
        match self {
            Self::Whole(path) => whole(&path),
            Self::Parts {
                cert,
                cachain,
                mkek_blob,
            } => Ok(NewNodeAnswer {
                cert: cert.read("--cert or --certfile")?,
                cachain: cachain.read("--cachain or --cafile")?,
                mkek_blob: mkek_blob.read("--mkek-blob or --mkek-blobfile")?.trim().to_owned(),
            }),
        }
    }
}

fn whole(path: &Path) -> Result<NewNodeAnswer, Failure> {
    serde_json::from_str(&input::read(path)?).map_err(|cause| {
        Failure::usage(format!(
            "{} is not what a member prints for a join: {cause}",
            input::name(path)
        ))
        .with_hint("it must be the JSON of `ksctl cluster nodes create`, with cert, cachain and mkek_blob")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_may_come_from_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let blob = folder.path().join("blob");
        std::fs::write(&blob, "sealed\n").unwrap();
        let ticket = Ticket::Parts {
            cert: Part::new(Some("CERT".to_owned()), None),
            cachain: Part::Given("CHAIN".to_owned()),
            mkek_blob: Part::new(None, Some(blob)),
        };
        let read = ticket.read().unwrap();
        assert_eq!(
            (read.cert.as_str(), read.cachain.as_str(), read.mkek_blob.as_str()),
            ("CERT", "CHAIN", "sealed")
        );
    }

    #[test]
    fn a_missing_part_is_named_by_its_flags() {
        let ticket = Ticket::Parts {
            cert: Part::Given("CERT".to_owned()),
            cachain: Part::Missing,
            mkek_blob: Part::Given("BLOB".to_owned()),
        };
        assert_eq!(
            ticket.read().unwrap_err().to_string(),
            "--cachain or --cafile is missing"
        );
    }

    #[test]
    fn a_file_without_all_three_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ticket.json");
        std::fs::write(&path, r#"{"cert":"CERT","cachain":"CHAIN"}"#).unwrap();
        let failure = Ticket::Whole(path).read().unwrap_err();
        assert!(failure.to_string().contains("missing field `mkek_blob`"), "{failure}");
    }
}
