//! `ksctl cluster preflight`: the checks of a join, asked of both sides, and no join.
//!
//! It goes the way of [`super::fulljoin`] up to the last step. The list goes to standard output; the command ends badly
//! when a check failed. The ticket that the checks need is given back.

use keystead::api::preflight::{Outcome, PreflightReport, PreflightRequest};

use super::fulljoin::{Access, ticket};
use super::join::{Sides, request};
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;
use crate::printer::tables::cluster;

/// Makes the checks and shows them.
pub(crate) async fn run(context: &Context, (sides, access): &(Sides, Access)) -> Result<(), Failure> {
    let (mut node, given) = ticket(context, sides, access).await?;
    let asked = PreflightRequest {
        join: request(sides, given),
        give_back: true,
    };
    let answer = node.send(&Call::post("cluster/preflight", &asked)?).await?;
    let report: PreflightReport = answer.parse()?;
    context.printer.show(&answer, cluster::preflight)?;
    judged(&report)
}

fn judged(report: &PreflightReport) -> Result<(), Failure> {
    let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    let failed: Vec<&str> = failed.map(|check| check.name.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!("the node cannot join: {}", failed.join(", ")))
        .with_hint("the list says why, and the way out"))
}
