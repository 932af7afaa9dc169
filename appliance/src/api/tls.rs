//! The certificate of the door for users: the operator's, or one that this node makes for itself on its first start.
//!
//! It has nothing to do with the certificates between nodes; those are of the cluster. When the operator exchanges the
//! files, connections that come after that get the new one ([`follow`]).

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use keystead::alarm::Alarm;
use keystead::clock::Micros;
use keystead::config::NodeConfig;
use keystead::{Error, Kind, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use zeroize::Zeroizing;

use crate::agent::Agent;
use crate::{durable, private_file};

/// What alarms call it.
const SUBJECT: &str = "rest";

/// How long a certificate of our own is good. Nobody vouches for it, so its end would only be a nuisance.
const GOOD_FOR_DAYS: i64 = 3650;
/// It is good from a day before it was made: clocks of clients differ.
const DAY: i64 = 86_400;

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(5);

/// Has the door use what is in the files, whenever that is another certificate. Files that cannot be used are told of once,
/// and what was used before stays.
pub(crate) async fn follow(agent: &Agent, door: &RustlsConfig) -> ! {
    let mut seen = content(&agent.config);
    loop {
        tokio::time::sleep(PERIOD).await;
        let now = content(&agent.config);
        if now.is_some() && now != seen {
            seen = now;
            match server_config(&agent.config, agent.clock.now()) {
                Ok(tls) => exchange(agent, door, tls),
                Err(error) => tracing::warn!(error = error.chain(), "the new certificate for users cannot be used"),
            }
        }
    }
}

/// What is in the files now, when both can be read.
fn content(config: &NodeConfig) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    let (certificate, key) = places(config);
    Some((fs::read(certificate).ok()?, Zeroizing::new(fs::read(key).ok()?)))
}

fn exchange(agent: &Agent, door: &RustlsConfig, tls: Arc<ServerConfig>) {
    door.reload_from_config(tls);
    tracing::info!("users get another certificate from now on");
    let text = "the certificate of this node's REST was exchanged";
    agent.alarms.raise(Alarm::CertificateRenewed, SUBJECT, text);
    agent.alarms.end(Alarm::CertificateRenewed, SUBJECT);
}

/// Where certificate and key are.
fn places(config: &NodeConfig) -> (PathBuf, PathBuf) {
    if let (Some(certificate), Some(key)) = (&config.rest.certificate, &config.rest.key) {
        return (certificate.clone(), key.clone());
    }
    let folder = config.data_dir.join("rest");
    (folder.join("rest.crt"), folder.join("rest.key"))
}

/// How the door speaks TLS: 1.2 or newer, HTTP/1.1.
pub(crate) fn server_config(config: &NodeConfig, now: Micros) -> Result<Arc<ServerConfig>> {
    let (certificate, key) = places(config);
    if config.rest.certificate.is_none() {
        make_own(config, now)?;
    }
    private_file::check(&key, None)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|wrong| unusable(&certificate, "a certificate chain", wrong))?;
    let private = PrivateKeyDer::from_pem_file(&key).map_err(|wrong| unusable(&key, "a private key", wrong))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|wrong| Error::internal("choosing TLS versions", wrong))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|wrong| unusable(&certificate, "a certificate for its key", wrong))?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}

/// Makes a certificate and key of this node's own, if they are not there.
fn make_own(config: &NodeConfig, now: Micros) -> Result<()> {
    let folder = config.data_dir.join("rest");
    let (certificate, key) = places(config);
    if certificate.exists() && key.exists() {
        return Ok(());
    }
    let now = now.0 / 1_000_000;
    let (certificate_pem, key_pem) =
        certs::self_signed(&names(config.rest.listen), now - DAY, now + GOOD_FOR_DAYS * DAY)
            .map_err(|cause| Error::internal("making a certificate for REST", cause))?;
    let unwritten =
        |cause| Error::new(Kind::Internal, format!("cannot write in {}", folder.display())).caused_by(cause);
    let folder_made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    folder_made.map_err(unwritten)?;
    // The certificate last: it says that both are there.
    durable::write(&key, key_pem.as_bytes(), 0o600).map_err(unwritten)?;
    durable::write(&certificate, certificate_pem.as_bytes(), 0o644).map_err(unwritten)?;
    tracing::info!(certificate = %certificate.display(), "made a self-signed certificate for REST");
    Ok(())
}

/// What users may call this node by.
fn names(listen: SocketAddr) -> Vec<String> {
    let host = host_name();
    let address = (!listen.ip().is_unspecified()).then(|| listen.ip().to_string());
    let mut names: Vec<String> = [host, "localhost".to_owned(), "127.0.0.1".to_owned()]
        .into_iter()
        .chain(address)
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// What the machine calls itself.
pub(crate) fn host_name() -> String {
    let name = nix::unistd::gethostname().ok();
    name.and_then(|name| name.into_string().ok()).unwrap_or_default()
}

fn unusable(path: &Path, what: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(
        Kind::InvalidParam,
        format!("{} is not {what} that can be used", path.display()),
    )
    .with_hint("rest.certificate and rest.key are files in PEM; the certificate is that of the key")
    .caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_800_000_000_000_000);

    #[test]
    fn a_node_makes_its_certificate_once() {
        let folder = tempfile::tempdir().unwrap();
        let config = NodeConfig::at(folder.path());
        let read = || fs::read(folder.path().join("rest/rest.crt")).unwrap_or_default();
        server_config(&config, NOW).unwrap();
        let made = read();
        server_config(&config, NOW).unwrap();
        assert!(!made.is_empty() && made == read());
    }

    #[test]
    fn a_key_without_its_certificate_is_the_rest_of_a_crash_and_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let config = NodeConfig::at(folder.path());
        server_config(&config, NOW).unwrap();
        fs::remove_file(folder.path().join("rest/rest.crt")).unwrap();
        server_config(&config, NOW).unwrap();
    }

    #[test]
    fn a_certificate_of_another_key_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = NodeConfig::at(folder.path());
        let path = |name: &str| folder.path().join(name);
        let make = || certs::self_signed(&["node1".to_owned()], 1_700_000_000, 1_900_000_000).unwrap();
        durable::write(&path("a.crt"), make().0.as_bytes(), 0o644).unwrap();
        durable::write(&path("b.key"), make().1.as_bytes(), 0o600).unwrap();
        config.rest.certificate = Some(path("a.crt"));
        config.rest.key = Some(path("b.key"));
        let refused = server_config(&config, NOW).unwrap_err();
        assert!(refused.to_string().contains("a.crt"), "{refused}");
    }

    #[test]
    fn a_host_name_and_an_address_to_listen_at_are_names_of_the_node() {
        let names = names("127.0.0.2:8443".parse().unwrap());
        assert!(
            names.contains(&"127.0.0.2".to_owned()) && names.contains(&"localhost".to_owned()),
            "{names:?}"
        );
        assert!(!super::names("0.0.0.0:443".parse().unwrap()).contains(&"0.0.0.0".to_owned()));
    }
}
