//! `ksctl cluster lanes`: how many workers apply what one node sends.

use keystead::api::cluster::LanesRequest;

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

const PATH: &str = "cluster/lanes";

/// Shows what is set and what the node does.
pub(crate) async fn get(context: &Context) -> Result<(), Failure> {
    context.ask_and_show(&Call::get(PATH)).await
}

/// Sets it for the whole cluster, and shows it.
pub(crate) async fn set(context: &Context, request: &LanesRequest) -> Result<(), Failure> {
    context.ask_and_show(&Call::patch(PATH, request)?).await
}
