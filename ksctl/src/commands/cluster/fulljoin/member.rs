//! The member's part in `fulljoin`: is it ready, will it sign, does it count the new node.

use std::time::Duration;

use keystead::api::cluster::{ClusterInfo, NewNodeAnswer, NewNodeRequest};
use tokio::time::{Instant, sleep};

use crate::client::{Call, Client};
use crate::commands::cluster::reading::{Reading, read};
use crate::failure::Failure;
use crate::printer::Printer;

/// How often a member that cannot sign now is asked again, and for how long: another join may be under way.
const SIGN_EVERY: Duration = Duration::from_secs(2);
const SIGN_WITHIN: Duration = Duration::from_mins(5);

/// How often and how long a member is asked whether it counts the new node, which says it is ready already.
const COUNT_EVERY: Duration = Duration::from_millis(250);
const COUNT_WITHIN: Duration = Duration::from_mins(1);

/// How many nodes the member counts, which must be ready itself.
pub(super) async fn ready_count(member: &mut Client) -> Result<u64, Failure> {
    let info: ClusterInfo = member.send(&Call::get("cluster")).await?.parse()?;
    if read(&info.status.code) == Reading::Ready {
        return Ok(info.node_count.unwrap_or(0));
    }
    let failure = Failure::refused(format!(
        "the member {} is not ready: {}",
        member.url(),
        info.status.description
    ));
    Err(match info.status.reason {
        Some(reason) => failure.with_hint(reason),
        None if info.status.code == "none" => {
            failure.with_hint("`ksctl cluster new --host HOST` makes a cluster of it")
        }
        None => failure,
    })
}

/// Has the member sign the request, waiting while it cannot for now.
pub(super) async fn sign(
    member: &mut Client,
    request: &NewNodeRequest,
    printer: Printer,
) -> Result<NewNodeAnswer, Failure> {
    let call = Call::post("nodes", request)?;
    let began = Instant::now();
    loop {
        match member.send(&call).await {
            Ok(answer) => return answer.parse(),
            Err(failure) if failure.is_consensus_down() && began.elapsed() < SIGN_WITHIN => {
                printer.note(&format!("{failure}; trying again"));
                sleep(SIGN_EVERY).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Waits until the member counts `wanted` nodes. More is fine: others may join at the same time.
pub(super) async fn wait_for_count(member: &mut Client, wanted: u64) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        let seen = count(member).await;
        if matches!(seen, Ok(count) if count >= wanted) {
            return Ok(());
        }
        if began.elapsed() > COUNT_WITHIN {
            let counted = seen?;
            return Err(Failure::refused(format!(
                "the new node is ready, but the member counts {counted} nodes only"
            ))
            .with_hint("`ksctl cluster errors` on the member shows what is wrong between them"));
        }
        sleep(COUNT_EVERY).await;
    }
}

async fn count(member: &mut Client) -> Result<u64, Failure> {
    let info: ClusterInfo = member.send(&Call::get("cluster")).await?.parse()?;
    Ok(info.node_count.unwrap_or(0))
}
