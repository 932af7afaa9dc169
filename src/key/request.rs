//! What a request for a new or changed key may ask: checked once, here.

use super::material::{Encoding, Material, must_be_raw};
use crate::api::key::{ExportKeyRequest, NewKeyRequest, NewVersionRequest, PatchKeyRequest};
use crate::api::secret::Secret;
use crate::error::{Error, Kind, Result};
use crate::text::name::Name;

/// Encrypt (4) and decrypt (8), the KMIP bits of a key that is used for both.
pub const DEFAULT_USAGE: i32 = 12;

/// A checked `POST /v1/vault/keys2`.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The name, when one was given.
    pub name: Option<Name>,
    /// Bits: 128, 192 or 256.
    pub size: i32,
    /// KMIP usage bits.
    pub usage_mask: i32,
    /// For people.
    pub description: String,
    /// The material to import.
    pub material: Option<Material>,
    /// The material may not leave the system.
    pub unexportable: bool,
    /// The key may not be deleted.
    pub undeletable: bool,
}

impl TryFrom<NewKeyRequest> for NewKey {
    type Error = Error;

    fn try_from(asked: NewKeyRequest) -> Result<Self> {
        let only = |field: &str, given: Option<String>, built: &str| match given {
            Some(other) if !other.eq_ignore_ascii_case(built) => {
                Err(Error::new(Kind::NotBuilt, format!("{field} {other:.40} is not built"))
                    .with_hint(format!("{built} is")))
            }
            _ => Ok(()),
        };
        only("algorithm", asked.algorithm, "AES")?;
        only("objectType", asked.object_type, "Symmetric Key")?;
        only("state", asked.state, "Active")?;
        let material = imported(
            asked.material.as_ref(),
            asked.encoding.as_deref(),
            asked.format.as_deref(),
        )?;
        let imported = material.as_ref().map(Material::bits);
        let size = asked.size.or(imported).unwrap_or(256);
        if ![128, 192, 256].contains(&size) {
            return Err(Error::invalid_param(format!(
                "an AES key has 128, 192 or 256 bits, not {size}"
            )));
        }
        if imported.is_some_and(|bits| bits != size) {
            return Err(Error::invalid_param(format!("the material does not have {size} bits")));
        }
        Ok(Self {
            name: asked.name.as_deref().map(checked_name).transpose()?,
            size,
            usage_mask: checked_usage(asked.usage_mask.unwrap_or(DEFAULT_USAGE))?,
            description: checked_description(asked.description.unwrap_or_default())?,
            material,
            unexportable: asked.unexportable,
            undeletable: asked.undeletable,
        })
    }
}

/// A checked `POST /v1/vault/keys2/{id}/versions`.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// The material to import.
    pub material: Option<Material>,
    /// The description, when another was given.
    pub description: Option<String>,
}

impl TryFrom<NewVersionRequest> for NewVersion {
    type Error = Error;

    fn try_from(asked: NewVersionRequest) -> Result<Self> {
        Ok(Self {
            material: imported(
                asked.material.as_ref(),
                asked.encoding.as_deref(),
                asked.format.as_deref(),
            )?,
            description: asked.description.map(checked_description).transpose()?,
        })
    }
}

impl NewVersion {
    /// Is it one of a key of so many bits?
    ///
    /// # Errors
    /// Material of another size: who uses the key relies on its size.
    pub fn fits(&self, size: i32) -> Result<()> {
        match self.material.as_ref().map(Material::bits) {
            Some(bits) if bits != size => Err(Error::invalid_param(format!(
                "the key has {size} bits, and the material {bits}"
            ))),
            _ => Ok(()),
        }
    }
}

/// A checked `PATCH /v1/vault/keys2/{id}`. `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// The new name.
    pub name: Option<Name>,
    /// The new description.
    pub description: Option<String>,
    /// The new usage mask.
    pub usage_mask: Option<i32>,
    /// May the material leave the system? What may not, may never again.
    pub unexportable: Option<bool>,
    /// May the key be deleted?
    pub undeletable: Option<bool>,
}

impl TryFrom<PatchKeyRequest> for KeyChange {
    type Error = Error;

    fn try_from(asked: PatchKeyRequest) -> Result<Self> {
        Ok(Self {
            name: asked.name.as_deref().map(checked_name).transpose()?,
            description: asked.description.map(checked_description).transpose()?,
            usage_mask: asked.usage_mask.map(checked_usage).transpose()?,
            unexportable: asked.unexportable,
            undeletable: asked.undeletable,
        })
    }
}

