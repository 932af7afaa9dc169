//! `ksctl cluster new`: makes a cluster of one node. The node's data stays.

use keystead::api::cluster::NewClusterRequest;

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Makes the cluster and shows it.
pub(crate) async fn run(context: &Context, request: &NewClusterRequest) -> Result<(), Failure> {
    context.ask_and_show(&Call::post("cluster/new", request)?).await
}
