//! Texts on the wire that nobody but their receiver may see: passwords, tokens, the material of keys.
//!
//! Decides that such a text is shown by nobody's `Debug` and is wiped where it is dropped. It says nothing of what the
//! text has to be.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A text that is wiped from memory when it is dropped, and whose `Debug` shows nothing of it. On the wire it is the text
/// alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself. Not for logs, and not to be copied where it is not wiped.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text, for whoever takes it over.
    pub fn into_text(self) -> Zeroizing<String> {
        self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl AsRef<str> for Secret {
    fn as_ref(&self) -> &str {
        self.expose()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::api::auth::{ChangePasswordRequest, TokenAnswer, TokenRequest};
    use crate::api::backup::{DownloadBackupKeyRequest, UploadBackupKeyRequest};
    use crate::api::key::{ExportedKey, NewKeyRequest, NewVersionRequest};
    use crate::api::metrics::PrometheusStatus;
    use crate::key::request::NewKey;

    const CANARY: &str = "0badcafe0badcafe0badcafe0badcafe";

    #[test]
    fn on_the_wire_it_is_the_text() {
        let secret = Secret::from(CANARY);
        let text = serde_json::to_string(&secret).unwrap();
        assert_eq!(text, format!("{CANARY:?}"));
        assert_eq!(serde_json::from_str::<Secret>(&text).unwrap(), secret);
    }

    /// What a request or an answer with these secrets in it shows of itself.
    fn shown<T: DeserializeOwned + fmt::Debug>(fields: &serde_json::Value) -> String {
        format!("{0:?} {0:#?}", serde_json::from_value::<T>(fields.clone()).unwrap())
    }

    #[test]
    fn nothing_that_carries_a_secret_shows_it() {
        let key = json!({
            "id": "i", "uri": "", "account": "", "application": "", "devAccount": "", "name": "k", "usageMask": 12,
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", "version": 0, "algorithm": "AES",
            "size": 128, "format": "raw", "unexportable": false, "undeletable": false, "objectType": "", "state": "",
            "activationDate": null, "uuid": "", "description": "", "sha256Fingerprint": "", "rowVersion": 1,
            "material": CANARY,
        });
        let file =
            json!({"format": "", "id": "", "createdAt": "2026-01-01T00:00:00Z", "hint": "", "salt": "", "locked": ""});
        let log_in = json!({"username": "u", "password": CANARY, "new_password": CANARY, "refresh_token": CANARY});
        let tokens = json!({"jwt": CANARY, "duration": 1, "token_type": "", "client_id": "", "refresh_token_id": "",
            "refresh_token": CANARY});
        let asked: NewKeyRequest = serde_json::from_value(json!({"material": CANARY})).unwrap();
        let all = [
            shown::<TokenRequest>(&log_in),
            shown::<ChangePasswordRequest>(&log_in),
            shown::<TokenAnswer>(&tokens),
            shown::<NewKeyRequest>(&json!({"material": CANARY})),
            shown::<NewVersionRequest>(&json!({"material": CANARY})),
            shown::<ExportedKey>(&key),
            shown::<DownloadBackupKeyRequest>(&json!({"password": CANARY})),
            shown::<UploadBackupKeyRequest>(&json!({"password": CANARY, "file": file})),
            shown::<PrometheusStatus>(&json!({"enabled": true, "token": CANARY})),
            format!("{:?}", NewKey::try_from(asked).unwrap()),
        ];
        for text in all {
            assert!(text.contains("hidden") && !text.contains(CANARY), "{text}");
        }
    }
}
