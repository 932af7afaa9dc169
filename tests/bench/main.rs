//! Measures, and writes `docs/benchmarks.md`: `make bench`. Nothing here passes or fails by a time.
//!
//! Every figure is a ratio to a peer measured in the same run, in rounds that alternate, because a machine that others
//! use is only like itself. One file is one measurement; `servers.rs` makes the two servers that most of them use, and
//! `report.rs` writes what came out. `KEYS` in the environment is the number of keys of the join, 100,000 if absent.
//! With the argument `scale` it does another thing, `make scale`: see `scale/`.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON answers null for what is not there, and a node that is not there is a failed run"
)]

#[path = "../harness/mod.rs"]
#[expect(dead_code, reason = "the tests of clusters use the rest of it")]
mod harness;
#[path = "../load/mod.rs"]
mod load;

mod acknowledging;
mod delay;
mod drain;
mod figures;
mod idle;
mod joins;
mod machine;
mod report;
mod scale;
mod servers;
mod writes;

use std::io::Write as _;

use anyhow::{Context as _, Result};

use report::Section;
use servers::Servers;

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "scale") {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(scale::run());
    }
    let keys = match std::env::var("KEYS") {
        Ok(text) => text.parse().context("KEYS is not a number")?,
        Err(_) => 100_000,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let only = std::env::var("ONLY").ok();
    let report = runtime.block_on(measure(keys, only.as_deref()))?;
    match only {
        // A part is looked at; the whole is kept.
        Some(_) => std::io::stdout().write_all(report.as_bytes())?,
        None => std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks.md"), report)?,
    }
    Ok(())
}

/// Measures everything, or the one section that `ONLY` names.
async fn measure(keys: u64, only: Option<&str>) -> Result<String> {
    let wanted = |what: &str| {
        let is_wanted = only.is_none_or(|only| only == what);
        if is_wanted {
            say(what);
        }
        is_wanted
    };
    let mut sections: Vec<Section> = Vec::new();
    let machine = {
        let servers = Servers::start().await?;
        if wanted("writes") {
            sections.push(writes::measure(&servers).await?);
        }
        if wanted("drain") {
            sections.push(drain::measure(&servers).await?);
        }
        if wanted("delay") {
            sections.push(delay::measure(&servers).await?);
        }
        if wanted("ack") {
            sections.push(acknowledging::measure(&servers).await?);
        }
        machine::described(&servers.version().await?)?
    };
    if wanted("idle") {
        sections.push(idle::measure().await?);
    }
    if wanted("joins") {
        sections.push(joins::measure(keys).await?);
    }
    Ok(report::text(&machine, &sections))
}

/// Tells people what is going on.
fn say(what: &str) {
    // Nobody listens when this fails.
    writeln!(std::io::stderr(), "measuring: {what}").ok();
}
