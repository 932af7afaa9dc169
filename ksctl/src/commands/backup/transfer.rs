//! `ksctl backup download`, `upload` and `inspect`: backups as files.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use keystead::backup::Header;

use super::{PATH, STATUS};
use crate::client::Call;
use crate::commands::{Context, resolve};
use crate::failure::Failure;
use crate::{input, output};

/// No header is longer.
const HEADER_LIMIT: u64 = 16 * 1024;

/// Writes a backup into a file.
pub(crate) async fn download(context: &Context, id: &str, file: Option<PathBuf>) -> Result<(), Failure> {
    let mut client = context.client()?;
    let id = resolve::id(&mut client, PATH, id).await?;
    let call = Call::get(PATH).of(&id)?;
    // Is it there at all, and is the token good? Then its name is one for a file too.
    client.send(&call).await?;
    let path = file.unwrap_or_else(|| PathBuf::from(format!("{id}.backup")));
    let size = client.download(&call.action("download"), &path).await?;
    context
        .printer
        .note(&format!("{size} bytes are in {}", output::name(&path)));
    Ok(())
}

/// Brings a backup to the node, and shows it.
pub(crate) async fn upload(context: &Context, path: &Path) -> Result<(), Failure> {
    // What is no backup is not sent. It is read once: it may be a pipe.
    let mut file = input::open(path)?;
    let start = start(&mut file, path)?;
    header(&start, path)?;
    let mut client = context.client()?;
    client.send(&Call::get(STATUS)).await?;
    let call = Call::post_text(PATH, String::new()).of("upload")?;
    let answer = client.upload(&call, start, file).await?;
    context.printer.answer(&answer)
}

/// Shows what a file says of itself.
pub(crate) fn inspect(context: &Context, path: &Path) -> Result<(), Failure> {
    let start = start(&mut input::open(path)?, path)?;
    context.printer.value(&header(&start, path)?)
}

fn start(file: &mut File, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut start = Vec::new();
    let read = file.take(HEADER_LIMIT).read_to_end(&mut start);
    read.map_err(|cause| input::unread(path, &cause))?;
    Ok(start)
}

fn header(start: &[u8], path: &Path) -> Result<Header, Failure> {
    Header::read(&String::from_utf8_lossy(start)).map_err(|refused| {
        let failure = Failure::usage(format!("cannot read {}: {refused}", input::name(path)));
        match refused.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    })
}
