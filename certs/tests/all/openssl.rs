//! PostgreSQL reads all of this through OpenSSL, so OpenSSL has to agree.

use std::path::PathBuf;
use std::process::{Command, Output};

use certs::{Authority, CheckedRequest, Identity, self_signed};
use tempfile::TempDir;

use crate::fixture::{CLUSTER, DAY, Fixture, NOW, template};

/// A folder with the fixture's files.
struct Files {
    dir: TempDir,
}

impl Files {
    fn new(files: &[(&str, &str)]) -> std::io::Result<Self> {
        let dir = TempDir::new()?;
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text)?;
        }
        Ok(Self { dir })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn openssl(&self, arguments: &[&str]) -> Output {
        Command::new("openssl")
            .args(arguments)
            .current_dir(self.dir.path())
            .output()
            .expect("this test needs the program openssl: apt-get install openssl")
    }

    fn verify(&self, arguments: &[&str]) -> Output {
        let at = NOW.to_string();
        let first = ["verify", "-x509_strict", "-attime", &at];
        self.openssl(&[&first, arguments].concat())
    }
}

fn assert_good(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

fn assert_refused(output: &Output, why: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains(why), "{output:?}");
}

#[test]
fn openssl_takes_a_node_for_server_and_client_at_its_address_and_nowhere_else() {
    let fixture = Fixture::new().unwrap();
    let files = Files::new(&[("ca", fixture.authority.cert_pem()), ("node", &fixture.cert)]).unwrap();
    for purpose in ["sslserver", "sslclient"] {
        assert_good(&files.verify(&["-purpose", purpose, "-verify_ip", "192.0.2.7", "-CAfile", "ca", "node"]));
    }
    let elsewhere = files.verify(&["-verify_ip", "192.0.2.8", "-CAfile", "ca", "node"]);
    assert_refused(&elsewhere, "IP address mismatch");
}

#[test]
fn openssl_refuses_a_node_of_another_authority() {
    let (one, two) = (Fixture::new().unwrap(), Fixture::new().unwrap());
    let files = Files::new(&[("ca", one.authority.cert_pem()), ("node", &two.cert)]).unwrap();
    assert!(!files.verify(&["-CAfile", "ca", "node"]).status.success());
}

#[test]
fn openssl_refuses_a_node_on_the_revocation_list_and_takes_one_that_is_not() {
    let fixture = Fixture::new().unwrap();
    let serial = Identity::from_pem(&fixture.cert).unwrap().serial;
    let list = |serials: &[String]| {
        fixture
            .authority
            .revocation_list(serials, NOW - 10, NOW + DAY, 1)
            .unwrap()
    };
    let files = Files::new(&[
        ("ca", fixture.authority.cert_pem()),
        ("node", &fixture.cert),
        ("empty", &list(&[])),
        ("revoked", &list(&[serial])),
    ])
    .unwrap();
    assert_good(&files.verify(&["-crl_check", "-CRLfile", "empty", "-CAfile", "ca", "node"]));
    let revoked = files.verify(&["-crl_check", "-CRLfile", "revoked", "-CAfile", "ca", "node"]);
    assert_refused(&revoked, "certificate revoked");
}

#[test]
fn openssl_takes_nodes_of_both_authorities_with_a_list_of_each() {
    let (fixture, next) = (
        Fixture::new().unwrap(),
        Authority::create(CLUSTER, NOW - DAY, NOW + DAY).unwrap(),
    );
    let renewed = next.issue(&fixture.request, &template()).unwrap();
    let list = |authority: &Authority| authority.revocation_list(&[], NOW - 10, NOW + DAY, 1).unwrap();
    let files = Files::new(&[
        ("ca", &format!("{}{}", fixture.authority.cert_pem(), next.cert_pem())),
        ("node", &fixture.cert),
        ("renewed", &renewed),
        ("lists", &format!("{}{}", list(&fixture.authority), list(&next))),
    ])
    .unwrap();
    // As PostgreSQL does it: the authorities themselves are looked up too.
    for node in ["node", "renewed"] {
        assert_good(&files.verify(&["-crl_check_all", "-CRLfile", "lists", "-CAfile", "ca", node]));
    }
}

#[test]
fn openssl_reads_our_keys_and_requests() {
    let fixture = Fixture::new().unwrap();
    let request = fixture.key.request("node-7.example.com").unwrap();
    let files = Files::new(&[("key", &fixture.key.to_pem()), ("request", &request)]).unwrap();
    assert_good(&files.openssl(&["req", "-verify", "-noout", "-in", "request"]));
    assert_good(&files.openssl(&["pkey", "-check", "-noout", "-in", "key"]));
}

#[test]
fn a_request_made_by_openssl_is_answered() {
    let files = Files::new(&[]).unwrap();
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
    let rest = ["-nodes", "-keyout", "key", "-subj", "/CN=postgres", "-out", "request"];
    assert_good(&files.openssl(&[&["req", "-new"][..], &curve, &rest].concat()));
    let request = std::fs::read_to_string(files.path("request")).unwrap();
    let checked = CheckedRequest::parse(&request).unwrap();

    let key = certs::NodeKey::from_pem(&std::fs::read_to_string(files.path("key")).unwrap()).unwrap();
    assert_eq!(checked.public_key_hash(), key.public_key_hash());
}

#[test]
fn openssl_takes_a_placeholder_for_its_own_hosts() {
    let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let (cert, key) = self_signed(&hosts, NOW - DAY, NOW + DAY).unwrap();
    let files = Files::new(&[("cert", &cert), ("key", &key)]).unwrap();
    let at = NOW.to_string();
    let names = ["-verify_hostname", "localhost", "-purpose", "sslserver"];
    assert_good(&files.openssl(&[&["verify", "-attime", &at][..], &names, &["-CAfile", "cert", "cert"]].concat()));
    assert_good(&files.openssl(&["pkey", "-check", "-noout", "-in", "key"]));
}
