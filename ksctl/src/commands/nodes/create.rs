//! `ksctl cluster nodes create`: the second of the three steps of a join, on a member.
//!
//! Before it comes `cluster csr`; what it prints is what `cluster join --ticketfile` takes.

use std::path::PathBuf;

use keystead::api::cluster::{CsrAnswer, NewNodeRequest};

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;
use crate::input;

/// Where the request of the joining node is.
#[derive(Debug)]
pub(crate) enum Csr {
    /// On the command line.
    Given(String),
    /// In a file.
    File(PathBuf),
}

/// Has the request signed and shows what the joining node needs.
pub(crate) async fn run(context: &Context, csr: &Csr, request: NewNodeRequest) -> Result<(), Failure> {
    let csr = match csr {
        Csr::Given(text) => pem(text, "--csr")?,
        Csr::File(path) => pem(&input::read(path)?, &input::name(path))?,
    };
    let request = NewNodeRequest {
        csr: Some(csr),
        ..request
    };
    let ticket = context.ask(&Call::post("nodes", &request)?).await?;
    context.printer.document(&ticket)
}

/// The request in PEM, out of PEM or out of the JSON that `cluster csr` prints.
fn pem(text: &str, place: &str) -> Result<String, Failure> {
    if let Ok(answer) = serde_json::from_str::<CsrAnswer>(text) {
        return Ok(answer.csr);
    }
    if text.trim_start().starts_with("-----BEGIN ") {
        return Ok(text.to_owned());
    }
    Err(Failure::usage(format!(
        "{place} holds neither PEM nor the JSON of `ksctl cluster csr`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_bare_or_as_it_was_printed() {
        let bare = "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n";
        let printed = serde_json::json!({ "csr": bare }).to_string();
        assert_eq!(pem(bare, "csr.pem").unwrap(), bare);
        assert_eq!(pem(&printed, "csr.json").unwrap(), bare);
    }

    #[test]
    fn anything_else_is_refused_before_it_is_sent() {
        for wrong in ["", "{}", r#"{"cert":"x"}"#, "hello"] {
            let failure = pem(wrong, "csr.pem").unwrap_err();
            assert!(
                failure.to_string().starts_with("csr.pem holds neither PEM nor"),
                "{wrong:?}: {failure}"
            );
        }
    }
}
