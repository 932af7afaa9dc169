//! Making a key, or importing one.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use chrono::{DateTime, Utc};
use keystead::api;
use keystead::key::material::Material;
use keystead::key::request::NewKey;
use keystead::key::state::KeyState;
use keystead::replication::ack::{Ack, Operation, Written};
use keystead::{Error, Result};
use sql::key::{Key, Wrapped};
use zeroize::Zeroizing;

use super::{name_taken, shown};
use crate::acknowledge;
use crate::agent::Agent;

/// The version of a new key's material.
const FIRST_VERSION: i32 = 0;

/// Makes a key that is active at once: one statement, one round trip.
pub(crate) async fn create(agent: &Agent, asked: NewKey, ack: Option<Ack>) -> Result<(api::key::Key, Ack)> {
    let material = material(asked.material.as_ref(), asked.size)?;
    let mut key = described(asked, &material, agent.clock.now().to_utc().unwrap_or_default())?;
    let (epoch, wrapped) = agent.keyring()?.wrap_material(&key.id, FIRST_VERSION, &material)?;
    let write = acknowledge::begin(agent, ack, Operation::MakesOrEndsKey).await?;
    let made = write
        .make(|| {
            let bytes = &wrapped;
            sql::key::create(write.db(), &key, Wrapped { epoch, bytes }, write.peers())
        })
        .await?;
    key.row_version = made.value().ok_or_else(|| name_taken(&key.name))?;
    let ack = made.acknowledged(|| Written {
        id: key.id.clone(),
        row_version: key.row_version,
    })?;
    Ok((shown::shown(key), ack))
}

/// Everything about a new key but its material.
fn described(asked: NewKey, material: &[u8], now: DateTime<Utc>) -> Result<Key> {
    let id = new_id()?;
    Ok(Key {
        name: asked.name.map_or_else(|| format!("key-{id}"), String::from),
        id,
        state: KeyState::Active,
        algorithm: "AES".to_owned(),
        size: asked.size,
        usage_mask: asked.usage_mask,
        description: asked.description,
        unexportable: asked.unexportable,
        undeletable: asked.undeletable,
        fingerprint: fingerprint(material),
        material_version: FIRST_VERSION,
        activation_date: Some(now),
        created_at: now,
        updated_at: now,
        version_of: None,
        row_version: 0,
    })
}

/// An id that no key has.
pub(super) fn new_id() -> Result<String> {
    let mut id = [0; 32];
    rand::fill(&mut id).map_err(|fault| Error::internal("making a key's id", fault))?;
    Ok(certs::hex(&id))
}

/// What material is told by, to those who may not see it.
pub(super) fn fingerprint(material: &[u8]) -> String {
    certs::hex(digest(&SHA256, material).as_ref())
}

/// The material to import, or new material of so many bits.
pub(super) fn material(given: Option<&Material>, bits: i32) -> Result<Zeroizing<Vec<u8>>> {
    if let Some(given) = given {
        return Ok(Zeroizing::new(given.expose().to_vec()));
    }
    let bytes = usize::try_from(bits / 8).map_err(|wrong| Error::internal("measuring a key", wrong))?;
    let mut material = Zeroizing::new(vec![0; bytes]);
    rand::fill(&mut material).map_err(|fault| Error::internal("making a key", fault))?;
    Ok(material)
}

#[cfg(test)]
mod tests {
    use keystead::api::key::NewKeyRequest;
    use keystead::key::material::Encoding;

    use super::*;

    fn asked(body: &str) -> NewKey {
        let request: NewKeyRequest = serde_json::from_str(body).expect("JSON");
        request.try_into().expect("a good request")
    }

    #[test]
    fn new_material_has_the_size_that_was_asked_and_is_never_the_same() {
        for size in [128, 192, 256] {
            let (one, two) = (material(None, size).unwrap(), material(None, size).unwrap());
            assert_eq!(one.len() * 8, usize::try_from(size).unwrap());
            assert_ne!(one, two);
        }
    }

    #[test]
    fn imported_material_is_taken_as_it_is() {
        let given = Encoding::Hex.read(&"000102030405060708090a0b0c0D0E0F".into()).unwrap();
        assert_eq!(*material(Some(&given), 128).unwrap(), (0..16).collect::<Vec<u8>>());
    }

    #[test]
    fn a_key_is_described_by_an_id_a_name_and_a_fingerprint() {
        let key = described(asked("{}"), b"abc", DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(key.id.len(), 64);
        assert_eq!(key.name, format!("key-{}", key.id));
        // The example of FIPS 180-2, appendix B.1.
        assert!(key.fingerprint.starts_with("ba7816bf8f01cfea"));
    }
}
