//! Which certificate requests are answered.

use std::sync::LazyLock;

use certs::{CheckedRequest, Error, NodeKey, REQUEST_LIMIT};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519,
    PKCS_RSA_SHA256, SignatureAlgorithm,
};

use crate::fixture::{self, foreign_request};

static KEY: LazyLock<NodeKey> = LazyLock::new(|| NodeKey::generate().expect("a key"));
static REQUEST: LazyLock<String> = LazyLock::new(|| KEY.request("node-7.example.com").expect("a request"));

#[test]
fn a_request_of_ours_names_the_key_that_made_it() {
    let checked = CheckedRequest::parse(&REQUEST).unwrap();
    assert_eq!(checked.public_key_hash(), KEY.public_key_hash());
}

#[test]
fn a_key_kept_as_pem_is_the_same_key() {
    let again = NodeKey::from_pem(&KEY.to_pem()).unwrap();
    assert_eq!(again.public_key_hash(), KEY.public_key_hash());
    assert!(CheckedRequest::parse(&again.request("::1").unwrap()).is_ok());
}

#[test]
fn a_request_may_stand_among_other_text_and_end_its_lines_in_any_way() {
    let text = format!("Certificate Request:\r\n    Data:\r\n{}", REQUEST.replace('\n', "\r\n"));
    assert!(CheckedRequest::parse(&text).is_ok());
}

#[test]
fn a_key_never_shows_its_private_half() {
    assert!(!fixture::shows_secret_of(&KEY.to_pem(), &format!("{:?}", *KEY)));
}

#[test]
fn a_megabyte_is_refused_unread() {
    let refused = CheckedRequest::parse(&"A".repeat(1024 * 1024));
    assert!(
        matches!(
            refused,
            Err(Error::TooLarge {
                limit: REQUEST_LIMIT,
                ..
            })
        ),
        "{refused:?}"
    );
}

#[test]
fn what_is_not_pem_of_a_request_is_refused() {
    let other_label = REQUEST.replace("CERTIFICATE REQUEST", "CERTIFICATE");
    let cut_short = &REQUEST[..REQUEST.len() / 2];
    for text in [
        "",
        "hello",
        "-----BEGIN CERTIFICATE REQUEST-----",
        &other_label,
        cut_short,
        &KEY.to_pem(),
    ] {
        let refused = CheckedRequest::parse(text);
        assert!(matches!(refused, Err(Error::NotPem { .. })), "{text:?}: {refused:?}");
    }
}

#[test]
fn two_requests_in_one_are_refused() {
    let refused = CheckedRequest::parse(&format!("{}{}", *REQUEST, *REQUEST));
    assert!(matches!(refused, Err(Error::SeveralBlocks { .. })), "{refused:?}");
}

#[test]
fn pem_around_something_else_is_refused() {
    let text = "-----BEGIN CERTIFICATE REQUEST-----\naGVsbG8=\n-----END CERTIFICATE REQUEST-----\n";
    assert!(matches!(CheckedRequest::parse(text), Err(Error::Malformed { .. })));
}

#[test]
fn a_request_changed_on_the_way_is_refused() {
    // The name of the owner stands in the clear; another of equal length keeps the form whole.
    let der = der(&REQUEST);
    let at = der.windows(13).position(|window| window == b"Keystead node").unwrap();
    let mut changed = der.clone();
    changed[at..at + 13].copy_from_slice(b"keystead nodE");
    assert!(matches!(
        CheckedRequest::parse(&pem(&changed)),
        Err(Error::BadSignature)
    ));
}

#[test]
fn a_request_with_bytes_behind_it_is_refused() {
    let mut longer = der(&REQUEST);
    longer.push(0);
    assert!(matches!(
        CheckedRequest::parse(&pem(&longer)),
        Err(Error::Malformed { .. })
    ));
}

#[test]
fn only_p384_keys_are_taken() {
    let kinds: [&'static SignatureAlgorithm; 3] = [&PKCS_RSA_SHA256, &PKCS_ECDSA_P256_SHA256, &PKCS_ED25519];
    for kind in kinds {
        let pair = KeyPair::generate_for(kind).unwrap();
        let request = CertificateParams::default()
            .serialize_request(&pair)
            .unwrap()
            .pem()
            .unwrap();
        let refused = CheckedRequest::parse(&request);
        assert!(matches!(refused, Err(Error::KeyKind { .. })), "{kind:?}: {refused:?}");
        assert!(
            matches!(NodeKey::from_pem(&pair.serialize_pem()), Err(Error::KeyKind { .. })),
            "{kind:?}"
        );
    }
}

#[test]
fn a_request_to_be_an_authority_is_refused() {
    let wishes: [fn(&mut CertificateParams); 4] = [
        |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
        |params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign],
        |params| params.key_usages = vec![KeyUsagePurpose::CrlSign],
    ];
    for wish in wishes {
        let (request, _) = foreign_request(wish).unwrap();
        assert!(matches!(CheckedRequest::parse(&request), Err(Error::AsksForAuthority)));
    }
}

#[test]
fn a_host_that_is_no_host_is_refused_when_asking() {
    let refused = KEY.request("https://node-7");
    assert!(
        matches!(&refused, Err(Error::BadHost { host }) if host == "https://node-7"),
        "{refused:?}"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,400}") {
        prop_assert!(CheckedRequest::parse(&text).is_err());
    }

    #[test]
    fn no_bytes_in_pem_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(CheckedRequest::parse(&pem(&bytes)).is_err());
    }

    #[test]
    fn a_changed_request_is_refused_or_still_for_the_same_key(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut changed = der(&REQUEST);
        for (at, byte) in changes {
            let at = at.index(changed.len());
            changed[at] = byte;
        }
        if let Some(cut) = cut {
            changed.truncate(cut.index(changed.len()));
        }
        if let Ok(checked) = CheckedRequest::parse(&pem(&changed)) {
            prop_assert_eq!(checked.public_key_hash(), KEY.public_key_hash());
        }
    }
}

fn der(pem: &str) -> Vec<u8> {
    x509_parser::pem::parse_x509_pem(pem.as_bytes())
        .expect("PEM")
        .1
        .contents
}

fn pem(der: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n")
}
