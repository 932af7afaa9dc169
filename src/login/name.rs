//! The name of an account as somebody typed it who may be anybody: kept short, and shown without what a terminal obeys.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes of a name that count. Two names that begin with the same ones share a budget.
const COUNTED: usize = 128;

/// Characters of a name that are shown.
const SHOWN: usize = 64;

/// An account's name, as long as it may be for remembering.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct AccountName(String);

impl AccountName {
    /// What is remembered of a name that was typed.
    pub fn of(typed: &str) -> Self {
        let end = typed.floor_char_boundary(COUNTED);
        Self(typed.get(..end).unwrap_or_default().to_owned())
    }
}

impl fmt::Display for AccountName {
    /// For logs: one line, no control or format characters, bounded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.chars();
        for character in rest.by_ref().take(SHOWN) {
            fmt::Display::fmt(&character.escape_debug(), f)?;
        }
        if rest.next().is_some() {
            f.write_str("…")?;
        }
        Ok(())
    }
}

impl From<String> for AccountName {
    fn from(typed: String) -> Self {
        Self::of(&typed)
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_on_one_line_without_what_a_terminal_obeys() {
        let shown = AccountName::of("ad\u{1b}[2Jmin\n\u{9b}\u{202e}é").to_string();
        assert_eq!(shown, "ad\\u{1b}[2Jmin\\n\\u{9b}\\u{202e}é");
    }

    #[test]
    fn a_long_name_is_cut_where_it_is_kept_and_where_it_is_shown() {
        let long = "é".repeat(1_000_000);
        assert_eq!(AccountName::of(&long), AccountName::of(&"é".repeat(64)));
        let shown = AccountName::of(&"x".repeat(100)).to_string();
        assert_eq!(shown, format!("{}…", "x".repeat(64)));
    }
}
