//! `ksctl cluster verify`: names the rows that the asked node and another do not have alike, and has them mended.
//!
//! The report goes to standard output, whatever it says. Then the command ends badly unless every member was compared
//! and holds the same data in the end.

use std::time::Duration;

use keystead::api::verify::{VerifyReport, VerifyRequest, VerifyState};
use tokio::time::sleep;

use crate::client::{Answer, Call};
use crate::commands::Context;
use crate::failure::Failure;
use crate::printer::tables::cluster;

/// How often to ask for the end of a verification that takes long.
const EVERY: Duration = Duration::from_secs(1);

/// Begins a verification, waits for its end and shows what it found.
pub(crate) async fn run(context: &Context, repair: bool) -> Result<(), Failure> {
    let (answer, report) = until_done(context, repair).await?;
    context.printer.show(&answer, cluster::verified)?;
    judged(&report)
}

async fn until_done(context: &Context, repair: bool) -> Result<(Answer, VerifyReport), Failure> {
    let mut client = context.client()?;
    let mut answer = client
        .send(&Call::post("cluster/verify", &VerifyRequest { repair })?)
        .await?;
    loop {
        let report: VerifyReport = answer.parse()?;
        if report.state != VerifyState::Running {
            return Ok((answer, report));
        }
        sleep(EVERY).await;
        answer = client.send(&Call::get("cluster/verify")).await?;
    }
}

fn judged(report: &VerifyReport) -> Result<(), Failure> {
    if let Some(error) = &report.error {
        return Err(Failure::refused(format!("the verification was cut off: {error}")));
    }
    let differing: u64 = report.members.iter().map(|member| member.differing_rows).sum();
    if differing > 0 && report.repair {
        return Err(Failure::refused(format!("{differing} rows differ still"))
            .with_hint("run it again, also on another member; the report says what was done to each row"));
    }
    if differing > 0 {
        return Err(Failure::refused(format!("{differing} rows differ")).with_hint("--repair mends them"));
    }
    let missed = report.members.iter().filter(|member| member.up_to.is_none());
    let missed: Vec<String> = missed
        .map(|member| {
            format!(
                "{} ({})",
                member.host,
                member.reason.as_deref().unwrap_or("no reason given")
            )
        })
        .collect();
    if missed.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!("not compared: {}", missed.join(", "))).with_hint("run it again when they are back"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(member: &Value, repair: bool) -> Option<String> {
        let report = json!({"state": "done", "repair": repair, "startedAt": "2027-01-15T12:00:00Z", "endedAt": null,
            "members": [member], "differences": [], "notListed": 0});
        let report: VerifyReport = serde_json::from_value(report).unwrap();
        judged(&report).err().map(|failure| failure.to_string())
    }

    #[test]
    fn it_ends_well_only_when_every_member_was_compared_and_holds_the_same() {
        let mut member = json!({"nodeID": "78f3f9e6b0c14f1e9d52a3c7be713c02", "host": "node-2", "outcome": "equal",
            "upTo": "2027-01-15T12:00:00Z", "differingRows": 0});
        assert_eq!(told(&member, false), None);
        member["differingRows"] = json!(3);
        assert_eq!(told(&member, false).unwrap(), "3 rows differ");
        assert_eq!(told(&member, true).unwrap(), "3 rows differ still");
        member["differingRows"] = json!(0);
        member["upTo"] = Value::Null;
        member["reason"] = json!("it cannot be reached");
        assert_eq!(
            told(&member, false).unwrap(),
            "not compared: node-2 (it cannot be reached)"
        );
    }
}
