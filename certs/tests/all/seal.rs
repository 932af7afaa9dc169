//! Who opens a sealed master key.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::{Authority, CheckedRequest, Error, Identity, NodeKey, SEAL_LIMIT, SealHeader, open, seal};
use proptest::prelude::*;

use crate::fixture::{CLUSTER, DAY, Fixture, NOW, SECRET};

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| Fixture::new().expect("a fixture"));
static BLOB: LazyLock<String> = LazyLock::new(|| FIXTURE.sealed().expect("a seal"));

fn open_at(blob: &str, now: i64) -> certs::Result<(SealHeader, zeroize::Zeroizing<Vec<u8>>)> {
    open(blob, &FIXTURE.key, FIXTURE.authority.cert_pem(), now)
}

#[test]
fn the_node_opens_what_was_sealed_to_it() {
    let (header, secret) = open_at(&BLOB, NOW).unwrap();
    assert_eq!(header, FIXTURE.header());
    assert_eq!(secret.as_slice(), SECRET);
}

#[test]
fn it_opens_after_a_restart_and_with_a_newline_behind_it() {
    let key = NodeKey::from_pem(&FIXTURE.key.to_pem()).unwrap();
    let opened = open(&format!("{}\n", *BLOB), &key, FIXTURE.authority.cert_pem(), NOW);
    assert_eq!(opened.unwrap().1.as_slice(), SECRET);
}

#[test]
fn the_header_is_readable_and_the_secret_is_not() {
    assert_eq!(SealHeader::peek(&BLOB).unwrap(), FIXTURE.header());
    for part in BLOB.split('.').skip(1) {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        assert!(
            !bytes
                .windows(8)
                .any(|window| SECRET.windows(8).any(|secret| secret == window))
        );
    }
}

#[test]
fn two_seals_of_one_secret_have_nothing_in_common_but_the_header() {
    let again = FIXTURE.sealed().unwrap();
    let pairs = BLOB.split('.').zip(again.split('.')).skip(2);
    assert!(pairs.clone().count() == 3 && pairs.into_iter().all(|(one, two)| one != two));
}

#[test]
fn another_node_cannot_open_it() {
    let thief = NodeKey::generate().unwrap();
    let refused = open(&BLOB, &thief, FIXTURE.authority.cert_pem(), NOW);
    assert!(matches!(refused, Err(Error::OtherKey { .. })), "{refused:?}");
}

#[test]
fn a_seal_does_not_pass_for_one_of_another_node_of_the_same_key() {
    let mut identity = Identity::from_pem(&FIXTURE.cert).unwrap();
    let header = SealHeader::peek(&BLOB).unwrap();
    assert!(header.check_same_node(&identity).is_ok());
    identity.node_id.push('0');
    assert!(matches!(
        header.check_same_node(&identity),
        Err(Error::OtherNode { .. })
    ));
    identity.cluster_id.push('0');
    assert!(matches!(
        header.check_same_node(&identity),
        Err(Error::OtherCluster { .. })
    ));
}

#[test]
fn a_rewritten_header_is_noticed() {
    let thief = NodeKey::generate().unwrap();
    let longer = SealHeader {
        not_after: NOW + DAY,
        ..FIXTURE.header()
    };
    let stolen = SealHeader {
        key_hash: certs::hex(&thief.public_key_hash()),
        ..FIXTURE.header()
    };
    for (header, key) in [(longer, &FIXTURE.key), (stolen, &thief)] {
        let json = serde_json::to_vec(&header).unwrap();
        let blob = with_part(1, &URL_SAFE_NO_PAD.encode(json));
        let refused = open(&blob, key, FIXTURE.authority.cert_pem(), NOW);
        assert!(matches!(refused, Err(Error::Forged)), "{refused:?}");
    }
}

#[test]
fn parts_of_two_seals_do_not_make_a_third() {
    let again = FIXTURE.sealed().unwrap();
    for part in 2..5 {
        let blob = with_part(part, again.split('.').nth(part).unwrap());
        assert!(matches!(open_at(&blob, NOW), Err(Error::Forged)), "part {part}");
    }
}

#[test]
fn it_opens_until_its_last_second_and_not_after() {
    assert!(open_at(&BLOB, NOW + 600).is_ok());
    let refused = open_at(&BLOB, NOW + 601);
    let sealed = "sealed master key";
    assert!(matches!(&refused, Err(Error::Expired { thing, since }) if *thing == sealed && *since == NOW + 600));
}

#[test]
fn the_seal_of_another_authority_is_forged() {
    let twin = Authority::create(CLUSTER, NOW - DAY, NOW + DAY).unwrap();
    let blob = seal(&twin, &FIXTURE.request, &FIXTURE.header(), SECRET).unwrap();
    assert!(matches!(open_at(&blob, NOW), Err(Error::Forged)));
    let given_with_ours = open(&blob, &FIXTURE.key, twin.cert_pem(), NOW);
    assert!(matches!(given_with_ours, Err(Error::OtherChain)));
    let blob = seal(&twin, &FIXTURE.request, &header_beside(twin.cert_pem()), SECRET).unwrap();
    assert!(open(&blob, &FIXTURE.key, twin.cert_pem(), NOW).is_ok());
}

/// A header that is given with this chain.
fn header_beside(chain: &str) -> SealHeader {
    SealHeader {
        chain_hash: certs::chain_hash(chain).ok(),
        ..FIXTURE.header()
    }
}

