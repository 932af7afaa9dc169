//! `ksctl cluster certificates` and `ksctl cluster rotate-ca`: the certificates between nodes.

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Shows what there is.
pub(crate) async fn list(context: &Context) -> Result<(), Failure> {
    context.ask_and_show(&Call::get("cluster/certificates")).await
}

/// Renews the certificate of the node that is asked, and shows what there is then.
pub(crate) async fn renew(context: &Context) -> Result<(), Failure> {
    order(context, "cluster/certificates/renew").await
}

/// Begins an exchange of the authority, and shows whom it waits for.
pub(crate) async fn rotate_ca(context: &Context) -> Result<(), Failure> {
    order(context, "cluster/rotate-ca").await
}

async fn order(context: &Context, path: &'static str) -> Result<(), Failure> {
    context.ask_and_show(&Call::post_text(path, "{}".to_owned())).await
}
