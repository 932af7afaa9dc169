//! Backup files: two lines that anybody may read (`keystead::backup::Header`), then frames that only the backup key opens.
//!
//! A frame is a byte that says whether it is the last, four bytes of length, and so many wrapped bytes. The first holds the
//! file's own key, wrapped by the backup key; the others are wrapped by that. Each is bound to the header, to its place and
//! to being the last or not, so that no bit can be changed, and nothing cut off, moved or added, unnoticed.

use std::io::{Error as IoError, ErrorKind};
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use keystead::backup::Header;
use keystead::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use sql::backup::Table;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, BufWriter};
use zeroize::Zeroizing;

use crate::vault::WrappingKey;

/// Rows are gathered until there are so many bytes of them.
const FRAME: usize = 64 << 10;

/// No frame is longer: a length that says so is damaged. One row may be as long as a frame of rows and itself.
const LONGEST: u32 = 16 << 20;

/// The longest header.
const HEADER_LIMIT: u64 = 16 << 10;

/// What follows one another in a backup: the keys, then each table with its rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// All key-encryption keys.
    Keys(Vec<Kek>),
    /// A table; its rows follow.
    Table(Table),
    /// Rows of the table before, as PostgreSQL copies them.
    Rows(Vec<u8>),
}

/// A key-encryption key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kek {
    pub(super) epoch: i32,
    pub(super) secret: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Kek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kek")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// Writes a backup.
pub(super) struct Writer {
    file: BufWriter<File>,
    binding: Binding,
    key: WrappingKey,
    rows: Vec<u8>,
}

impl Writer {
    /// Begins a new file, which `key` opens.
    pub(super) async fn create(path: &Path, header: &Header, key: &WrappingKey) -> Result<Self> {
        let lines = header.lines()?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .await
            .map_err(unwritten)?;
        let mut writer = Self {
            file: BufWriter::new(file),
            binding: Binding::to(&lines),
            key: key.clone(),
            rows: Vec::with_capacity(2 * FRAME),
        };
        writer.file.write_all(lines.as_bytes()).await.map_err(unwritten)?;
        let own = WrappingKey::generate()?;
        writer.frame(own.expose(), false).await?;
        writer.key = own;
        Ok(writer)
    }

    /// Adds the keys.
    pub(super) async fn keys(&mut self, keys: &[Kek]) -> Result<()> {
        self.json(b'k', keys).await
    }

    /// Begins a table.
    pub(super) async fn table(&mut self, table: &Table) -> Result<()> {
        self.flush_rows().await?;
        self.json(b't', table).await
    }

    /// Adds rows of the table.
    pub(super) async fn rows(&mut self, rows: &[u8]) -> Result<()> {
        if self.rows.is_empty() {
            self.rows.push(b'r');
        }
        self.rows.extend_from_slice(rows);
        if self.rows.len() > FRAME {
            self.flush_rows().await?;
        }
        Ok(())
    }

    /// Ends the file. When this returns, it survives a power cut.
    pub(super) async fn finish(mut self) -> Result<()> {
        self.flush_rows().await?;
        self.frame(b"e", true).await?;
        self.file.flush().await.map_err(unwritten)?;
        self.file.get_ref().sync_all().await.map_err(unwritten)
    }

    async fn flush_rows(&mut self) -> Result<()> {
        if !self.rows.is_empty() {
            let rows = std::mem::take(&mut self.rows);
            self.frame(&rows, false).await?;
        }
        Ok(())
    }

    async fn json(&mut self, kind: u8, value: &(impl Serialize + ?Sized)) -> Result<()> {
        let mut plain = Zeroizing::new(vec![kind]);
        serde_json::to_writer(&mut *plain, value).map_err(|source| Error::internal("writing a backup", source))?;
        self.frame(&plain, false).await
    }

    async fn frame(&mut self, plain: &[u8], is_last: bool) -> Result<()> {
        let wrapped = self.key.wrap(&self.binding.next(is_last), plain)?;
        let length = u32::try_from(wrapped.len()).map_err(|source| Error::internal("writing a backup", source))?;
        self.file.write_u8(u8::from(is_last)).await.map_err(unwritten)?;
        self.file.write_u32(length).await.map_err(unwritten)?;
        self.file.write_all(&wrapped).await.map_err(unwritten)
    }
}

/// A backup whose header was read and nothing more.
pub(super) struct Locked {
    file: BufReader<File>,
    /// What the file says of itself. Nobody vouches for it before it is unlocked.
    pub(super) header: Header,
    lines: String,
}

/// Reads a backup.
pub(super) struct Reader {
    file: BufReader<File>,
    binding: Binding,
    key: WrappingKey,
    ended: bool,
}

