//! Makes any text fit into a place of a message: escaped as that place wants it, without the characters that drive what
//! shows it, cut to size, and marked when it was cut.

use std::fmt::Write as _;

use crate::text::escape::is_hidden;

const CUT: &str = "<truncated>";

/// `text` in at most `limit` bytes. `escape` says what stands for a character that means something in its place.
pub(super) fn fit(text: &str, limit: usize, escape: impl Fn(char) -> Option<&'static str>) -> String {
    let mut fitting = String::new();
    for c in text.chars() {
        let before = fitting.len();
        match escape(c) {
            Some(escaped) => fitting.push_str(escaped),
            None if is_hidden(c) => {
                // Writing to a text cannot fail.
                write!(fitting, "<{:02X}>", u32::from(c)).ok();
            }
            None => fitting.push(c),
        }
        if fitting.len() + CUT.len() > limit {
            fitting.truncate(before);
            fitting.push_str(CUT);
            break;
        }
    }
    fitting
}

/// A name as headers take it: printable ASCII without spaces; `-` when there is none.
pub(super) fn name(text: &str, limit: usize) -> String {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    let name: String = text.chars().take(limit).map(plain).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_never_sent() {
        assert_eq!(fit("a\r\nb\0\u{7f}\u{85}", 100, |_| None), "a<0D><0A>b<00><7F><85>");
        assert_eq!(fit("\u{1b}[2J\u{202e}x\u{200b}", 100, |_| None), "<1B>[2J<202E>x<200B>");
    }

    #[test]
    fn what_is_cut_is_cut_between_characters_and_marked() {
        assert_eq!(fit("short", 20, |_| None), "short");
        assert_eq!(
            fit(&"\u{e9}".repeat(30), 20, |_| None),
            "\u{e9}\u{e9}\u{e9}\u{e9}<truncated>"
        );
        let escaped = fit(&"\"".repeat(30), 20, |c| (c == '"').then_some("\\\""));
        assert_eq!(escaped, "\\\"\\\"\\\"\\\"<truncated>", "never half an escape");
    }

    #[test]
    fn a_name_has_no_spaces() {
        assert_eq!(name("node 1\n", 10), "node_1_");
        assert_eq!(name("", 10), "-");
    }
}
