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

/// How many letters to add, drop, change or swap with their neighbour to make one word into the other (Damerau's and
/// Levenshtein's distance, each letter touched once).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for line in 1..=one.len() {
        let mut row = vec![line];
        for column in 1..=other.len() {
            let at = |up: usize, left: usize| rows.get(line - up).and_then(|row| row.get(column - left)).copied();
            let letters = |up: usize, left: usize| one.get(line - up) == other.get(column - left);
            let changed = at(1, 1).map(|cost| cost + usize::from(!letters(1, 1)));
            let dropped = at(1, 0).map(|cost| cost + 1);
            let added = row.last().map(|cost| cost + 1);
            let may_swap = line > 1 && column > 1 && letters(1, 2) && letters(2, 1);
            let swapped = if may_swap { at(2, 2).map(|cost| cost + 1) } else { None };
            row.extend([changed, dropped, added, swapped].into_iter().flatten().min());
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_letters_added_dropped_changed_and_swapped() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("port", "prot", 1),
        ] {
            assert_eq!(distance(one, other), expected, "{one:?} to {other:?}");
        }
    }

    #[test]
    fn a_slip_of_the_hand_finds_its_word() {
        let words = ["listen", "port", "shared_buffers"];
        assert_eq!(nearest("listn", words), Some("listen"));
        assert_eq!(nearest("sharedbuffer", words), Some("shared_buffers"));
        assert_eq!(nearest("prot", words), Some("port"));
        assert_eq!(nearest("ports", words), Some("port"));
    }

    #[test]
    fn a_word_that_is_nothing_like_any_other_finds_none() {
        assert_eq!(nearest("colour", ["listen", "port"]), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
