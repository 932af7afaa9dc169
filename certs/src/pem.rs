//! Reads PEM blocks of an expected type, exactly one or a few, within a size.
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
        let thing = self.thing;
        match self.read_all(text)?.as_mut_slice() {
            [one] => Ok(std::mem::take(one)),
            _ => Err(Error::SeveralBlocks { thing }),
        }
    }

    /// The bytes of all blocks in `text`; at least one.
    pub(crate) fn read_all(&self, text: &str) -> Result<Vec<Vec<u8>>> {
        let Self { thing, label, limit } = *self;
        if text.len() > limit {
            return Err(Error::TooLarge { thing, limit });
        }
        let blocks: Vec<Vec<u8>> = Pem::iter_from_buffer(text.as_bytes())
            .map(|block| {
                block
                    .ok()
                    .filter(|block| block.label == label)
                    .map(|block| block.contents)
            })
            .collect::<Option<_>>()
            .ok_or(Error::NotPem { thing, label })?;
        if blocks.is_empty() {
            return Err(Error::NotPem { thing, label });
        }
        Ok(blocks)
    }
}
