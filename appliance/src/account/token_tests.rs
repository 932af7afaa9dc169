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
        logged_in: seconds(NOW),
    };
    Claims::new(&session, Purpose::Access, NOW)
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
    assert!(at(299).is_ok() && at(309).is_ok());
    assert_eq!(at(310).unwrap_err().to_string(), "Token has expired");
}

#[test]
fn a_token_for_later_or_longer_than_any_that_is_issued_is_refused_also_where_it_may_be_old() {
    let node = Node::new();
    let header = Header::new(ALGORITHM);
    let now = seconds(NOW);
    for (claim, value, is_good) in [
        ("nbf", json!(now), true),
        ("nbf", json!(now + 10), true),
        ("nbf", json!(now + 11), false),
        ("nbf", json!("later"), false),
        ("exp", json!(now + 301), false),
        ("exp", json!(4_000_000_000_i64), false),
        ("exp", json!(i64::MAX), false),
        ("iat", json!(now - 1), false),
        ("iat", json!(i64::MIN), false),
        ("auth_time", json!(null), true),
    ] {
        let mut said = said_by(&node);
        said[claim] = value.clone();
        let token = node.forge(&header, &said);
        assert_eq!(node.verify(&token).is_ok(), is_good, "{claim} {value}");
        let of_any_age = verify_of_any_age(&token, Purpose::Access, &node.key().public, NOW);
        assert_eq!(of_any_age.is_ok(), is_good, "{claim} {value}, of any age");
    }
}

#[test]
fn a_token_with_extensions_that_must_be_understood_is_refused() {
    let node = Node::new();
    for crit in [vec!["exp".to_owned()], vec!["b64".to_owned()], vec![]] {
        let mut header = Header::new(ALGORITHM);
        header.crit = Some(crit);
        let token = node.forge(&header, &said_by(&node));
        assert!(node.verify(&token).is_err(), "{token}");
        assert!(verify_of_any_age(&token, Purpose::Access, &node.key().public, NOW).is_err());
    }
}

#[test]
fn a_refresh_token_of_the_version_before_is_good_and_its_session_counts_from_when_it_was_issued() {
    let node = Node::new();
    let mut said = said_by(&node);
    said["typ"] = json!("refresh");
    said["exp"] = json!(seconds(NOW) + 30 * 24 * 3600);
    said.as_object_mut().unwrap().remove("auth_time");
    let token = node.forge(&Header::new(ALGORITHM), &said);
    let later = Micros(NOW.0 + 29 * 24 * 3600 * 1_000_000);
    let read = verify(&token, Purpose::Refresh, &node.key().public, later).unwrap();
    assert_eq!(read.session().logged_in, seconds(NOW));
    let renewed = Claims::new(&read.session(), Purpose::Refresh, later);
    assert_eq!(renewed.exp - seconds(NOW), 59 * 24 * 3600);
}

#[test]
fn of_a_token_that_may_be_of_any_age_all_but_its_end_is_checked() {
    let (node, other) = (Node::new(), Node::new());
    let of_any_age = |token: &str| verify_of_any_age(token, Purpose::Access, &node.key().public, NOW);
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
        logged_in: seconds(NOW),
    };
    let refresh = sign(Claims::new(&session, Purpose::Refresh, NOW), node.key()).unwrap();
    assert!(node.verify(&refresh).is_err());
    assert!(verify(&refresh, Purpose::Refresh, &node.key().public, NOW).is_ok());
}
