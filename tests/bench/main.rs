//! Measures, and writes `docs/benchmarks.md`: `make bench`. Nothing here passes or fails by a time.
//!
//! Every figure is a ratio to a peer measured in the same run, in rounds that alternate, because a machine that others
//! use is only like itself. One file is one measurement; `servers.rs` makes the two servers that most of them use, and
//! `report.rs` writes what came out. `KEYS` in the environment is the number of keys of the join, 100,000 if absent.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON answers null for what is not there, and a node that is not there is a failed run"
)]

#[path = "../harness/mod.rs"]
#[expect(dead_code, reason = "the tests of clusters use the rest of it")]
mod harness;
#[path = "../load/mod.rs"]
mod load;

mod delay;
mod drain;
mod figures;
mod idle;
mod joins;
mod machine;
mod report;
mod servers;
mod writes;

use std::io::Write as _;

use anyhow::{Context as _, Result};

use report::Section;
use servers::Servers;

fn main() -> Result<()> {
    let keys = match std::env::var("KEYS") {
        Ok(text) => text.parse().context("KEYS is not a number")?,
        Err(_) => 100_000,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(measure(keys))?;
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks.md"), report)?;
    Ok(())
}

async fn measure(keys: u64) -> Result<String> {
    let mut sections: Vec<Section> = Vec::new();
    let machine = {
        let servers = Servers::start().await?;
        say("single-row writes");
        sections.push(writes::measure(&servers).await?);
        say("draining a backlog");
        sections.push(drain::measure(&servers).await?);
        say("replication delay");
        sections.push(delay::measure(&servers).await?);
        machine::described(&servers).await?
    };
    say("an idle cluster");
    sections.push(idle::measure().await?);
    say("a join under load");
    sections.push(joins::measure(keys).await?);
    Ok(report::text(&machine, &sections))
}

/// Tells people what is going on.
fn say(what: &str) {
    // Nobody listens when this fails.
    writeln!(std::io::stderr(), "measuring: {what}").ok();
}
