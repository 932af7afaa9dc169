//! What waits for one syslog server, on disk: one message a line, with a note of how far it was sent.
//!
//! It decides when there is no more room: what came first stays, what comes then is dropped and counted. It is not forced
//! to the disk: a message is worth less than the time of whoever said it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use keystead::syslog::Message;
use keystead::{Error, Result};
use serde::{Deserialize, Serialize};

use super::Counts;

/// The most bytes that wait for one server: some thousand messages.
const LIMIT: u64 = 1 << 20;

/// The most bytes of one message on disk; texts are cut to less when they are sent.
const LINE: usize = 64 << 10;

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    file: File,
    length: u64,
    limit: u64,
    note: Note,
    /// Rises when positions in the file lose their meaning.
    generation: u64,
    dropped: u64,
}

/// What is kept of how far it is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Note {
    /// Sent up to this byte.
    sent: u64,
    /// Dropped, and the server was not told yet.
    dropped: u64,
}

/// The next thing to send.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Next {
    /// A message, and where it ends.
    Message(Box<Message>, Position),
    /// All messages are sent, and so many are not among them.
    Dropped(u64),
}

/// How far it is when a message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    generation: u64,
    end: u64,
}

impl Spool {
    /// The spool of the server with this id, with what was left in it.
    pub(super) fn open(folder: &Path, id: &str) -> Result<Self> {
        let unusable = |cause| Error::internal("opening the spool of a syslog server", cause);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(unusable)?;
        Self::open_with(&folder.join(id), LIMIT).map_err(unusable)
    }

    fn open_with(stem: &Path, limit: u64) -> io::Result<Self> {
        let path = stem.with_extension("spool");
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).mode(0o600).open(&path)?;
        let length = file.metadata()?.len();
        let note = fs::read(path.with_extension("sent"))
            .ok()
            .and_then(|note| serde_json::from_slice(&note).ok())
            .filter(|note: &Note| note.sent <= length)
            .unwrap_or_default();
        let mut spool = Self {
            path,
            file,
            length,
            limit,
            note,
            generation: 0,
            dropped: 0,
        };
        spool.end_torn_line()?;
        Ok(spool)
    }

    /// A crash may have cut the last line; what follows begins a line of its own.
    fn end_torn_line(&mut self) -> io::Result<()> {
        let mut last = [b'\n'];
        if let Some(at) = self.length.checked_sub(1) {
            self.file.read_exact_at(&mut last, at)?;
        }
        if last != [b'\n'] {
            self.file.write_all(b"\n")?;
            self.length += 1;
        }
        Ok(())
    }

    /// Puts a message down, or counts it as dropped when there is no room.
    pub(super) fn add(&mut self, message: &Message) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let size = line.len() as u64;
        if self.length + size > self.limit {
            self.compact()?;
        }
        if line.len() > LINE || self.length + size > self.limit {
            self.dropped += 1;
            self.note.dropped += 1;
            return self.keep_note();
        }
        self.file.write_all(&line)?;
        self.length += size;
        Ok(())
    }

    /// The next thing to send; `None` when there is nothing.
    pub(super) fn next(&mut self) -> io::Result<Option<Next>> {
        while self.note.sent < self.length {
            let left = usize::try_from(self.length - self.note.sent).unwrap_or(LINE).min(LINE);
            let mut line = vec![0; left];
            self.file.read_exact_at(&mut line, self.note.sent)?;
            let size = line.iter().position(|byte| *byte == b'\n').map_or(left, |at| at + 1);
            let position = Position {
                generation: self.generation,
                end: self.note.sent + size as u64,
            };
            line.truncate(size);
            match serde_json::from_slice(&line) {
                Ok(message) => return Ok(Some(Next::Message(Box::new(message), position))),
                // Torn by a crash.
                Err(_) => self.sent(position)?,
            }
        }
        Ok((self.note.dropped > 0).then_some(Next::Dropped(self.note.dropped)))
    }

    /// What was next has been sent.
    pub(super) fn done(&mut self, next: &Next) -> io::Result<()> {
        match next {
            Next::Message(_, position) => self.sent(*position),
            Next::Dropped(count) => {
                self.note.dropped = self.note.dropped.saturating_sub(*count);
                self.keep_note()
            }
        }
    }

    /// How it goes.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            waiting_bytes: self.length - self.note.sent,
            dropped: self.dropped,
        }
    }

    fn sent(&mut self, position: Position) -> io::Result<()> {
        // A worker that was replaced may tell late.
        if position.generation == self.generation && position.end > self.note.sent {
            self.note.sent = position.end;
            self.keep_note()?;
        }
        if self.note.sent == self.length && self.length > 0 {
            self.compact()?;
        }
        Ok(())
    }

    /// Forgets what was sent, so that there is room.
    fn compact(&mut self) -> io::Result<()> {
        let mut rest = vec![0; usize::try_from(self.length - self.note.sent).unwrap_or_default()];
        self.file.read_exact_at(&mut rest, self.note.sent)?;
        self.generation += 1;
        self.note.sent = 0;
        // The note first: after a crash in between some are sent again, and none is lost.
        self.keep_note()?;
        self.file.set_len(0)?;
        self.file.write_all(&rest)?;
        self.length = rest.len() as u64;
        Ok(())
    }

    fn keep_note(&self) -> io::Result<()> {
        fs::write(self.path.with_extension("sent"), serde_json::to_vec(&self.note)?)
    }
}

