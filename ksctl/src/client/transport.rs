//! TLS to the appliance: what is trusted, how long things may take.
//!
//! This file decides how certificates are checked: against the system's roots, or against `--cacert` alone, or not at
//! all with `--nosslverify`. Redirects are never followed: a token must not travel to where an answer points.

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, ClientBuilder};

use crate::failure::Failure;
use crate::input;
use crate::settings::Endpoint;

/// A host that does not take a connection for this long is not there; the whole request may take longer.
const CONNECT_SECONDS: u64 = 10;

/// The HTTP client for an endpoint.
pub(super) fn http(endpoint: &Endpoint) -> Result<reqwest::Client, Failure> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("ksctl/", env!("CARGO_PKG_VERSION")))
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(endpoint.timeout)
        .connect_timeout(endpoint.timeout.min(Duration::from_secs(CONNECT_SECONDS)));
    trust(builder, endpoint)?.build().map_err(|cause| {
        let cause = std::error::Error::source(&cause).map_or_else(|| cause.to_string(), ToString::to_string);
        Failure::internal(format!("cannot check certificates on this machine: {cause}"))
            .with_hint("install ca-certificates, give a CA with --cacert FILE, or skip the check with --nosslverify")
    })
}

fn trust(builder: ClientBuilder, endpoint: &Endpoint) -> Result<ClientBuilder, Failure> {
    if endpoint.nosslverify {
        return Ok(builder.tls_danger_accept_invalid_certs(true));
    }
    match &endpoint.cacert {
        Some(path) => Ok(builder.tls_certs_only(certificates(path)?)),
        None => Ok(builder),
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let wrong = || Failure::usage(format!("{} holds no certificate in PEM", input::name(path)));
    let certificates = Certificate::from_pem_bundle(input::read(path)?.as_bytes()).map_err(|_| wrong())?;
    if certificates.is_empty() {
        Err(wrong())
    } else {
        Ok(certificates)
    }
}