impl TryFrom<ExportKeyRequest> for Encoding {
    type Error = Error;

    fn try_from(asked: ExportKeyRequest) -> Result<Self> {
        must_be_raw(asked.format.as_deref())?;
        Self::from_name(asked.encoding.as_deref())
    }
}

fn imported(material: Option<&Secret>, encoding: Option<&str>, format: Option<&str>) -> Result<Option<Material>> {
    must_be_raw(format)?;
    let encoding = Encoding::from_name(encoding)?;
    material.map(|text| encoding.read(text)).transpose()
}

fn checked_name(name: &str) -> Result<Name> {
    Name::checked("name", name, 1024)
}

/// A description names nothing: it is kept as it was given, and whoever shows it escapes it.
fn checked_description(text: String) -> Result<String> {
    if text.len() > 8192 {
        return Err(Error::invalid_param("description is longer than 8192 bytes"));
    }
    Ok(text)
}

fn checked_usage(mask: i32) -> Result<i32> {
    if mask < 0 {
        return Err(Error::invalid_param(
            "usageMask is a sum of KMIP usage bits, not negative",
        ));
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<NewKey> {
        serde_json::from_str::<NewKeyRequest>(text).unwrap().try_into()
    }

    #[test]
    fn nothing_given_means_aes_256() {
        let made = key(r#"{"id":"","labels":null}"#).unwrap();
        assert_eq!((made.size, made.usage_mask), (256, DEFAULT_USAGE));
    }

    #[test]
    fn imported_material_sets_the_size() {
        let hex = "00".repeat(16);
        assert_eq!(key(&format!(r#"{{"material":"{hex}"}}"#)).unwrap().size, 128);
        assert!(key(&format!(r#"{{"material":"{hex}","size":256}}"#)).is_err());
        assert!(key(r#"{"material":"zz"}"#).is_err());
        let base64 = key(r#"{"material":"AAECAwQFBgcICQoLDA0ODw==","encoding":"base64"}"#).unwrap();
        assert_eq!((base64.size, base64.material.unwrap().expose()[15]), (128, 15));
    }

    #[test]
    fn a_version_has_the_size_of_its_key() {
        let version = |text: &str| NewVersion::try_from(serde_json::from_str::<NewVersionRequest>(text).unwrap());
        let imported = version(&format!(r#"{{"material":"{}"}}"#, "00".repeat(16))).unwrap();
        assert!(imported.fits(128).is_ok());
        assert_eq!(
            imported.fits(256).unwrap_err().to_string(),
            "the key has 256 bits, and the material 128"
        );
        assert!(version(r#"{"material":"","labels":{}}"#).unwrap().fits(192).is_ok());
        assert!(version(r#"{"material":"zz"}"#).is_err());
    }

    #[test]
    fn what_cannot_be_made_is_refused_by_name() {
        for body in [
            r#"{"algorithm":"RSA"}"#,
            r#"{"objectType":"Private Key"}"#,
            r#"{"state":"Pre-Active"}"#,
            r#"{"format":"pkcs8"}"#,
            r#"{"encoding":"ascii"}"#,
        ] {
            assert_eq!(key(body).unwrap_err().kind(), Kind::NotBuilt, "{body}");
        }
        assert!(
            key(r#"{"algorithm":"aes","size":512}"#)
                .unwrap_err()
                .to_string()
                .contains("not 512")
        );
        for name in ["a\\u0000b", "a\\u202eb", "a\\u200bb", "a\\nb"] {
            let refused = key(&format!("{{\"name\":\"{name}\"}}")).unwrap_err();
            assert!(refused.to_string().starts_with("name has a character"), "{refused}");
        }
    }

    #[test]
    fn a_name_is_kept_composed_in_a_new_key_and_in_a_renamed_one() {
        let kept = |name: Option<Name>| name.map(String::from);
        let made = key("{\"name\":\"cafe\\u0301\"}").unwrap();
        assert_eq!(kept(made.name).as_deref(), Some("caf\u{e9}"));
        let request = serde_json::from_str::<PatchKeyRequest>("{\"name\":\"cafe\\u0301\"}").unwrap();
        assert_eq!(
            kept(KeyChange::try_from(request).unwrap().name).as_deref(),
            Some("caf\u{e9}")
        );
    }
}
