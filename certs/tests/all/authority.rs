//! What the authority issues.

use certs::{Authority, CERTIFICATE_LIMIT, CheckedRequest, Error, Identity, hex, self_signed};
use rcgen::{DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::fixture::{self, CLUSTER, DAY, Fixture, NODE, NOW, foreign_request, template};

#[test]
fn a_certificate_says_what_the_template_says() {
    let fixture = Fixture::new().unwrap();
    let identity = Identity::from_pem(&fixture.cert).unwrap();
    assert_eq!(identity.node_id, NODE);
    assert_eq!(identity.cluster_id, CLUSTER);
    assert_eq!(identity.hosts, ["192.0.2.7"]);
    assert_eq!((identity.not_before, identity.not_after), (NOW - 300, NOW + 365 * DAY));
    assert_eq!(identity.public_key_hash, fixture.key.public_key_hash());
    assert_eq!(identity.serial.len(), 32);
}

#[test]
fn a_host_becomes_an_address_or_a_dns_name() {
    let fixture = Fixture::new().unwrap();
    for host in ["2001:db8::7", "127.0.0.2", "node-7.example.com"] {
        let mut template = template();
        host.clone_into(&mut template.host);
        let cert = fixture.authority.issue(&fixture.request, &template).unwrap();
        assert_eq!(Identity::from_pem(&cert).unwrap().hosts, [host]);
    }
}

#[test]
fn nothing_of_the_request_but_its_key_gets_into_the_certificate() {
    let (request, key) = foreign_request(|params| {
        params.distinguished_name.push(DnType::CommonName, "postgres");
        params
            .distinguished_name
            .push(DnType::OrganizationName, "another cluster");
        params.subject_alt_names = vec![SanType::DnsName("evil.example.com".try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    })
    .unwrap();
    let checked = CheckedRequest::parse(&request).unwrap();
    let fixture = Fixture::new().unwrap();
    let pem = fixture.authority.issue(&checked, &template()).unwrap();

    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    for word in ["postgres", "another cluster", "evil"] {
        assert!(
            !block
                .contents
                .windows(word.len())
                .any(|window| window == word.as_bytes()),
            "{word} got in"
        );
    }
    let cert = block.parse_x509().unwrap();
    assert_eq!(cert.public_key().raw, key);
    let usage = cert.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && usage.key_agreement());
    assert!(!usage.key_encipherment() && !usage.key_cert_sign() && !usage.crl_sign());
    let extended = cert.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && extended.client_auth && !extended.code_signing);
    assert!(!cert.is_ca());
}

#[test]
fn two_certificates_of_one_node_have_two_serial_numbers() {
    let fixture = Fixture::new().unwrap();
    let again = fixture.authority.issue(&fixture.request, &template()).unwrap();
    let serial = |pem: &str| Identity::from_pem(pem).unwrap().serial;
    assert_ne!(serial(&fixture.cert), serial(&again));
}

#[test]
fn a_template_that_is_not_for_this_cluster_or_not_fit_for_a_certificate_is_refused() {
    let fixture = Fixture::new().unwrap();
    let issue = |change: fn(&mut certs::NodeTemplate)| {
        let mut template = template();
        change(&mut template);
        fixture.authority.issue(&fixture.request, &template)
    };
    let refused = issue(|template| template.cluster_id.push('0'));
    assert!(matches!(refused, Err(Error::OtherCluster { .. })), "{refused:?}");
    let refused = issue(|template| template.node_id = "node 7".to_owned());
    assert!(matches!(refused, Err(Error::BadName { .. })), "{refused:?}");
    let refused = issue(|template| template.host = "node 7".to_owned());
    assert!(matches!(refused, Err(Error::BadHost { .. })), "{refused:?}");
    let refused = issue(|template| template.not_after = template.not_before);
    assert!(matches!(refused, Err(Error::BadValidity)), "{refused:?}");
}

#[test]
fn an_authority_kept_as_pem_goes_on_issuing() {
    let fixture = Fixture::new().unwrap();
    let again = Authority::from_pem(fixture.authority.cert_pem(), &fixture.authority.key_pem()).unwrap();
    assert_eq!(again.cluster_id(), CLUSTER);
    let cert = again.issue(&fixture.request, &template()).unwrap();
    let chain = fixture.authority.cert_pem();
    assert!(certs::check_issued(&cert, chain, &fixture.key.public_key_hash(), NOW).is_ok());
}

#[test]
fn an_authority_with_another_key_or_without_authority_is_refused() {
    let fixture = Fixture::new().unwrap();
    let foreign = Authority::from_pem(fixture.authority.cert_pem(), &fixture.key.to_pem());
    assert!(matches!(foreign, Err(Error::OtherKey { .. })), "{foreign:?}");
    let node = Authority::from_pem(&fixture.cert, &fixture.key.to_pem());
    assert!(matches!(node, Err(Error::NotAnAuthority)), "{node:?}");
    let large = Authority::from_pem(&"x".repeat(CERTIFICATE_LIMIT + 1), &fixture.key.to_pem());
    assert!(matches!(large, Err(Error::TooLarge { .. })), "{large:?}");
}

#[test]
fn an_authority_never_shows_its_private_half() {
    let fixture = Fixture::new().unwrap();
    assert!(!fixture::shows_secret_of(
        &fixture.authority.key_pem(),
        &format!("{:?}", fixture.authority)
    ));
}

#[test]
fn a_revocation_list_names_the_serial_numbers_of_certificates() {
    let fixture = Fixture::new().unwrap();
    let serial = Identity::from_pem(&fixture.cert).unwrap().serial;
    let pem = fixture
        .authority
        .revocation_list(std::slice::from_ref(&serial), NOW, NOW + DAY, 7)
        .unwrap();
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    assert_eq!(block.label, "X509 CRL");
    let (_, list) = CertificateRevocationList::from_der(&block.contents).unwrap();
    let revoked: Vec<_> = list
        .iter_revoked_certificates()
        .map(|entry| hex(entry.raw_serial()))
        .collect();
    assert_eq!(revoked, [serial]);
    assert_eq!(list.crl_number(), Some(&7_u32.into()));
}

#[test]
fn a_revocation_list_of_something_else_is_refused() {
    let fixture = Fixture::new().unwrap();
    for serial in ["", "0", "zz", "41:42", &"41".repeat(21)] {
        let refused = fixture
            .authority
            .revocation_list(&[serial.to_owned()], NOW, NOW + DAY, 1);
        assert!(
            matches!(refused, Err(Error::BadSerial { .. })),
            "{serial:?}: {refused:?}"
        );
    }
    let ends_before_it_begins = fixture.authority.revocation_list(&[], NOW, NOW, 1);
    assert!(matches!(ends_before_it_begins, Err(Error::BadValidity)));
}

#[test]
fn a_placeholder_needs_a_host() {
    assert!(matches!(self_signed(&[], NOW, NOW + DAY), Err(Error::BadHost { .. })));
    assert!(matches!(
        self_signed(&["a b".to_owned()], NOW, NOW + DAY),
        Err(Error::BadHost { .. })
    ));
}
