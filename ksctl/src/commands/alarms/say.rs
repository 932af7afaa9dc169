//! `ksctl alarms acknowledge` and `ksctl alarms clear`: what a user says to one alarm.

use super::PATH;
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Says it, and shows the alarm as it is then.
pub(crate) async fn run(context: &Context, id: &str, what: &'static str) -> Result<(), Failure> {
    let call = Call::post_text(PATH, "{}".to_owned()).action(what);
    context.ask_of(PATH, id, call).await
}
