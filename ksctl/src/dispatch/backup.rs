//! From the command line to the commands about backups and the keys that open them.

use keystead::api::backup::{NewBackupKeyRequest, NewBackupRequest, RestoreRequest};

use super::page;
use crate::cli::backup::{BackupCommand, CreateArgs};
use crate::cli::backupkeys::BackupkeysCommand;
use crate::commands::backup::{Filters, transfer};
use crate::commands::backupkeys::files;
use crate::commands::{Context, backup, backupkeys};
use crate::failure::Failure;

/// Runs one command about backups.
pub(super) async fn run(context: &Context, command: BackupCommand) -> Result<(), Failure> {
    match command {
        BackupCommand::Create(args) => {
            let (request, filters) = order(args);
            backup::create(context, request, filters).await
        }
        BackupCommand::List(args) => backup::list(context, page(&args.page)).await,
        BackupCommand::Get(args) => backup::get(context, &args.id).await,
        BackupCommand::Delete(args) => backup::delete(context, &args.id).await,
        BackupCommand::Restore(args) => backup::restore(context, &args.id, &RestoreRequest { force: args.force }).await,
        BackupCommand::Status => backup::status(context).await,
        BackupCommand::Download(args) => transfer::download(context, &args.id, args.file).await,
        BackupCommand::Upload(args) => transfer::upload(context, &args.file).await,
        BackupCommand::Inspect(args) => transfer::inspect(context, &args.file),
    }
}

fn order(args: CreateArgs) -> (NewBackupRequest, Filters) {
    let request = NewBackupRequest {
        scope: args.scope,
        description: args.description,
        backup_key: args.keyid,
        tied_to_hsm: args.tied_to_hsm,
        filters: None,
    };
    let filters = Filters {
        given: args.filters,
        file: args.filters_jsonfile,
    };
    (request, filters)
}

/// Runs one command about the keys that open them.
pub(super) async fn run_keys(context: &Context, command: BackupkeysCommand) -> Result<(), Failure> {
    match command {
        BackupkeysCommand::Create(args) => {
            let request = NewBackupKeyRequest {
                scope: args.scope,
                default: args.default,
            };
            backupkeys::create(context, &request).await
        }
        BackupkeysCommand::List(args) => backupkeys::list(context, page(&args.page), args.default).await,
        BackupkeysCommand::Get(args) => backupkeys::get(context, &args.id).await,
        BackupkeysCommand::Delete(args) => backupkeys::delete(context, &args.id).await,
        BackupkeysCommand::Default(args) => backupkeys::make_default(context, &args.id).await,
        BackupkeysCommand::Download(args) => {
            files::download(context, &args.id, (args.bkpassword, args.hint), args.file).await
        }
        BackupkeysCommand::Upload(args) => files::upload(context, &args.file, args.bkpassword).await,
        BackupkeysCommand::Inspect(args) => files::inspect(context, &args.file),
    }
}
