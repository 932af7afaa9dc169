//! `ksctl backup download`, `upload` and `inspect`: backups as files.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use keystead::backup::Header;

use super::{PATH, STATUS};
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// No header is longer.
const HEADER_LIMIT: u64 = 16 * 1024;

/// Writes a backup into a file.
pub(crate) async fn download(context: &Context, id: &str, file: Option<PathBuf>) -> Result<(), Failure> {
    let mut client = context.client()?;
    let call = Call::get(PATH).of(id)?;
    // Is it there at all, and is the token good? Then its name is one for a file too.
    client.send(&call).await?;
    let path = file.unwrap_or_else(|| PathBuf::from(format!("{id}.backup")));
    let size = client.download(&call.action("download"), &path).await?;
    context.printer.note(&format!("{size} bytes are in {}", path.display()));
    Ok(())
}

/// Brings a backup to the node, and shows it.
pub(crate) async fn upload(context: &Context, path: &Path) -> Result<(), Failure> {
    // What is no backup is not sent.
    header(path)?;
    let mut client = context.client()?;
    client.send(&Call::get(STATUS)).await?;
    let call = Call::post_text(PATH, String::new()).of("upload")?;
    let answer = client.upload(&call, path).await?;
    context.printer.answer(&answer)
}

/// Shows what a file says of itself.
pub(crate) fn inspect(context: &Context, path: &Path) -> Result<(), Failure> {
    context.printer.value(&header(path)?)
}

fn header(path: &Path) -> Result<Header, Failure> {
    let wrong = |cause: String| Failure::usage(format!("cannot read {}: {cause}", path.display()));
    let mut start = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(HEADER_LIMIT).read_to_end(&mut start))
        .map_err(|cause| wrong(cause.to_string()))?;
    Header::read(&String::from_utf8_lossy(&start)).map_err(|refused| {
        let failure = wrong(refused.to_string());
        match refused.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    })
}
