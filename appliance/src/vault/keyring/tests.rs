//! What a keyring keeps and what it opens. Next: `mod.rs`, which this proves.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use keystead::Kind;

use super::*;

const ID: &str = "5d2d6c1fe0d9f7d3a7f5a0d0b7ff62d8";

fn reopened(keyring: &Keyring, stored: &[ClusterKey]) -> Result<Keyring> {
    Keyring::open(keyring.mkek().clone(), stored)
}

/// The row of a further key-encryption key.
fn kek_row(keyring: &Keyring, epoch: i32, bytes: [u8; 32]) -> ClusterKey {
    store(keyring.mkek(), format!("kek-{epoch}"), None, &bytes).expect("a row")
}

#[test]
fn a_new_node_keeps_a_key_encryption_key_and_a_token_key() {
    let (_, stored) = Keyring::create().unwrap();
    let names: Vec<_> = stored.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["kek-1", "token"]);
}

#[test]
fn what_one_member_wrapped_another_opens_from_the_same_rows() {
    let (keyring, stored) = Keyring::create().unwrap();
    let (epoch, wrapped) = keyring.wrap_material(ID, 0, b"material").unwrap();
    assert_eq!(epoch, 1);

    let other = reopened(&keyring, &stored).unwrap();
    assert_eq!(
        other.unwrap_material(ID, 0, epoch, &wrapped).unwrap().as_slice(),
        b"material"
    );
    assert_eq!(*other.token_key().private, *keyring.token_key().private);
}

#[test]
fn material_opens_in_its_own_row_and_version_alone() {
    let (keyring, _) = Keyring::create().unwrap();
    let (epoch, wrapped) = keyring.wrap_material(ID, 0, b"material").unwrap();
    assert!(keyring.unwrap_material("another", 0, epoch, &wrapped).is_err());
    assert!(keyring.unwrap_material(ID, 1, epoch, &wrapped).is_err());
}

#[test]
fn new_material_takes_the_newest_epoch_and_old_material_stays_readable() {
    let (keyring, mut stored) = Keyring::create().unwrap();
    let (_, old) = keyring.wrap_material(ID, 0, b"old").unwrap();
    // Not in the order of their epochs, and beyond one digit, so that neither rows nor text decide.
    stored.insert(0, kek_row(&keyring, 10, [10; 32]));
    stored.push(kek_row(&keyring, 9, [9; 32]));

    let newer = reopened(&keyring, &stored).unwrap();
    let (epoch, new) = newer.wrap_material(ID, 1, b"new").unwrap();
    assert_eq!(epoch, 10);
    assert_eq!(newer.unwrap_material(ID, 1, 10, &new).unwrap().as_slice(), b"new");
    assert_eq!(newer.unwrap_material(ID, 0, 1, &old).unwrap().as_slice(), b"old");
    assert!(newer.unwrap_material(ID, 1, 9, &new).is_err());
}

#[test]
fn material_of_an_epoch_that_has_not_arrived_is_unavailable() {
    let (keyring, _) = Keyring::create().unwrap();
    let refused = keyring.unwrap_material(ID, 0, 2, b"anything").unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable);
}

#[test]
fn another_master_key_opens_nothing() {
    let (_, stored) = Keyring::create().unwrap();
    assert!(Keyring::open(WrappingKey::generate().unwrap(), &stored).is_err());
}

#[test]
fn a_row_under_another_name_does_not_open() {
    let (keyring, mut stored) = Keyring::create().unwrap();
    "kek-2".clone_into(&mut stored[0].name);
    assert!(reopened(&keyring, &stored).is_err());
}

#[test]
fn a_lost_row_is_named_in_the_log() {
    let (keyring, stored) = Keyring::create().unwrap();
    let no_token = reopened(&keyring, &stored[..1]).unwrap_err();
    assert!(no_token.chain().contains("lacks the token key"), "{}", no_token.chain());
    let no_kek = reopened(&keyring, &stored[1..]).unwrap_err();
    assert!(
        no_kek.chain().contains("lacks a key-encryption key"),
        "{}",
        no_kek.chain()
    );
}