/// Removes the spools of servers that are no more.
pub(super) fn forget_others(folder: &Path, ids: &[&str]) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let stray = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        stem.is_none_or(|stem| !ids.contains(&stem))
    };
    for path in entries.map(|entry| entry.path()).filter(stray) {
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!(path = %path.display(), %error, "a spool could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use keystead::alarm::Alarm;
    use keystead::clock::Micros;
    use keystead::syslog::Speaker;

    use super::*;

    fn message(number: u32) -> Message {
        let speaker = Speaker {
            host: "h".to_owned(),
            pid: number,
            at: Micros(0),
        };
        speaker.cleared(Alarm::Disk, "data")
    }

    /// Sends everything, as a list of what was sent.
    fn drain(spool: &mut Spool) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(next) = spool.next().unwrap() {
            sent.push(match &next {
                Next::Message(message, _) => message.pid.to_string(),
                Next::Dropped(count) => format!("dropped {count}"),
            });
            spool.done(&next).unwrap();
        }
        sent
    }

    #[test]
    fn what_waits_is_sent_in_order_also_after_a_restart_and_then_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("a");
        let mut spool = Spool::open_with(&stem, LIMIT).unwrap();
        for number in 1..=3 {
            spool.add(&message(number)).unwrap();
        }
        let first = spool.next().unwrap().unwrap();
        spool.done(&first).unwrap();
        let mut spool = Spool::open_with(&stem, LIMIT).unwrap();
        assert_eq!(drain(&mut spool), ["2", "3"]);
        assert_eq!(fs::metadata(folder.path().join("a.spool")).unwrap().len(), 0);
    }

    #[test]
    fn when_there_is_no_room_the_latest_are_dropped_and_counted_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let size = serde_json::to_vec(&message(1)).unwrap().len() as u64 + 1;
        let mut spool = Spool::open_with(&folder.path().join("a"), 2 * size).unwrap();
        for number in 1..=5 {
            spool.add(&message(number)).unwrap();
        }
        assert_eq!(spool.counts().dropped, 3);
        assert!(spool.counts().waiting_bytes <= 2 * size);
        let mut spool = Spool::open_with(&folder.path().join("a"), 2 * size).unwrap();
        let first = spool.next().unwrap().unwrap();
        spool.done(&first).unwrap();
        // What was sent made room.
        spool.add(&message(6)).unwrap();
        assert_eq!(drain(&mut spool), ["2", "6", "dropped 3"]);
        assert_eq!(drain(&mut spool), Vec::<String>::new());
    }

    #[test]
    fn a_line_that_a_crash_has_cut_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("a");
        let mut spool = Spool::open_with(&stem, LIMIT).unwrap();
        spool.add(&message(1)).unwrap();
        spool.file.write_all(b"{\"at\":12").unwrap();
        let mut spool = Spool::open_with(&stem, LIMIT).unwrap();
        spool.add(&message(2)).unwrap();
        assert_eq!(drain(&mut spool), ["1", "2"]);
    }

    #[test]
    fn a_worker_that_tells_late_skips_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open_with(&folder.path().join("a"), LIMIT).unwrap();
        spool.add(&message(1)).unwrap();
        let late = spool.next().unwrap().unwrap();
        spool.done(&late).unwrap();
        spool.add(&message(2)).unwrap();
        spool.done(&late).unwrap();
        assert_eq!(drain(&mut spool), ["2"]);
    }

    #[test]
    fn spools_of_servers_that_are_no_more_go() {
        let folder = tempfile::tempdir().unwrap();
        for id in ["a", "b"] {
            Spool::open(folder.path(), id).unwrap().add(&message(1)).unwrap();
        }
        forget_others(folder.path(), &["b"]);
        assert!(!folder.path().join("a.spool").exists() && folder.path().join("b.spool").exists());
    }
}
