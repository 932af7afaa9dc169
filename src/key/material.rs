//! The material of a key on the wire: hexadecimal or base64, and nothing else.
//!
//! Decides what of it is understood. Decoded, it is wiped where it is dropped, and no `Debug` shows it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::api::secret::Secret;
use crate::error::{Error, Kind, Result};

/// How material is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Hexadecimal digits, in any case.
    #[default]
    Hex,
    /// RFC 4648, section 4, with padding.
    Base64,
}

/// The bytes of a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Material(Zeroizing<Vec<u8>>);

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Material(hidden)")
    }
}

impl Encoding {
    /// Reads the `encoding` of a request.
    ///
    /// # Errors
    /// [`Kind::NotBuilt`] for another one.
    pub fn from_name(name: Option<&str>) -> Result<Self> {
        match name {
            None | Some("hex") => Ok(Self::Hex),
            Some("base64") => Ok(Self::Base64),
            Some(other) => Err(Error::new(Kind::NotBuilt, format!("encoding {other:.40} is not built"))
                .with_hint("hex and base64 are")),
        }
    }

    /// Material as it is written in this encoding.
    pub fn write(self, bytes: &[u8]) -> Secret {
        let digits = || bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        match self {
            Self::Hex => digits()
                .filter_map(|digit| char::from_digit(digit.into(), 16))
                .collect::<String>()
                .into(),
            Self::Base64 => STANDARD.encode(bytes).into(),
        }
    }

    /// Reads material, which is 16, 24 or 32 bytes.
    ///
    /// # Errors
    /// [`Kind::InvalidParam`] for anything else.
    pub fn read(self, text: &Secret) -> Result<Material> {
        let text = text.expose().as_bytes();
        let bytes = match self {
            Self::Hex => unhex(text),
            Self::Base64 => unbase64(text),
        };
        let bytes = bytes.filter(|bytes| [16, 24, 32].contains(&bytes.len()));
        let (digits, other) = match self {
            Self::Hex => ("hexadecimal", "base64"),
            Self::Base64 => ("base64", "hex"),
        };
        bytes.map(Material).ok_or_else(|| {
            Error::invalid_param(format!("material is not 16, 24 or 32 bytes in {digits}"))
                .with_hint(format!("material in {other} needs \"encoding\": \"{other}\""))
        })
    }
}

impl Material {
    /// The bytes. Not for logs, and not to be copied where they are not wiped.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// How many bits there are.
    pub fn bits(&self) -> i32 {
        i32::try_from(self.0.len() * 8).unwrap_or(i32::MAX)
    }
}

/// Refuses a `format` that is not the plain bytes.
///
/// # Errors
/// [`Kind::NotBuilt`].
pub fn must_be_raw(format: Option<&str>) -> Result<()> {
    match format {
        None | Some("raw") => Ok(()),
        Some(other) => Err(Error::new(Kind::NotBuilt, format!("format {other:.40} is not built")).with_hint("raw is")),
    }
}

/// Decodes where it lands, so that no copy of the material stays behind.
fn unhex(digits: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for pair in pairs {
        let [high, low] = pair.map(|digit| {
            char::from(digit)
                .to_digit(16)
                .and_then(|nibble| u8::try_from(nibble).ok())
        });
        bytes.push(high? << 4 | low?);
    }
    rest.is_empty().then_some(bytes)
}

fn unbase64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // As large as it can be, so that it does not grow and leave a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    STANDARD.decode_vec(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn material_is_read_as_it_was_written() {
        let bytes: Vec<u8> = (0..32).map(|byte| byte * 8).collect();
        for encoding in [Encoding::Hex, Encoding::Base64] {
            let material = encoding.read(&encoding.write(&bytes)).unwrap();
            assert_eq!((material.expose(), material.bits()), (bytes.as_slice(), 256));
            assert_eq!(format!("{material:?}"), "Material(hidden)");
        }
        // The examples of RFC 4648, section 10.
        assert_eq!(Encoding::Base64.write(b"foobar").expose(), "Zm9vYmFy");
        assert_eq!(Encoding::Hex.write(b"foobar").expose(), "666f6f626172");
    }

    #[test]
    fn what_is_no_material_in_the_encoding_that_was_given_is_refused() {
        let hex = "00".repeat(32);
        for (encoding, text) in [
            (Encoding::Hex, "zz"),
            (Encoding::Hex, "000"),
            (Encoding::Hex, "00"),
            (Encoding::Hex, "AAECAwQFBgcICQoLDA0ODw=="),
            (Encoding::Base64, "AAECAwQFBgcICQoLDA0ODw"),
            (Encoding::Base64, hex.as_str()),
            (Encoding::Base64, "!"),
        ] {
            let refused = encoding.read(&text.into()).unwrap_err();
            assert_eq!(refused.kind(), Kind::InvalidParam, "{encoding:?} {text}");
        }
    }

    #[test]
    fn other_encodings_and_formats_are_not_built() {
        assert_eq!(Encoding::from_name(Some("base64")).unwrap(), Encoding::Base64);
        assert_eq!(Encoding::from_name(None).unwrap(), Encoding::Hex);
        assert_eq!(Encoding::from_name(Some("ascii85")).unwrap_err().kind(), Kind::NotBuilt);
        must_be_raw(Some("raw")).unwrap();
        assert_eq!(must_be_raw(Some("pkcs8")).unwrap_err().kind(), Kind::NotBuilt);
    }
}
