//! Which certificates are believed.

use std::sync::LazyLock;

use certs::{Authority, CERTIFICATE_LIMIT, Error, NodeKey, check_issued, self_signed};
use proptest::prelude::*;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair};

use crate::fixture::{CLUSTER, DAY, Fixture, NODE, NOW, template};

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| Fixture::new().expect("a fixture"));

fn check(cert: &str, chain: &str, now: i64) -> certs::Result<certs::Identity> {
    check_issued(cert, chain, &FIXTURE.key.public_key_hash(), now)
}

#[test]
fn a_certificate_of_the_authority_for_this_key_is_believed() {
    let identity = check(&FIXTURE.cert, FIXTURE.authority.cert_pem(), NOW).unwrap();
    assert_eq!(
        (identity.node_id.as_str(), identity.cluster_id.as_str()),
        (NODE, CLUSTER)
    );
}

#[test]
fn a_certificate_of_another_authority_is_refused_even_one_of_the_same_name() {
    let twin = Authority::create(CLUSTER, NOW - DAY, NOW + DAY).unwrap();
    let refused = check(&FIXTURE.cert, twin.cert_pem(), NOW);
    assert!(matches!(refused, Err(Error::OtherAuthority)), "{refused:?}");
    let stranger = Authority::create("another", NOW - DAY, NOW + DAY).unwrap();
    let refused = check(&FIXTURE.cert, stranger.cert_pem(), NOW);
    assert!(matches!(refused, Err(Error::OtherAuthority)), "{refused:?}");
}

#[test]
fn while_the_authority_is_exchanged_certificates_of_both_are_believed() {
    let next = Authority::create(CLUSTER, NOW - DAY, NOW + DAY).unwrap();
    let both = format!("{}{}", FIXTURE.authority.cert_pem(), next.cert_pem());
    let renewed = next.issue(&FIXTURE.request, &template()).unwrap();
    for cert in [&FIXTURE.cert, &renewed] {
        assert_eq!(check(cert, &both, NOW).unwrap().node_id, NODE);
    }
    assert!(next.has_issued(&renewed).unwrap() && !next.has_issued(&FIXTURE.cert).unwrap());
    // The old one may have ended: it counts for its own certificates alone.
    let late = NOW + 2 * DAY;
    assert!(check(&FIXTURE.cert, &both, late).is_ok());
    assert!(matches!(check(&renewed, &both, late), Err(Error::Expired { .. })));
}

#[test]
fn what_is_installed_of_a_chain_is_its_authorities_alone() {
    let next = Authority::create(CLUSTER, NOW - DAY, NOW + DAY).unwrap();
    let both = format!("{}{}", FIXTURE.authority.cert_pem(), next.cert_pem());
    let beside = format!(
        "first:\n{}\r\nthen:\n{}end\n",
        FIXTURE.authority.cert_pem(),
        next.cert_pem()
    );
    assert_eq!(certs::plain_chain(&both).unwrap(), both, "as our authorities write it");
    assert_eq!(certs::plain_chain(&beside).unwrap(), both);
    assert_eq!(certs::chain_hash(&beside).unwrap(), certs::chain_hash(&both).unwrap());
    let turned = format!("{}{}", next.cert_pem(), FIXTURE.authority.cert_pem());
    assert_ne!(certs::chain_hash(&turned).unwrap(), certs::chain_hash(&both).unwrap());
    assert!(matches!(certs::plain_chain(&FIXTURE.cert), Err(Error::NotAnAuthority)));
}

#[test]
fn a_certificate_names_the_address_and_the_node() {
    let identity = certs::Identity::from_pem(&FIXTURE.cert).unwrap();
    assert!(identity.names_node);
    assert_eq!(identity.hosts, [template().host]);
    let former = issue_by_hand(|params| {
        params.distinguished_name.push(DnType::OrganizationName, CLUSTER);
        params.distinguished_name.push(DnType::CommonName, NODE);
        params.subject_alt_names = vec![rcgen::SanType::IpAddress([192, 0, 2, 7].into())];
    });
    let identity = certs::Identity::from_pem(&former.unwrap()).unwrap();
    assert!(!identity.names_node && identity.hosts == ["192.0.2.7"]);
}

#[test]
fn nobody_gets_a_certificate_for_the_name_of_another_node() {
    let mut template = template();
    template.host = certs::node_name("another");
    let refused = FIXTURE.authority.issue(&FIXTURE.request, &template);
    assert!(matches!(refused, Err(Error::NameOfNode { .. })), "{refused:?}");
}

#[test]
fn authorities_of_two_clusters_are_no_chain() {
    let stranger = Authority::create("another", NOW - DAY, NOW + DAY).unwrap();
    let both = format!("{}{}", FIXTURE.authority.cert_pem(), stranger.cert_pem());
    let refused = check(&FIXTURE.cert, &both, NOW);
    assert!(matches!(refused, Err(Error::OtherCluster { .. })), "{refused:?}");
}

#[test]
fn a_certificate_for_another_key_is_refused() {
    let other = NodeKey::generate().unwrap();
    let refused = check_issued(
        &FIXTURE.cert,
        FIXTURE.authority.cert_pem(),
        &other.public_key_hash(),
        NOW,
    );
    assert!(
        matches!(refused, Err(Error::OtherKey { thing: "certificate" })),
        "{refused:?}"
    );
}

