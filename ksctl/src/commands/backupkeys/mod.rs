//! `ksctl backupkeys …`: the keys that open backups. `files.rs` brings them away and back.

pub(crate) mod files;

use keystead::api::backup::{BackupKey, NewBackupKeyRequest};
use keystead::api::list::List;

use crate::client::Call;
use crate::commands::{Context, Page};
use crate::failure::Failure;
use crate::printer::tables::data;

/// The path of backup keys below `/api/v1/`.
const PATH: &str = "backupkeys";

/// Makes one, and shows it.
pub(crate) async fn create(context: &Context, request: &NewBackupKeyRequest) -> Result<(), Failure> {
    context.ask_and_show(&Call::post(PATH, request)?).await
}

/// Shows those that are on the node, or the default one alone.
pub(crate) async fn list(context: &Context, page: Page, only_default: bool) -> Result<(), Failure> {
    let answer = context.ask(&page.of(Call::get(PATH))).await?;
    if !only_default {
        return context.printer.show(&answer, data::backup_keys);
    }
    let mut list: List<BackupKey> = answer.parse()?;
    list.resources.retain(|key| key.default);
    list.total = list.resources.len() as u64;
    if context.printer.wants_tables() {
        return context.printer.table(data::backup_keys(&list));
    }
    context.printer.value(&list)
}

/// Shows one.
pub(crate) async fn get(context: &Context, id: &str) -> Result<(), Failure> {
    context.ask_of(PATH, id, Call::get(PATH)).await
}

/// Deletes one.
pub(crate) async fn delete(context: &Context, id: &str) -> Result<(), Failure> {
    context.ask_of(PATH, id, Call::delete(PATH)).await
}

/// Makes it the default one, and shows it.
pub(crate) async fn make_default(context: &Context, id: &str) -> Result<(), Failure> {
    let call = Call::post_text(PATH, "{}".to_owned()).action("default");
    context.ask_of(PATH, id, call).await
}
