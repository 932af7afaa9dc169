//! `ksctl alarms get`: one alarm.

use super::PATH;
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Shows the alarm.
pub(crate) async fn run(context: &Context, id: &str) -> Result<(), Failure> {
    context.ask_of(PATH, id, Call::get(PATH)).await
}
