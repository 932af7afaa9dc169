//! Which word somebody meant who wrote another one.
//!
//! This file decides how near is near enough to be worth a "did you mean". It never corrects anything by itself.

/// The candidate nearest to `word`, when it is near enough to be a slip of the hand: at most a third of the letters
/// differ, and at least one letter is right. The first of several equally near ones.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters to add, drop or change to make one word into the other (Levenshtein's distance).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut next = vec![line + 1];
        let mut left = line + 1;
        for ((above, above_right), candidate) in row.iter().zip(row.iter().skip(1)).zip(&other) {
            let change = above + usize::from(letter != *candidate);
            left = change.min(above_right + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_letters_added_dropped_and_changed() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("port", "prot", 2),
        ] {
            assert_eq!(distance(one, other), expected, "{one:?} to {other:?}");
        }
    }

    #[test]
    fn a_slip_of_the_hand_finds_its_word() {
        let words = ["listen", "port", "shared_buffers"];
        assert_eq!(nearest("listn", words), Some("listen"));
        assert_eq!(nearest("sharedbuffer", words), Some("shared_buffers"));
        assert_eq!(nearest("ports", words), Some("port"));
    }

    #[test]
    fn a_word_that_is_nothing_like_any_other_finds_none() {
        assert_eq!(nearest("colour", ["listen", "port"]), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
