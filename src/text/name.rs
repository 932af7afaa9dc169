//! What may be the name of a thing: of an account, a key, a label, a host, a backup.
//!
//! A name is compared byte by byte, in SQL and on every node, and people compare it by eye. So that both find the same, a
//! name is kept in Unicode's normalisation form C, whichever form it comes in, and holds no character that is not seen. Names
//! that were kept before this rule stay what they are: reading, changing and deleting them looks for them as they were given
//! first ([`spellings`]).

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::escape::is_hidden;
use crate::error::{Error, Result};

/// A name that may be given to something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// The name that `given` for `field` means.
    ///
    /// # Errors
    /// `field` is named when it is longer than `most` bytes, or holds a control, format or separator character.
    pub fn checked(field: &str, given: &str, most: usize) -> Result<Self> {
        if let Some(c) = given.chars().find(|c| is_hidden(*c)) {
            return Err(Error::invalid_param(format!(
                "{field} has a character that nobody sees: U+{:04X}",
                u32::from(c)
            ))
            .with_hint("control, format and line separator characters are refused in names: leave it out"));
        }
        let name: String = given.nfc().collect();
        if name.len() > most {
            return Err(Error::invalid_param(format!("{field} is longer than {most} bytes")));
        }
        Ok(Self(name))
    }

    /// The name as it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// What something may be kept as that is called `given`: as it was given, and, where that is another, as it would be kept
/// now. They are tried in this order.
pub fn spellings(given: &str) -> impl Iterator<Item = String> {
    let normal = (!is_nfc(given)).then(|| given.nfc().collect());
    std::iter::once(given.to_owned()).chain(normal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::escape::tests::HIDDEN;

    #[test]
    fn two_ways_to_write_one_name_are_one_name() {
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
        let name = |text| Name::checked("name", text, 100).unwrap();
        assert_eq!(name(composed), name(decomposed));
        assert_eq!(
            name(decomposed).as_str(),
            composed,
            "and it is kept in the composed form"
        );
        assert_eq!(name("plain-1 |\u{6f22}").as_str(), "plain-1 |\u{6f22}");
    }

    #[test]
    fn characters_that_nobody_sees_are_refused_and_named() {
        for c in HIDDEN.into_iter().chain(['\0', '\n', '\t']) {
            let refused = Name::checked("name", &format!("a{c}b"), 100).unwrap_err();
            let number = format!("U+{:04X}", u32::from(c));
            assert!(refused.to_string().contains(&number), "{refused}");
            assert!(refused.to_string().starts_with("name "), "{refused}");
        }
    }

    #[test]
    fn the_bound_is_of_what_is_kept() {
        assert!(
            Name::checked("name", &"e\u{301}".repeat(5), 10).is_ok(),
            "ten bytes when it is composed"
        );
        assert!(Name::checked("name", &"\u{e9}".repeat(6), 10).is_err());
    }

    #[test]
    fn a_name_of_before_is_looked_for_as_it_was_given_and_then_as_it_would_be_kept() {
        assert_eq!(spellings("e\u{301}").collect::<Vec<_>>(), ["e\u{301}", "\u{e9}"]);
        assert_eq!(spellings("\u{e9}\u{202e}").collect::<Vec<_>>(), ["\u{e9}\u{202e}"]);
    }
}
