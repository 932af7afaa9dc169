//! `ksctl services status`: do the services of the appliance run. Needs no log-in, so that a node that is only half
//! there can be asked.

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Shows the services.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let answer = context
        .client()?
        .send_open(&Call::get("system/services/status"))
        .await?;
    context.printer.answer(&answer)
}
