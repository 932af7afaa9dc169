//! `make fuzz-api`: a node is asked everything that `docs/api/openapi.json` allows, and what it does not allow.
//!
//! Schemathesis makes the requests and judges the answers: `schemathesis.toml` says by what, `hooks.py` what the document
//! cannot say and what is left out, with the reason. The node is one of its own and is gone when this ends.

use std::env;
use std::process::Stdio;

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::harness::cluster::Lab;
use crate::harness::node::PASSWORD;

/// Where this file and what it hands over are.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz_api");

/// Put there by `tests/deps.sh fuzz`.
const SCHEMATHESIS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/schemathesis/bin/st");

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api/openapi.json");

/// What was chosen with `make fuzz-api NAME=`, or this.
fn chosen(name: &str, otherwise: &str) -> String {
    let value = env::var(name).ok().filter(|value| !value.is_empty());
    value.unwrap_or_else(|| otherwise.to_owned())
}

#[tokio::test]
#[ignore = "takes minutes and needs Schemathesis: make fuzz-api"]
async fn what_the_document_allows_is_taken_and_what_it_does_not_is_refused() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    // The only member of a cluster: it takes every call, and may leave.
    node.json(&["cluster", "new", "--host", &node.address.to_string()])
        .await?;
    let (url, trusted) = (node.url(), node.rest_certificate());
    let mut fuzzer = Command::new(SCHEMATHESIS);
    fuzzer
        .args(["--config-file", &format!("{HERE}/schemathesis.toml")])
        .args(["run", DOCUMENT, "--url", &url, "--no-color"])
        .args(["--seed", &chosen("FUZZ_SEED", "1")])
        .args(["--max-examples", &chosen("FUZZ_EXAMPLES", "20")])
        .env("FUZZ_HOOKS", format!("{HERE}/hooks.py"))
        .env("FUZZ_URL", &url)
        .env("FUZZ_TRUSTED", &trusted)
        .env("FUZZ_USERNAME", "admin")
        .env("FUZZ_PASSWORD", PASSWORD)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // What it keeps beside goes with the node.
        .current_dir(lab.folder_with("fuzz", "empty", "")?)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = fuzzer.status().await?;
    ensure!(
        ended.success(),
        "Schemathesis found what is told above; again: make fuzz-api SEED={}",
        chosen("FUZZ_SEED", "1")
    );
    // It must have been there to the end, and the same.
    node.json(&["keys", "list"]).await?;
    Ok(())
}
