//! `ksctl backupkeys download`, `upload` and `inspect`: backup keys as files, locked with a password.

use std::path::{Path, PathBuf};

use keystead::api::backup::{BackupKeyFile, DownloadBackupKeyRequest, UploadBackupKeyRequest};
use secrecy::{ExposeSecret, SecretString};

use super::PATH;
use crate::client::Call;
use crate::commands::{Context, resolve};
use crate::failure::Failure;
use crate::input;
use crate::output::{self, Reader};

/// The way out when no password can be asked for.
const PASSWORD: &str = "give --bkpassword PASSWORD";

/// Writes a key into a file, or shows that file.
pub(crate) async fn download(
    context: &Context,
    id: &str,
    lock: (Option<SecretString>, Option<String>),
    file: Option<PathBuf>,
) -> Result<(), Failure> {
    let (given, hint) = lock;
    let password = given.map_or_else(|| context.asker.new_password(|_| Ok(())), Ok);
    let password = password.map_err(|failure| failure.with_hint(PASSWORD))?;
    let request = DownloadBackupKeyRequest {
        password: password.expose_secret().into(),
        hint,
    };
    let mut client = context.client()?;
    let id = resolve::id(&mut client, PATH, id).await?;
    let answer = client
        .send(&Call::post(PATH, &request)?.of(&id)?.action("download"))
        .await?;
    let Some(path) = file else {
        return context.printer.document(&answer);
    };
    output::write(&path, answer.text().as_bytes(), Reader::Owner)?;
    context
        .printer
        .note(&format!("the backup key is in {}", output::name(&path)));
    Ok(())
}

/// Brings a key to the node, and shows it.
pub(crate) async fn upload(context: &Context, path: &Path, given: Option<SecretString>) -> Result<(), Failure> {
    let file = read(path)?;
    let password = given.map_or_else(|| context.asker.password("password of the backup key"), Ok);
    let password = password.map_err(|failure| failure.with_hint(PASSWORD))?;
    let request = UploadBackupKeyRequest {
        password: password.expose_secret().into(),
        file,
    };
    context.ask_and_show(&Call::post(PATH, &request)?.of("upload")?).await
}

/// Shows what a file says of itself: all but what is locked.
pub(crate) fn inspect(context: &Context, path: &Path) -> Result<(), Failure> {
    let mut shown = serde_json::to_value(read(path)?)
        .map_err(|cause| Failure::internal(format!("cannot write the result as JSON: {cause}")))?;
    if let Some(fields) = shown.as_object_mut() {
        fields.retain(|name, _| !matches!(name.as_str(), "salt" | "locked"));
    }
    context.printer.value(&shown)
}

fn read(path: &Path) -> Result<BackupKeyFile, Failure> {
    serde_json::from_str(&input::read(path)?).map_err(|_| {
        Failure::usage(format!("{} is not the file of a backup key", input::name(path)))
            .with_hint("`ksctl backupkeys download` makes such files")
    })
}
