//! Which characters are never shown as they are, and what is shown instead.
//!
//! A control character drives the terminal that shows it; a format character (bidirectional, zero width) makes a text read
//! as another one; a line separator forges a line. Terminals, logs and syslog servers are all driven by what is shown to
//! them, so everything that prints a text of somebody else goes through here. Nothing is removed: what was there can be read.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// What begins a sequence for a terminal.
const ESC: char = '\u{1b}';

/// Does this character control what shows it, rather than being shown? Categories Cc, Cf, Zl and Zp of Unicode.
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    )
}

/// `text` as one line: each hidden character as its number, `\u{1b}`; line ends and tabs as `\n`, `\r`, `\t`.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// `text` with its line ends and tabs as they are, and all other hidden characters as numbers.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_hidden(c) && !matches!(c, '\n' | '\t'))
}

/// As [`line()`], with the colours of a program's own left in: sequences that set how what follows looks, and nothing else.
pub fn styled_line(text: &str) -> Cow<'_, str> {
    if !text.contains(ESC) {
        return line(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(ESC) {
        shown.push_str(&line(before));
        let (style, after) = style(after);
        match style {
            Some(style) => shown.extend(["\u{1b}", style]),
            None => shown.push_str(&line("\u{1b}")),
        }
        rest = after;
    }
    shown.push_str(&line(rest));
    Cow::Owned(shown)
}

/// What sets colours behind an ESC, if that is what stands there, and what comes after it.
fn style(text: &str) -> (Option<&str>, &str) {
    let parameters = text.strip_prefix('[').unwrap_or_default();
    let end = parameters.find(|c: char| !(c.is_ascii_digit() || c == ';'));
    match end.filter(|end| parameters.get(*end..).is_some_and(|end| end.starts_with('m'))) {
        // The bracket and the letter.
        Some(end) => text
            .split_at_checked(end + 2)
            .map_or((None, text), |(style, after)| (Some(style), after)),
        None => (None, text),
    }
}

/// A JSON document that says the same with each hidden character in its strings as `\u001b`. Line ends and tabs between
/// its values stay.
pub fn json(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| is_hidden(c) && !matches!(c, '\n' | '\r' | '\t');
    replaced(text, hidden, |shown, c| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a text cannot fail.
            write!(shown, "\\u{unit:04x}").ok();
        }
    })
}

fn escaped(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    replaced(text, hidden, |shown, c| match c {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        _ => shown.extend(c.escape_unicode()),
    })
}

/// `text` with something written for each character that is to be hidden. Nothing is copied when there is none.
fn replaced(text: &str, hidden: impl Fn(char) -> bool, write: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.chars().any(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if hidden(c) {
            write(&mut shown, c);
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One of each kind: ESC, BEL, DEL, a C1 that begins a sequence, bidirectional marks, zero width, separators, a tag.
    pub(crate) const HIDDEN: [char; 14] = [
        '\u{1b}',
        '\u{7}',
        '\u{7f}',
        '\u{9b}',
        '\u{85}',
        '\u{ad}',
        '\u{200b}',
        '\u{200d}',
        '\u{202e}',
        '\u{2066}',
        '\u{2028}',
        '\u{2029}',
        '\u{feff}',
        '\u{e0041}',
    ];

    #[test]
    fn what_drives_a_terminal_or_turns_a_text_around_is_hidden_and_letters_of_all_scripts_are_not() {
        assert!(HIDDEN.into_iter().all(is_hidden));
        assert!(
            "a \u{e9}\u{301}\u{5d0}\u{633}\u{6f22}\u{1f511}\u{fffd}~"
                .chars()
                .all(|c| !is_hidden(c))
        );
    }

    #[test]
    fn a_hidden_character_is_shown_by_its_number() {
        assert_eq!(
            line("\u{1b}]0;x\u{7}a\u{202e}b\r\n\t"),
            "\\u{1b}]0;x\\u{7}a\\u{202e}b\\r\\n\\t"
        );
        assert_eq!(lines("a\n\tb\u{9b}2J"), "a\n\tb\\u{9b}2J");
        assert!(matches!(line("plain \u{e9}"), Cow::Borrowed(_)));
    }

    #[test]
    fn of_all_sequences_only_colours_are_left_in_a_styled_line() {
        let coloured = "\u{1b}[1;31merror:\u{1b}[0m x\u{1b}[m";
        assert_eq!(styled_line(coloured), coloured);
        assert_eq!(styled_line("\u{1b}[2Ja\u{1b}]0;t\u{7}"), "\\u{1b}[2Ja\\u{1b}]0;t\\u{7}");
        assert_eq!(styled_line("a\n\u{1b}\u{1b}[0m\u{1b}["), "a\\n\\u{1b}\u{1b}[0m\\u{1b}[");
        assert_eq!(styled_line("\u{202e}\u{1b}"), "\\u{202e}\\u{1b}");
    }

    #[test]
    fn a_json_document_says_the_same_afterwards() {
        let said: String = HIDDEN.into_iter().chain("\"\\ \u{e9}".chars()).collect();
        let document = serde_json::to_string_pretty(&serde_json::json!({"name": said})).unwrap();
        let shown = json(&document);
        assert!(shown.chars().all(|c| c == '\n' || !is_hidden(c)), "{shown}");
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read["name"], said);
    }
}
