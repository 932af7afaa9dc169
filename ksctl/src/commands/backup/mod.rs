//! `ksctl backup …`: backups of one node, which are files on it. `transfer.rs` brings them away and back.

pub(crate) mod transfer;

use std::path::PathBuf;

use keystead::api::backup::{NewBackupRequest, RestoreRequest};
use serde_json::Value;

use crate::client::Call;
use crate::commands::{Context, Page};
use crate::failure::Failure;
use crate::input;
use crate::printer::tables::data;

/// The path of backups below `/api/v1/`.
const PATH: &str = "backups";

/// The path of what runs.
const STATUS: &str = "backupStatus";

/// Which part of the data is wanted.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    /// As JSON.
    pub(crate) given: Option<String>,
    /// JSON in a file.
    pub(crate) file: Option<PathBuf>,
}

impl Filters {
    fn read(self) -> Result<Option<Value>, Failure> {
        let text = match self.file {
            Some(path) => Some(input::read(&path)?),
            None => self.given,
        };
        let read = text.map(|text| serde_json::from_str(&text)).transpose();
        read.map_err(|cause| Failure::usage(format!("the filters are not JSON: {cause}")))
    }
}

/// Makes one, and shows it.
pub(crate) async fn create(context: &Context, request: NewBackupRequest, filters: Filters) -> Result<(), Failure> {
    let filters = filters.read()?;
    let request = NewBackupRequest { filters, ..request };
    context.ask_and_show(&Call::post(PATH, &request)?).await
}

/// Shows those that are on the node.
pub(crate) async fn list(context: &Context, page: Page) -> Result<(), Failure> {
    let answer = context.ask(&page.of(Call::get(PATH))).await?;
    context.printer.show(&answer, data::backups)
}

/// Shows one.
pub(crate) async fn get(context: &Context, id: &str) -> Result<(), Failure> {
    context.ask_of(PATH, id, Call::get(PATH)).await
}

/// Deletes one.
pub(crate) async fn delete(context: &Context, id: &str) -> Result<(), Failure> {
    context.ask_of(PATH, id, Call::delete(PATH)).await
}

/// Restores one, and shows how that is.
pub(crate) async fn restore(context: &Context, id: &str, request: &RestoreRequest) -> Result<(), Failure> {
    let call = Call::post(PATH, request)?.action("restore");
    context.ask_of(PATH, id, call).await
}

/// Shows what runs, or ran last.
pub(crate) async fn status(context: &Context) -> Result<(), Failure> {
    context.ask_and_show(&Call::get(STATUS)).await
}
