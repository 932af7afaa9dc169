//! `ksctl vkeys list`: the versions of a key, the current one first.

use super::{OneKey, PATH};
use crate::client::Call;
use crate::commands::{Context, Page};
use crate::failure::Failure;
use crate::printer::tables::data;

/// Shows the list.
pub(crate) async fn run(context: &Context, page: Page, key: &OneKey) -> Result<(), Failure> {
    let call = key.named(page.of(Call::get(PATH)))?.action("versions");
    let answer = context.ask(&call).await?;
    context.printer.show(&answer, data::keys)
}
