//! `ksctl cluster ack`: who must have a write before it is acknowledged, for writes that do not say.

use keystead::api::cluster::AckRequest;

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

const PATH: &str = "cluster/ack";

/// Shows what is set and what it means.
pub(crate) async fn get(context: &Context) -> Result<(), Failure> {
    context.ask_and_show(&Call::get(PATH)).await
}

/// Sets it for the whole cluster, and shows it.
pub(crate) async fn set(context: &Context, request: &AckRequest) -> Result<(), Failure> {
    context.ask_and_show(&Call::patch(PATH, request)?).await
}
