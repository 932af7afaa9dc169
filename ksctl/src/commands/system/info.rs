//! `ksctl system info get`: what the appliance is.

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Where an appliance says what it is.
pub(crate) const PATH: &str = "system/info";

/// Shows it.
pub(crate) async fn get(context: &Context) -> Result<(), Failure> {
    context.ask_and_show(&Call::get(PATH)).await
}
