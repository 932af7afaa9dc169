//! Reads exactly one PEM block of an expected type, within a size.
//!
//! It never looks inside the block. Next: [`crate::certificate`] and [`crate::request`], which do.

use x509_parser::pem::Pem;

use crate::error::{Error, Result};

/// What one PEM block must be.
pub(crate) struct Expected {
    /// What a user calls it.
    pub(crate) thing: &'static str,
    /// The type between the dashes.
    pub(crate) label: &'static str,
    /// The most bytes of text.
    pub(crate) limit: usize,
}

impl Expected {
    /// The bytes of the one block in `text`.
    pub(crate) fn read(&self, text: &str) -> Result<Vec<u8>> {
        let Self { thing, label, limit } = *self;
        if text.len() > limit {
            return Err(Error::TooLarge { thing, limit });
        }
        let mut blocks = Pem::iter_from_buffer(text.as_bytes());
        let Some(Ok(block)) = blocks.next() else {
            return Err(Error::NotPem { thing, label });
        };
        if block.label != label {
            return Err(Error::NotPem { thing, label });
        }
        if blocks.next().is_some() {
            return Err(Error::SeveralBlocks { thing });
        }
        Ok(block.contents)
    }
}
