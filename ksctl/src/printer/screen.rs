//! A terminal that is written over again and again, for `--watch`: what is drawn, and which keys are pressed.
//!
//! When to draw is decided in [`crate::commands::watch`]. The last picture stays when the watch ends.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::thread::JoinHandle;

use anstream::{AutoStream, ColorChoice};
use keystead::text::escape;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::layout::{self, Table};
use super::{worded, written};
use crate::failure::Failure;

const HOME: &str = "\u{1b}[H";
const CLEAR: &str = "\u{1b}[2J";
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";
const HELP: &str = "q ends";

/// Columns and rows of the terminal, if standard output is one and knows them.
pub(crate) fn size() -> Option<(usize, usize)> {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = tcgetwinsize(out).ok()?;
    Some((usize::from(size.ws_col), usize::from(size.ws_row))).filter(|(columns, _)| *columns > 0)
}

/// The terminal while it is watched: keys are heard as they are pressed, and not shown. Dropped, it is as it was.
pub(crate) struct Screen {
    before: Option<Termios>,
    keys: UnboundedReceiver<char>,
    listener: Option<JoinHandle<()>>,
}

impl Screen {
    /// Is there a terminal to take over?
    pub(crate) fn may_open() -> Result<(), Failure> {
        if size().is_some() {
            return Ok(());
        }
        Err(Failure::usage("--watch needs a terminal at standard output")
            .with_hint("without --watch the command shows once what there is"))
    }

    /// Takes the terminal over, and hears its keys.
    pub(crate) fn open() -> Result<Self, Failure> {
        Self::may_open()?;
        let before = quiet();
        let (heard, keys) = unbounded_channel();
        // Without a terminal at standard input there are no keys.
        let listener = before.is_some().then(|| std::thread::spawn(move || listen(&heard)));
        Ok(Self { before, keys, listener })
    }

    /// The next key. Waits for ever where there are none.
    pub(crate) async fn key(&mut self) -> char {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }

    /// Wipes it for the first picture.
    #[expect(clippy::unused_self, reason = "only who has taken the terminal over may wipe it")]
    pub(crate) fn wipe(&self) -> Result<(), Failure> {
        written(&mut std::io::stdout().lock(), &format!("{CLEAR}{HOME}"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Whoever reads next gets every key: nobody else is listening then.
        self.keys.close();
        self.listener.take().map(JoinHandle::join);
        if let Some(before) = &self.before {
            tcsetattr(std::io::stdin(), OptionalActions::Now, before).ok();
        }
    }
}

/// Keys come at once and are not shown; the one that interrupts still does.
fn quiet() -> Option<Termios> {
    let before = tcgetattr(std::io::stdin()).ok()?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    // A read ends after a tenth of a second, with a key or without.
    quiet.special_codes[SpecialCodeIndex::VMIN] = 0;
    quiet.special_codes[SpecialCodeIndex::VTIME] = 1;
    tcsetattr(std::io::stdin(), OptionalActions::Now, &quiet).ok()?;
    Some(before)
}

/// Passes keys on while somebody wants them. Nothing is read ahead: what comes after belongs to others.
fn listen(heard: &UnboundedSender<char>) {
    let Ok(mut keys) = std::io::stdin().as_fd().try_clone_to_owned().map(File::from) else {
        return;
    };
    let mut key = [0];
    while !heard.is_closed() {
        match keys.read(&mut key) {
            Ok(0) => {}
            Ok(_) => drop(heard.send(char::from(key[0]))),
            Err(_) => return,
        }
    }
}

/// Draws a table over what was there.
pub(super) fn replace(table: Table) -> Result<(), Failure> {
    let (columns, rows) = size().unwrap_or((80, 24));
    draw(&table.sheet(Some(columns)).text, rows)
}

/// Draws over what was there why there is nothing to see.
pub(crate) fn replace_by(failure: &Failure) -> Result<(), Failure> {
    let (columns, rows) = size().unwrap_or((80, 24));
    let text = worded(failure);
    let plain = anstream::adapter::strip_str(&text).to_string();
    let lines: Vec<String> = plain
        .lines()
        .map(|line| layout::cut(&escape::line(line), columns).into_owned())
        .collect();
    draw(&lines.join("\n"), rows)
}

fn draw(text: &str, rows: usize) -> Result<(), Failure> {
    let out = std::io::stdout();
    let picture = match AutoStream::choice(&out) {
        ColorChoice::Never => picture(&anstream::adapter::strip_str(text).to_string(), rows),
        _ => picture(text, rows),
    };
    let mut out = out.lock();
    let drawn = out.write_all(picture.as_bytes()).and_then(|()| out.flush());
    drawn.map_err(|cause| crate::output::unwritten(std::path::Path::new("-"), &cause))
}

/// The lines that have room, each wiping what is left of the one before it, and how to end.
fn picture(text: &str, rows: usize) -> String {
    let room = rows.saturating_sub(2).max(1);
    let all = text.lines().count();
    let more = match all.saturating_sub(room) {
        0 => String::new(),
        more => format!("{more} more lines; "),
    };
    let mut picture = HOME.to_owned();
    for line in text.lines().take(room) {
        picture.extend([line, CLEAR_LINE, "\n"]);
    }
    picture.extend([more.as_str(), HELP, CLEAR_LINE, "\n", CLEAR_BELOW]);
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_wipes_what_was_there_and_never_scrolls() {
        let text = "a\nb\nc\nd\n";
        assert_eq!(picture("a\n", 24), "\u{1b}[Ha\u{1b}[K\nq ends\u{1b}[K\n\u{1b}[J");
        let small = picture(text, 4);
        assert_eq!(
            small,
            "\u{1b}[Ha\u{1b}[K\nb\u{1b}[K\n2 more lines; q ends\u{1b}[K\n\u{1b}[J"
        );
        assert!(small.matches('\n').count() < 4);
    }
}