#[test]
fn either_authority_may_seal_while_it_is_exchanged() {
    let next = Authority::create(CLUSTER, NOW - DAY, NOW + DAY).unwrap();
    let both = format!("{}{}", FIXTURE.authority.cert_pem(), next.cert_pem());
    for signer in [&FIXTURE.authority, &next] {
        let blob = seal(signer, &FIXTURE.request, &header_beside(&both), SECRET).unwrap();
        assert!(open(&blob, &FIXTURE.key, &both, NOW).is_ok());
    }
}

#[test]
fn the_chain_holds_the_authorities_it_was_given_with_and_nothing_else() {
    let ours = FIXTURE.authority.cert_pem();
    let next = Authority::create(CLUSTER, NOW - DAY, NOW + DAY).unwrap();
    let (next, both) = (next.cert_pem(), format!("{ours}{}", next.cert_pem()));
    let beside_both = seal(&FIXTURE.authority, &FIXTURE.request, &header_beside(&both), SECRET).unwrap();
    let stranger = Authority::create("another", NOW - DAY, NOW + DAY).unwrap();
    // Of the same cluster by its name: anybody can call an authority so.
    for (blob, chain) in [
        (BLOB.as_str(), format!("{ours}{next}")),
        (BLOB.as_str(), format!("{next}{ours}")),
        (beside_both.as_str(), ours.to_owned()),
        (beside_both.as_str(), format!("{next}{ours}")),
        (
            beside_both.as_str(),
            format!(
                "{both}{}",
                Authority::create(CLUSTER, NOW - DAY, NOW + DAY).unwrap().cert_pem()
            ),
        ),
    ] {
        let refused = open(blob, &FIXTURE.key, &chain, NOW);
        assert!(matches!(refused, Err(Error::OtherChain)), "{refused:?}");
    }
    let twice = open(&BLOB, &FIXTURE.key, &format!("{ours}{ours}"), NOW);
    assert!(matches!(twice, Err(Error::Repeated)), "{twice:?}");
    let other = open(&BLOB, &FIXTURE.key, &format!("{ours}{}", stranger.cert_pem()), NOW);
    assert!(matches!(other, Err(Error::OtherCluster { .. })), "{other:?}");
    let leaf = open(&BLOB, &FIXTURE.key, &format!("{ours}{}", FIXTURE.cert), NOW);
    assert!(matches!(leaf, Err(Error::NotAnAuthority)), "{leaf:?}");
    let key = open(&BLOB, &FIXTURE.key, &format!("{ours}{}", *FIXTURE.key.to_pem()), NOW);
    assert!(matches!(key, Err(Error::NotPem { .. })), "{key:?}");
    assert!(open(&BLOB, &FIXTURE.key, &format!("the authority:\n{ours}\n"), NOW).is_ok());
}

#[test]
fn a_seal_without_its_chain_is_not_made() {
    let header = SealHeader {
        chain_hash: None,
        ..FIXTURE.header()
    };
    let made = seal(&FIXTURE.authority, &FIXTURE.request, &header, SECRET);
    assert!(matches!(made, Err(Error::UnboundChain)), "{made:?}");
}

#[test]
fn a_header_that_names_another_key_or_cluster_cannot_be_sealed() {
    let other = CheckedRequest::parse(&NodeKey::generate().unwrap().request("localhost").unwrap()).unwrap();
    let refused = seal(&FIXTURE.authority, &other, &FIXTURE.header(), SECRET);
    assert!(matches!(refused, Err(Error::OtherKey { .. })), "{refused:?}");
    let header = SealHeader {
        cluster_id: "another".to_owned(),
        ..FIXTURE.header()
    };
    let refused = seal(&FIXTURE.authority, &FIXTURE.request, &header, SECRET);
    assert!(matches!(refused, Err(Error::OtherCluster { .. })), "{refused:?}");
}

#[test]
fn what_is_too_large_is_neither_made_nor_read() {
    let made = seal(
        &FIXTURE.authority,
        &FIXTURE.request,
        &FIXTURE.header(),
        &[0; SEAL_LIMIT],
    );
    assert!(matches!(made, Err(Error::TooLarge { .. })), "{made:?}");
    let read = open_at(&"v2.".repeat(SEAL_LIMIT), NOW);
    assert!(matches!(read, Err(Error::TooLarge { .. })), "{read:?}");
}

#[test]
fn anything_else_is_malformed() {
    let former_version = BLOB.replacen("v2.", "v1.", 1);
    let one_more = format!("v2.{}", *BLOB);
    for text in [
        "",
        "v2",
        "v2....",
        "v2.e30.e30.e30.e30",
        "v1.e30.e30.e30.e30",
        "a.b.c.d.e",
        "v.b.c.d.e",
        "v12345.b.c.d.e",
        &former_version,
        &one_more,
    ] {
        assert!(
            matches!(open_at(text, NOW), Err(Error::Malformed { .. })),
            "{text:?} was read"
        );
        assert!(SealHeader::peek(text).is_err());
    }
}

proptest! {
    #[test]
    fn a_seal_with_any_letter_changed_does_not_open(at in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_.-]") {
        let mut blob = BLOB.clone();
        let at = at.index(blob.len());
        blob.replace_range(at..=at, &letter);
        prop_assume!(blob != *BLOB);
        prop_assert!(open_at(&blob, NOW).is_err());
    }

    #[test]
    fn no_text_makes_it_panic(text in "(v[12]\\.)?[ -~]{0,300}") {
        prop_assert!(open_at(&text, NOW).is_err());
    }
}

/// The seal with its part number `index` replaced.
fn with_part(index: usize, part: &str) -> String {
    let parts = BLOB
        .split('.')
        .enumerate()
        .map(|(at, old)| if at == index { part } else { old });
    parts.collect::<Vec<_>>().join(".")
}
