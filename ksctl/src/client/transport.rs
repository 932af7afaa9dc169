//! TLS to the appliance: what is trusted, how long things may take.
//!
//! This file decides how certificates are checked: against the system's roots, or against `--cacert` alone, or not at
//! all with `--nosslverify`. Which proxy is on the way is decided in [`crate::settings::proxy`]. Redirects are never followed: a token must not travel to where an answer points.

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, ClientBuilder};

use crate::failure::Failure;
use crate::input;
use crate::settings::Endpoint;
use crate::settings::proxy::Proxy;

/// A host that does not take a connection for this long is not there; the whole request may take longer.
const CONNECT_SECONDS: u64 = 10;

/// The HTTP client for an endpoint that is reached by `proxy`, or by itself.
pub(super) fn http(endpoint: &Endpoint, proxy: Option<&Proxy>) -> Result<reqwest::Client, Failure> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("ksctl/", env!("CARGO_PKG_VERSION")))
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(endpoint.timeout)
        .connect_timeout(endpoint.timeout.min(Duration::from_secs(CONNECT_SECONDS)));
    // The environment was read with the other settings: nothing else looks at it.
    let builder = match proxy {
        None => builder.no_proxy(),
        Some(proxy) => builder.no_proxy().proxy(all_by(proxy)?),
    };
    trust(builder, endpoint)?.build().map_err(|cause| {
        let cause = std::error::Error::source(&cause).map_or_else(|| cause.to_string(), ToString::to_string);
        Failure::internal(format!("cannot check certificates on this machine: {cause}"))
            .with_hint("install ca-certificates, give a CA with --cacert FILE, or skip the check with --nosslverify")
    })
}

fn all_by(proxy: &Proxy) -> Result<reqwest::Proxy, Failure> {
    reqwest::Proxy::all(proxy.url.clone())
        .map_err(|cause| Failure::usage(format!("cannot use the proxy {}: {cause}", proxy.described())))
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
