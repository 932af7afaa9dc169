//! A key as clients see it. Names of the product stand where clients know a vendor's.

use keystead::api;
use keystead::key::uuid;
use sql::key::Key;

pub(crate) const ACCOUNT: &str = "keystead:keystead:admin:accounts:root";
const APPLICATION: &str = "keystead:keystead:admin:apps:keystead";

/// What is told of a key.
pub(super) fn shown(key: Key) -> api::key::Key {
    api::key::Key {
        uri: format!("keystead:keystead:vault:keys:{}-v{}", key.name, key.material_version),
        account: ACCOUNT.to_owned(),
        application: APPLICATION.to_owned(),
        dev_account: ACCOUNT.to_owned(),
        created_at: key.created_at,
        updated_at: key.updated_at,
        usage_mask: key.usage_mask,
        version: key.material_version,
        algorithm: key.algorithm,
        size: key.size,
        format: "raw".to_owned(),
        unexportable: key.unexportable,
        undeletable: key.undeletable,
        object_type: "Symmetric Key".to_owned(),
        activation_date: key.activation_date,
        state: key.state.name().to_owned(),
        uuid: uuid::of(&key.id),
        description: key.description,
        sha256_fingerprint: key.fingerprint,
        row_version: key.row_version,
        name: key.name,
        id: key.id,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::DateTime;
    use keystead::key::state::KeyState;

    use super::*;

    /// A key that differs by its id alone.
    pub(in crate::keys) fn key(id: &str) -> Key {
        let now = DateTime::UNIX_EPOCH;
        Key {
            id: id.to_owned(),
            name: "n".to_owned(),
            state: KeyState::PreActive,
            algorithm: "AES".to_owned(),
            size: 256,
            usage_mask: 12,
            description: String::new(),
            unexportable: false,
            undeletable: false,
            fingerprint: "f".to_owned(),
            material_version: 0,
            activation_date: None,
            created_at: now,
            updated_at: now,
            version_of: None,
            row_version: 42,
        }
    }

    #[test]
    fn a_key_is_shown_with_the_names_clients_know() {
        let shown = serde_json::to_value(shown(key(&"ab".repeat(32)))).unwrap();
        assert_eq!(shown["uuid"], "abababab-abab-4bab-abab-abababababab");
        assert_eq!(shown["uri"], "keystead:keystead:vault:keys:n-v0");
        assert_eq!(
            (&shown["state"], &shown["rowVersion"]),
            (&"Pre-Active".into(), &42.into())
        );
        assert_eq!(shown["sha256Fingerprint"], "f");
    }
}