impl Locked {
    /// Opens a file.
    pub(super) async fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).await.map_err(unread)?;
        let mut file = BufReader::new(file).take(HEADER_LIMIT);
        let mut lines = Vec::new();
        for _ in 0..2 {
            file.read_until(b'\n', &mut lines).await.map_err(unread)?;
        }
        let lines = String::from_utf8(lines).unwrap_or_default();
        let header = Header::read(&lines)?;
        let file = file.into_inner();
        Ok(Self { file, header, lines })
    }

    /// Opens it with the backup key, which proves that the header is as it was written.
    pub(super) async fn unlock(mut self, key: &WrappingKey) -> Result<Reader> {
        let mut binding = Binding::to(&self.lines);
        let (_, wrapped) = frame(&mut self.file).await?;
        let own = key
            .unwrap(&binding.next(false), &wrapped)
            .map_err(|source| damaged().caused_by(source))?;
        Ok(Reader {
            file: self.file,
            binding,
            key: WrappingKey::from_bytes(&own).map_err(|source| damaged().caused_by(source))?,
            ended: false,
        })
    }

    /// Has it all its frames, as far as that can be seen without the key?
    pub(super) async fn check_length(mut self) -> Result<()> {
        while !frame(&mut self.file).await?.0 {}
        at_end(&mut self.file).await
    }
}

impl Reader {
    /// The next piece; nothing when the whole file was read.
    pub(super) async fn next(&mut self) -> Result<Option<Piece>> {
        if self.ended {
            return Ok(None);
        }
        let (is_last, wrapped) = frame(&mut self.file).await?;
        let plain = self
            .key
            .unwrap(&self.binding.next(is_last), &wrapped)
            .map_err(|source| damaged().caused_by(source))?;
        let json = |source: serde_json::Error| damaged().caused_by(source);
        match (plain.split_first(), is_last) {
            (Some((b'k', keys)), false) => Ok(Some(Piece::Keys(serde_json::from_slice(keys).map_err(json)?))),
            (Some((b't', table)), false) => Ok(Some(Piece::Table(serde_json::from_slice(table).map_err(json)?))),
            (Some((b'r', rows)), false) => Ok(Some(Piece::Rows(rows.to_vec()))),
            (Some((b'e', [])), true) => {
                self.ended = true;
                at_end(&mut self.file).await.map(|()| None)
            }
            _ => Err(damaged()),
        }
    }

    /// Reads it to its end.
    pub(super) async fn check(mut self) -> Result<()> {
        while self.next().await?.is_some() {}
        Ok(())
    }
}

/// What each frame is bound to.
struct Binding {
    header: String,
    number: u64,
}

impl Binding {
    fn to(lines: &str) -> Self {
        Self {
            header: certs::hex(digest(&SHA256, lines.as_bytes()).as_ref()),
            number: 0,
        }
    }

    fn next(&mut self, is_last: bool) -> String {
        let number = self.number;
        self.number += 1;
        format!("backup|{}|{number}|{is_last}", self.header)
    }
}

/// A frame, and whether it is the last.
async fn frame(file: &mut BufReader<File>) -> Result<(bool, Vec<u8>)> {
    let is_last = match file.read_u8().await.map_err(unread)? {
        0 => false,
        1 => true,
        _ => return Err(damaged()),
    };
    let length = file.read_u32().await.map_err(unread)?;
    if length > LONGEST {
        return Err(damaged());
    }
    let mut wrapped = vec![0; length as usize];
    file.read_exact(&mut wrapped).await.map_err(unread)?;
    Ok((is_last, wrapped))
}

async fn at_end(file: &mut BufReader<File>) -> Result<()> {
    if file.fill_buf().await.map_err(unread)?.is_empty() {
        return Ok(());
    }
    Err(damaged())
}

fn damaged() -> Error {
    Error::invalid_param("the backup is damaged or not whole")
        .with_hint("nothing was changed; take it from where it was made again, or take another one")
}

fn unread(source: IoError) -> Error {
    match source.kind() {
        ErrorKind::UnexpectedEof => damaged(),
        _ => Error::internal("reading a backup", source),
    }
}

/// Something could not be written beside the data.
pub(super) fn unwritten(source: IoError) -> Error {
    if source.kind() == ErrorKind::StorageFull {
        return Error::new(Kind::DiskFull, "the node's disk is full")
            .with_hint("free or add disk space under its data_dir, or delete old backups with `ksctl backup delete`")
            .caused_by(source);
    }
    Error::unavailable(format!("the backup could not be written: {}", source.kind()))
        .with_hint("look at the folder `backups` under the node's data_dir")
        .caused_by(source)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
