//! Where the log goes: to standard error, as text for people or as JSON for programs.
//!
//! This file decides the shape of a line. What is let through is the configuration's to say (`log.filter`). Keeping and
//! turning of log files is the supervisor's work.
//!
//! An event is one line, and no text of others in it drives a terminal or forges a line: the last thing before standard
//! error ([`Line`]) replaces what is no character to see by its number.
//!
//! Logging never ends anything: where nothing can be written, because a disk is full or nobody reads any more, lines are
//! lost, and counted until it works again.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use keystead::config::{Log, LogFormat};
use keystead::text::escape;
use keystead::{Error, Result};
use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The driver of PostgreSQL tells every query with its values below this level, hashes of passwords among them. What rustls
/// says of handshakes is of clients that reach a node by its address, which is no name.
const BOUNDS: &str = "tokio_postgres=info,rustls::msgs::handshake=error";

/// How many lines could not be written since the last one that was.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Sets up logging for the whole process. To be called once.
pub(crate) fn start(log: &Log) -> Result<()> {
    let started = dispatch(log, io::stderr().is_terminal(), io::stderr)?.try_init();
    started.map_err(|error| Error::conflict(format!("logging has been set up before: {error}")))
}

/// What writes events as `log` says, in colours where a terminal shows them.
fn dispatch<W>(log: &Log, colours: bool, writer: W) -> Result<Dispatch>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let format = log.format;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(&log.filter)?)
        .with_writer(Lines { format, writer });
    Ok(match format {
        LogFormat::Text => lines.with_ansi(colours).into(),
        LogFormat::Json => lines.json().flatten_event(true).into(),
    })
}

/// Gives each event a [`Line`].
struct Lines<W> {
    format: LogFormat,
    writer: W,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line {
            format: self.format,
            writer: self.writer.make_writer(),
        }
    }
}

/// Takes an event, which comes in one piece, and writes it as one line without anything that drives what shows it.
struct Line<W> {
    format: LogFormat,
    writer: W,
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let shown: Cow<'_, str> = match self.format {
            LogFormat::Text => escape::styled_line(line),
            LogFormat::Json => escape::json(line),
        };
        let lost = LOST.swap(0, Ordering::Relaxed);
        // At once, so that lines of several threads do not mix.
        let text = format!("{}{shown}\n", notice(lost, self.format));
        if self.writer.write_all(text.as_bytes()).is_err() {
            LOST.fetch_add(lost + 1, Ordering::Relaxed);
        }
        // An error would be told on standard error, by a panic where that is what failed.
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush().or(Ok(()))
    }
}

/// What is said of lines that were lost, after whatever was half written.
fn notice(lost: u64, format: LogFormat) -> String {
    match (lost, format) {
        (0, _) => String::new(),
        (_, LogFormat::Text) => format!("\n{lost} lines of the log could not be written\n"),
        (_, LogFormat::Json) => {
            format!("\n{{\"level\":\"WARN\",\"message\":\"lines of the log could not be written\",\"lost\":{lost}}}\n")
        }
    }
}

/// Reads `log.filter`.
pub(crate) fn filter(text: &str) -> Result<EnvFilter> {
    EnvFilter::try_new(format!("{text},{BOUNDS}")).map_err(|error| {
        Error::invalid_param(format!("log.filter is not a filter: {text:?}"))
            .with_hint("a level (error, warn, info, debug, trace), or levels by module: info,keysteadd::postgres=debug")
            .caused_by(error)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What is logged of a text that would drive a terminal: in a message, a field shown plainly, one shown as a value.
    fn logged(format: LogFormat, colours: bool) -> String {
        let written = Arc::new(Mutex::new(Vec::new()));
        let log = Log {
            format,
            ..Log::default()
        };
        let dispatch = dispatch(&log, colours, Shared(Arc::clone(&written))).unwrap();
        let bad = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\u{200b}\nforged";
        tracing::dispatcher::with_default(&dispatch, || {
            let span = tracing::info_span!("request", path = bad);
            span.in_scope(|| tracing::warn!(plain = %bad, value = bad, "{bad}"));
        });
        let bytes = written.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[derive(Clone)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Shared {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn an_event_is_one_line_and_drives_no_terminal_whatever_is_in_it() {
        for (format, colours) in [
            (LogFormat::Text, false),
            (LogFormat::Text, true),
            (LogFormat::Json, false),
        ] {
            let line = logged(format, colours);
            let line = line.strip_suffix('\n').expect("a line");
            let hidden = line
                .chars()
                .find(|c| escape::is_hidden(*c) && !(colours && *c == '\u{1b}'));
            assert_eq!(hidden, None, "{line:?}");
            assert!(line.contains("forged") && line.contains("202e"), "{line:?}");
            assert!(!line.contains("\u{1b}]"), "{line:?}");
            if format == LogFormat::Json {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(event["plain"].as_str().unwrap().contains('\u{202e}'), "{event}");
            }
        }
    }

    /// Writes nothing while it is broken.
    struct Breaking(bool, Vec<u8>);

    impl Write for Breaking {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.1.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn what_cannot_be_written_is_no_error_and_is_counted_until_it_can() {
        let mut line = Line {
            format: LogFormat::Text,
            writer: Breaking(true, Vec::new()),
        };
        for _ in 0..3 {
            line.write_all(b"lost\n").unwrap();
        }
        line.flush().unwrap();
        line.writer.0 = false;
        line.write_all(b"one\n").unwrap();
        line.write_all(b"two\n").unwrap();
        let written = String::from_utf8(line.writer.1).unwrap();
        assert_eq!(written, "\n3 lines of the log could not be written\none\ntwo\n");
        let json = notice(2, LogFormat::Json);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["lost"], 2);
    }

    #[test]
    fn a_filter_that_is_none_is_refused_with_an_example() {
        assert!(filter("info,keysteadd::postgres=debug").is_ok());
        let error = filter("keysteadd=louder").unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("debug")), "{error}");
    }
}