#[test]
fn an_expired_certificate_is_refused_and_says_since_when() {
    let end = NOW + 365 * DAY;
    assert!(check(&FIXTURE.cert, FIXTURE.authority.cert_pem(), end).is_ok());
    let refused = check(&FIXTURE.cert, FIXTURE.authority.cert_pem(), end + 1);
    assert!(
        matches!(refused, Err(Error::Expired { thing: "certificate", since }) if since == end),
        "{refused:?}"
    );
}

#[test]
fn a_certificate_of_tomorrow_is_refused() {
    let refused = check(&FIXTURE.cert, FIXTURE.authority.cert_pem(), NOW - 301);
    assert!(
        matches!(
            refused,
            Err(Error::NotYetValid {
                thing: "certificate",
                ..
            })
        ),
        "{refused:?}"
    );
}

#[test]
fn an_expired_authority_is_refused() {
    let authority = Authority::create(CLUSTER, NOW - DAY, NOW - 1).unwrap();
    let cert = authority.issue(&FIXTURE.request, &template()).unwrap();
    let refused = check(&cert, authority.cert_pem(), NOW);
    assert!(
        matches!(
            refused,
            Err(Error::Expired {
                thing: "certificate chain",
                ..
            })
        ),
        "{refused:?}"
    );
}

#[test]
fn a_chain_that_is_no_authority_is_refused() {
    let (placeholder, _) = self_signed(&["localhost".to_owned()], NOW - DAY, NOW + DAY).unwrap();
    for chain in [&placeholder, &FIXTURE.cert] {
        let refused = check(&FIXTURE.cert, chain, NOW);
        assert!(matches!(refused, Err(Error::NotAnAuthority)), "{refused:?}");
    }
}

#[test]
fn a_certificate_that_names_another_cluster_than_its_authority_is_refused() {
    let cert = issue_by_hand(|params| params.distinguished_name.push(DnType::OrganizationName, "another")).unwrap();
    let refused = check(&cert, FIXTURE.authority.cert_pem(), NOW);
    assert!(
        matches!(refused, Err(Error::OtherCluster { thing: "certificate" })),
        "{refused:?}"
    );
}

#[test]
fn a_certificate_for_one_end_of_a_connection_is_refused() {
    let cert = issue_by_hand(|params| {
        params.distinguished_name.push(DnType::OrganizationName, CLUSTER);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    })
    .unwrap();
    let refused = check(&cert, FIXTURE.authority.cert_pem(), NOW);
    assert!(matches!(refused, Err(Error::WrongPurpose)), "{refused:?}");
}

#[test]
fn the_authority_itself_is_no_node() {
    let key = NodeKey::from_pem(&FIXTURE.authority.key_pem()).unwrap();
    let chain = FIXTURE.authority.cert_pem();
    let refused = check_issued(chain, chain, &key.public_key_hash(), NOW);
    assert!(matches!(refused, Err(Error::WrongPurpose)), "{refused:?}");
}

#[test]
fn what_is_not_one_certificate_is_refused() {
    let chain = FIXTURE.authority.cert_pem();
    let both = format!("{}{chain}", FIXTURE.cert);
    assert!(matches!(
        check(&both, chain, NOW),
        Err(Error::SeveralBlocks { thing: "certificate" })
    ));
    assert!(matches!(check(&FIXTURE.cert, &both, NOW), Err(Error::NotAnAuthority)));
    assert!(matches!(
        check("", chain, NOW),
        Err(Error::NotPem {
            thing: "certificate",
            ..
        })
    ));
    assert!(matches!(
        check(&FIXTURE.cert, "", NOW),
        Err(Error::NotPem {
            thing: "certificate chain",
            ..
        })
    ));
    let large = "x".repeat(CERTIFICATE_LIMIT + 1);
    assert!(matches!(
        check(&large, chain, NOW),
        Err(Error::TooLarge {
            thing: "certificate",
            ..
        })
    ));
    assert!(matches!(
        check(&FIXTURE.cert, &large, NOW),
        Err(Error::TooLarge {
            thing: "certificate chain",
            ..
        })
    ));
}

proptest! {
    #[test]
    fn a_changed_certificate_or_chain_is_refused_or_says_the_same(
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[A-Za-z0-9+/=\n-]"), 1..4),
        of_chain in any::<bool>(),
    ) {
        let (mut cert, mut chain) = (FIXTURE.cert.clone(), FIXTURE.authority.cert_pem().to_owned());
        let changed = if of_chain { &mut chain } else { &mut cert };
        for (at, text) in changes {
            let at = at.index(changed.len());
            changed.replace_range(at..=at, &text);
        }
        let expected = check(&FIXTURE.cert, FIXTURE.authority.cert_pem(), NOW).expect("the unchanged one is good");
        if let Ok(identity) = check(&cert, &chain, NOW) {
            prop_assert_eq!(identity, expected);
        }
    }
}

/// A certificate signed by the fixture's authority that its own code would never issue, for the fixture's key.
fn issue_by_hand(change: impl FnOnce(&mut CertificateParams)) -> Result<String, rcgen::Error> {
    let key = KeyPair::from_pem(&FIXTURE.key.to_pem())?;
    let signer = KeyPair::from_pem(&FIXTURE.authority.key_pem())?;
    let issuer = Issuer::from_ca_cert_pem(FIXTURE.authority.cert_pem(), signer)?;
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    Ok(params.signed_by(&key, &issuer)?.pem())
}
