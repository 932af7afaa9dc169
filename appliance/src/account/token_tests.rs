//! Which tokens are good. Next: `token.rs`, which this proves.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;
use crate::vault::Keyring;

const NOW: Micros = Micros(1_800_000_000_000_000);

struct Node(Keyring);

impl Node {
    fn new() -> Self {
        Self(Keyring::create().expect("a keyring").0)
    }

    fn key(&self) -> &TokenKey {
        self.0.token_key()
    }

    fn good(&self) -> String {
        sign(claims(), self.key()).expect("a token")
    }

    fn verify(&self, token: &str) -> Result<Claims> {
        verify(token, Purpose::Access, &self.key().public, NOW)
    }

    /// A token with a good signature and whatever header and claims.
    fn forge(&self, header: &Header, claims: &serde_json::Value) -> String {
        let key = EncodingKey::from_ec_der(&self.key().private);
        jsonwebtoken::encode(header, claims, &key).expect("a token")
    }
}

fn claims() -> Claims {
    let session = Session {
        account: "local|1".to_owned(),
        client: "c".to_owned(),
        password_set: 7,
    };
    Claims::new(&session, Purpose::Access, NOW, 300)
}

fn part(value: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The claims of a good token of `node`, to be spoilt.
fn said_by(node: &Node) -> serde_json::Value {
    let mut said = claims();
    said.aud = key_id(&node.key().public);
    serde_json::to_value(said).expect("claims")
}

#[test]
fn a_good_token_says_who_and_until_when() {
    let node = Node::new();
    let token = node.good();
    let said = node.verify(&token).unwrap();
    assert_eq!(
        (said.sub.as_str(), said.exp - said.iat, said.password_set),
        ("local|1", 300, 7)
    );
    // Clients take the token apart: three parts, the middle one without padding.
    let parts: Vec<&str> = token.split('.').collect();
    let middle: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!((parts.len(), middle["exp"].as_i64()), (3, Some(1_800_000_300)));
}

#[test]
fn a_token_that_names_no_algorithm_is_refused() {
    let node = Node::new();
    for algorithm in ["none", "None", ""] {
        let token = format!(
            "{}.{}.",
            part(&json!({"alg": algorithm, "typ": "JWT"})),
            part(&said_by(&node))
        );
        assert!(node.verify(&token).is_err(), "{algorithm}");
    }
}

#[test]
fn a_token_sealed_with_the_public_key_as_a_secret_is_refused() {
    let node = Node::new();
    let secret = EncodingKey::from_secret(&node.key().public);
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &said_by(&node), &secret).unwrap();
    assert_eq!(node.verify(&token).unwrap_err().kind(), Kind::Unauthorized);
}

#[test]
fn a_token_of_another_cluster_is_refused() {
    let (node, other) = (Node::new(), Node::new());
    assert!(node.verify(&other.good()).is_err());
}

#[test]
fn a_token_with_another_audience_or_issuer_or_without_an_end_is_refused() {
    let node = Node::new();
    let header = Header::new(ALGORITHM);
    assert!(node.verify(&node.forge(&header, &said_by(&node))).is_ok());
    for (claim, value) in [
        ("aud", json!("another")),
        ("aud", json!(null)),
        ("iss", json!("another")),
        ("iss", json!(null)),
        ("exp", json!(null)),
        ("exp", json!("1900000000")),
        ("sub", json!(null)),
        ("typ", json!("refresh")),
        ("typ", json!(null)),
    ] {
        let mut said = said_by(&node);
        said[claim] = value.clone();
        assert!(node.verify(&node.forge(&header, &said)).is_err(), "{claim} {value}");
    }
}

#[test]
fn a_token_is_good_until_its_end_and_a_little_leeway() {
    let node = Node::new();
    let token = node.good();
    let at = |seconds: i64| {
        verify(
            &token,
            Purpose::Access,
            &node.key().public,
            Micros(NOW.0 + seconds * 1_000_000),
        )
    };
    assert!(at(299).is_ok() && at(300 + LEEWAY - 1).is_ok());
    assert_eq!(at(300 + LEEWAY).unwrap_err().to_string(), "Token has expired");
}

#[test]
fn of_a_token_that_may_be_of_any_age_all_but_its_end_is_checked() {
    let (node, other) = (Node::new(), Node::new());
    let of_any_age = |token: &str| verify_of_any_age(token, Purpose::Access, &node.key().public);
    let mut old = claims();
    (old.iat, old.exp) = (0, 300);
    let token = sign(old, node.key()).unwrap();
    assert_eq!(node.verify(&token).unwrap_err().to_string(), "Token has expired");
    assert_eq!(of_any_age(&token).unwrap().sub, "local|1");

    assert!(of_any_age(&other.good()).is_err(), "a token of another key");
    let header = Header::new(ALGORITHM);
    for (claim, value) in [
        ("aud", json!("another")),
        ("iss", json!("another")),
        ("exp", json!(null)),
        ("typ", json!("refresh")),
    ] {
        let mut said = said_by(&node);
        said[claim] = value;
        assert!(of_any_age(&node.forge(&header, &said)).is_err(), "{claim}");
    }
}

#[test]
fn a_changed_token_is_refused_at_every_place() {
    let node = Node::new();
    let token = node.good();
    for place in (0..token.len()).filter(|place| !token[*place..].starts_with('.')) {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        // The last character of a part may carry bits that mean nothing; such a token is refused too.
        assert!(node.verify(&changed).is_err(), "place {place}");
    }
    for none in ["", ".", "..", "a.b.c", "é.é.é"] {
        assert!(node.verify(none).is_err());
    }
}

#[test]
fn a_refresh_token_is_not_good_for_calls() {
    let node = Node::new();
    let session = Session {
        account: "a".to_owned(),
        client: "c".to_owned(),
        password_set: 0,
    };
    let refresh = sign(Claims::new(&session, Purpose::Refresh, NOW, 300), node.key()).unwrap();
    assert!(node.verify(&refresh).is_err());
    assert!(verify(&refresh, Purpose::Refresh, &node.key().public, NOW).is_ok());
}
