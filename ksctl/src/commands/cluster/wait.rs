//! `ksctl cluster wait`: returns when every member has everything that the asked node had when it was asked.
//!
//! One call of the appliance waits some seconds; this file asks on until the time of `--timeout` is up.

use std::time::Duration;

use keystead::api::wait::{WaitAnswer, WaitRequest};
use tokio::time::Instant;

use crate::client::{Answer, Call, Client};
use crate::commands::Context;
use crate::failure::Failure;
use crate::settings::Endpoint;

/// Longer than one call waits, so that its end is always heard.
const ONE_CALL: Duration = Duration::from_secs(30);

/// Waits, then shows who has it since when.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let patience = context.settings.endpoint.timeout;
    let endpoint = Endpoint {
        timeout: patience.max(ONE_CALL),
        ..context.settings.endpoint.clone()
    };
    let client = Client::new(&endpoint, context.asker)?;
    context.printer.answer(&until_everywhere(client, patience).await?)
}

async fn until_everywhere(mut client: Client, patience: Duration) -> Result<Answer, Failure> {
    let end = Instant::now() + patience;
    let mut request = WaitRequest::default();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        // Rounded up, so that the last call ends with the word of the appliance.
        request.timeout_seconds = Some(left.as_millis().div_ceil(1000).try_into().unwrap_or(u32::MAX));
        let answer = client.send(&Call::post("cluster/wait", &request)?).await?;
        let said: WaitAnswer = answer.parse()?;
        if said.everywhere {
            return Ok(answer);
        }
        request.up_to = Some(said.up_to);
    }
}