#[test]
fn a_row_only_a_newer_version_knows_is_passed_over() {
    let (keyring, mut stored) = Keyring::create().unwrap();
    stored.push(ClusterKey {
        name: "something-new".to_owned(),
        public: None,
        wrapped: vec![9],
    });
    assert!(reopened(&keyring, &stored).is_ok());
}

#[test]
fn the_authority_comes_with_the_rows_of_a_cluster() {
    let (keyring, mut stored) = Keyring::create().unwrap();
    assert_eq!(keyring.authorities().count(), 0);
    let authority = Authority::create("c1", 1_800_000_000, 1_900_000_000).unwrap();
    stored.push(keyring.wrap_ca(&authority).unwrap());

    let member = reopened(&keyring, &stored).unwrap();
    let same = member.authorities().next().unwrap();
    assert_eq!((same.cluster_id(), same.cert_pem()), ("c1", authority.cert_pem()));
    assert_eq!(*same.key_pem(), *authority.key_pem());
}

#[test]
fn a_new_authority_stands_behind_the_old_one_until_that_goes() {
    let (keyring, mut stored) = Keyring::create().unwrap();
    let create = || Authority::create("c1", 1_800_000_000, 1_900_000_000).unwrap();
    let (one, two, three) = (create(), create(), create());
    stored.push(keyring.wrap_ca(&one).unwrap());
    let first = reopened(&keyring, &stored).unwrap();
    stored.insert(0, first.wrap_ca(&two).unwrap());
    assert!(!first.has_authorities_of(&stored));
    let both = reopened(&keyring, &stored).unwrap();
    assert!(both.has_authorities_of(&stored));
    assert_eq!(both.chain(), format!("{}{}", one.cert_pem(), two.cert_pem()));
    assert_eq!(both.row_of_authority(&one.fingerprint()).as_deref(), Some("ca"));

    stored.retain(|row| row.name != "ca");
    let second = reopened(&keyring, &stored).unwrap();
    assert_eq!(second.wrap_ca(&three).unwrap().name, "ca-3");
}

#[test]
fn an_authority_whose_certificate_was_exchanged_is_refused() {
    let (keyring, mut stored) = Keyring::create().unwrap();
    let create = || Authority::create("c1", 1_800_000_000, 1_900_000_000).unwrap();
    let mut row = keyring.wrap_ca(&create()).unwrap();
    row.public = Some(create().cert_pem().as_bytes().to_vec());
    stored.push(row);
    assert!(reopened(&keyring, &stored).is_err());
}

#[test]
fn a_token_of_one_member_is_good_on_another_and_not_in_another_cluster() {
    let (one, stored) = Keyring::create().unwrap();
    let two = reopened(&one, &stored).unwrap();
    let (stranger, _) = Keyring::create().unwrap();

    let signing = EncodingKey::from_ec_der(&one.token_key().private);
    let claims = serde_json::json!({ "sub": "admin", "exp": 4_000_000_000_u64 });
    let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &signing).unwrap();
    let good_on = |keyring: &Keyring| {
        let key = DecodingKey::from_ec_der(&keyring.token_key().public);
        jsonwebtoken::decode::<serde_json::Value>(&token, &key, &Validation::new(Algorithm::ES256)).is_ok()
    };
    assert!(good_on(&two));
    assert!(!good_on(&stranger));
}

#[test]
fn rows_and_debug_hold_no_open_key() {
    let (keyring, stored) = Keyring::create().unwrap();
    let kek = keyring.keks[&1].expose();
    assert!(
        stored
            .iter()
            .all(|row| !row.wrapped.windows(32).any(|window| window == kek))
    );
    assert_eq!(format!("{keyring:?}"), "Keyring { epochs: [1], .. }");
}
