//! `ksctl cluster csr`: the first of the three steps of a join, on the joining node.
//!
//! The key is made on the node and never leaves it; what comes back is the request for its certificate. Next:
//! [`crate::commands::nodes::create`].

use std::path::PathBuf;

use keystead::api::cluster::{CsrAnswer, CsrRequest};

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;
use crate::output::{self, Reader};

/// Where the request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// To standard output, as JSON.
    Json,
    /// To standard output, in PEM.
    Pem,
    /// Into a file, in PEM.
    File(PathBuf),
}

/// Gets the request and puts it where it is wanted.
pub(crate) async fn run(context: &Context, request: &CsrRequest, output: &Output) -> Result<(), Failure> {
    let answer = context.ask(&Call::post("cluster/csr", request)?).await?;
    match output {
        Output::Json => context.printer.document(&answer),
        Output::Pem => context.printer.raw(&answer.parse::<CsrAnswer>()?.csr),
        Output::File(path) => {
            output::write(path, answer.parse::<CsrAnswer>()?.csr.as_bytes(), Reader::Everybody)?;
            context
                .printer
                .note(&format!("the request is in {}", output::name(path)));
            Ok(())
        }
    }
}
