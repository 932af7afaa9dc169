//! How a table is laid out: the one mechanism behind every table of this program.
//!
//! This file decides what gives way when a terminal is too narrow: first ids are shortened to what tells them apart, then
//! long texts are cut, then the columns that matter least are left out. Without a width nothing gives way. It never
//! decides which columns there are ([`super::tables`]) and never prints ([`super::Printer`]).

use std::borrow::Cow;
use std::collections::BTreeSet;

use anstyle::{AnsiColor, Style};
use keystead::text::escape;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

const HEADER: Style = Style::new().bold();
const GAP: usize = 2;
/// Less of a text says nothing; of one that is always shown, more is worth another column.
const SHORTEST_TEXT: usize = 12;
const SHORTEST_MAIN_TEXT: usize = 20;
/// Fewer digits of an id are hard to tell from another number.
const SHORTEST_ID: usize = 8;
/// What remains of a column that cannot be left out, however narrow the terminal is.
const SHORTEST_CELL: usize = 3;

/// What a cell says of the thing it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Tone {
    /// Nothing to look at.
    #[default]
    Plain,
    /// Somebody should look soon.
    Warning,
    /// Something is wrong.
    Bad,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// One cell: one line of characters that are all to be seen.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell with a tone.
    pub(crate) fn toned(text: impl AsRef<str>, tone: Tone) -> Self {
        Self {
            text: escape::line(text.as_ref()).into_owned(),
            tone,
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// How the cells of a column give way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Not at all.
    Whole,
    /// Not at all; numbers end at the right.
    Number,
    /// A long text may lose its end.
    Text,
    /// An id may be shortened to what tells it from the others that are shown.
    Id,
}

/// A column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    title: Cow<'static, str>,
    fit: Fit,
    rank: u8,
}

/// A column; 0 as `rank` stays always, the highest one is left out first.
pub(crate) fn column(title: impl Into<Cow<'static, str>>, fit: Fit, rank: u8) -> Column {
    let title = title.into();
    Column { title, fit, rank }
}

/// A table before it is laid out.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    legend: Option<&'static str>,
}

/// A table as it is to be seen. `text` has colours in it.
#[derive(Debug)]
pub(crate) struct Sheet {
    /// One line for the titles and one for each row.
    pub(crate) text: String,
    /// The titles of columns that had no room.
    pub(crate) left_out: Vec<String>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
            legend: None,
        }
    }

    /// Adds a row, which has a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<Cell>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Explains below the table what its signs mean.
    #[must_use]
    pub(crate) fn with_legend(mut self, legend: &'static str) -> Self {
        self.legend = Some(legend);
        self
    }

    /// Lays the table out in `width` columns of a terminal, or in as many as it needs.
    pub(crate) fn sheet(mut self, width: Option<usize>) -> Sheet {
        if let Some(width) = width.filter(|width| needed(&self.naturals()) > *width) {
            self.shorten_ids();
            return self.fitted(width);
        }
        let widths: Vec<(usize, usize)> = self.naturals().into_iter().enumerate().collect();
        self.drawn(&widths, width)
    }

    /// The width of each column if nothing gives way.
    fn naturals(&self) -> Vec<usize> {
        let cells = |place: usize| self.rows.iter().filter_map(move |row| row.get(place));
        let widest = |place: usize| cells(place).map(|cell| cell.text.width()).max().unwrap_or(0);
        let columns = self.columns.iter().enumerate();
        columns
            .map(|(place, column)| widest(place).max(column.title.width()))
            .collect()
    }

    fn shorten_ids(&mut self) {
        let is_id = |place: usize| self.columns.get(place).is_some_and(|column| column.fit == Fit::Id);
        let mut ids: Vec<&mut String> = Vec::new();
        for row in &mut self.rows {
            let cells = row.iter_mut().enumerate().filter(|(place, _)| is_id(*place));
            ids.extend(cells.map(|(_, cell)| &mut cell.text).filter(|text| looks_like_id(text)));
        }
        let length = telling_length(&ids.iter().map(|id| id.as_str()).collect());
        for id in ids {
            id.truncate(length);
        }
    }

    /// Texts are cut down to their shortest, and columns left out until the rest has room.
    fn fitted(self, width: usize) -> Sheet {
        let naturals = self.naturals();
        let floor = |place: usize, natural: usize| match self.columns.get(place) {
            Some(column) if column.fit == Fit::Text => {
                let shortest = if column.rank == 0 {
                    SHORTEST_MAIN_TEXT
                } else {
                    SHORTEST_TEXT
                };
                natural.min(shortest.max(column.title.width()))
            }
            _ => natural,
        };
        let floors = naturals.iter().enumerate();
        let mut kept: Vec<(usize, usize)> = floors.map(|(place, natural)| (place, floor(place, *natural))).collect();
        while needed(kept.iter().map(|(_, floor)| floor)) > width {
            let rank = |place: usize| self.columns.get(place).map_or(0, |column| column.rank);
            let least = kept.iter().enumerate().max_by_key(|(_, (place, _))| rank(*place));
            match least.filter(|(_, (place, _))| rank(*place) > 0).map(|(at, _)| at) {
                Some(at) => drop(kept.remove(at)),
                None => break,
            }
        }
        self.squeeze(&mut kept, width);
        self.grow(&mut kept, &naturals, width);
        self.drawn(&kept, Some(width))
    }

    /// Columns that cannot be left out are cut, the widest first.
    #[expect(clippy::unused_self, reason = "it is a step of the layout, beside the others")]
    fn squeeze(&self, kept: &mut [(usize, usize)], width: usize) {
        while needed(kept.iter().map(|(_, width)| width)) > width {
            match kept.iter_mut().max_by_key(|(_, width)| *width) {
                Some((_, widest)) if *widest > SHORTEST_CELL => *widest -= 1,
                _ => return,
            }
        }
    }

    /// What is left of the width goes to the texts, the most important first.
    fn grow(&self, kept: &mut [(usize, usize)], naturals: &[usize], width: usize) {
        let mut left = width.saturating_sub(needed(kept.iter().map(|(_, width)| width)));
        let rank = |place: usize| self.columns.get(place).map_or(0, |column| column.rank);
        let mut order: Vec<&mut (usize, usize)> = kept.iter_mut().collect();
        order.sort_by_key(|(place, _)| rank(*place));
        for (place, width) in order {
            let more = naturals
                .get(*place)
                .map_or(0, |natural| natural.saturating_sub(*width))
                .min(left);
            *width += more;
            left -= more;
        }
    }

    fn drawn(&self, kept: &[(usize, usize)], width: Option<usize>) -> Sheet {
        let mut text = String::new();
        let titles = self.columns.iter().map(|column| Cell {
            text: column.title.to_uppercase(),
            tone: Tone::Plain,
        });
        self.draw_row(&mut text, &titles.collect::<Vec<_>>(), kept, Some(HEADER));
        for row in &self.rows {
            self.draw_row(&mut text, row, kept, None);
        }
        if let Some(legend) = self.legend {
            text.push_str(&cut(legend, width.unwrap_or(usize::MAX)));
            text.push('\n');
        }
        let is_kept = |place: usize| kept.iter().any(|(kept, _)| *kept == place);
        let columns = self.columns.iter().enumerate().filter(|(place, _)| !is_kept(*place));
        let left_out = columns.map(|(_, column)| column.title.clone().into_owned()).collect();
        Sheet { text, left_out }
    }

    fn draw_row(&self, text: &mut String, cells: &[Cell], kept: &[(usize, usize)], style: Option<Style>) {
        let last = kept.len().saturating_sub(1);
        for (number, (place, width)) in kept.iter().enumerate() {
            let Some((cell, column)) = cells.get(*place).zip(self.columns.get(*place)) else {
                continue;
            };
            let shown = cut(&cell.text, *width);
            let padding = " ".repeat(width.saturating_sub(shown.width()));
            let style = style.unwrap_or_else(|| cell.tone.style());
            let styled = if shown.is_empty() {
                String::new()
            } else {
                format!("{style}{shown}{style:#}")
            };
            if column.fit == Fit::Number {
                text.push_str(&padding);
            }
            text.push_str(&styled);
            if number < last && column.fit != Fit::Number {
                text.push_str(&padding);
            }
            if number < last {
                text.extend(std::iter::repeat_n(' ', GAP));
            }
        }
        let end = text.trim_end_matches(' ').len();
        text.truncate(end);
        text.push('\n');
    }
}

fn needed<'a>(widths: impl IntoIterator<Item = &'a usize>) -> usize {
    let (columns, sum) = widths
        .into_iter()
        .fold((0, 0), |(columns, sum), width| (columns + 1, sum + width));
    sum + GAP * usize::saturating_sub(columns, 1)
}

/// Names stand where ids do, as that of a node before it was in a cluster. They are not shortened.
fn looks_like_id(text: &str) -> bool {
    text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// How many digits tell all of these apart.
fn telling_length(ids: &BTreeSet<&str>) -> usize {
    let pairs = ids.iter().zip(ids.iter().skip(1));
    let common = |(one, other): (&&str, &&str)| one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    pairs
        .map(common)
        .max()
        .map_or(SHORTEST_ID, |same| SHORTEST_ID.max(same + 1))
}

/// As much of a text as has room, with a sign where it was cut.
pub(super) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut room = width.saturating_sub(1);
    let mut shown = String::new();
    for character in text.chars() {
        let Some(left) = room.checked_sub(character.width().unwrap_or(0)) else {
            break;
        };
        room = left;
        shown.push(character);
    }
    if width > 0 {
        shown.push('…');
    }
    Cow::Owned(shown)
}

#[cfg(test)]
impl Table {
    /// The table without colours, for tests.
    pub(super) fn plain(self, width: Option<usize>) -> String {
        anstream::adapter::strip_str(&self.sheet(width).text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 3] = [
        "78f3f9e6b0c14f1e9d52a3c7be713c01",
        "78f3f9e6b0f14f1e9d52a3c7be713c02",
        "aa00f9e6b0c14f1e9d52a3c7be713c03",
    ];

    fn example() -> Table {
        let mut table = Table::new([
            column("node", Fit::Id, 1),
            column("host", Fit::Text, 0),
            column("bytes", Fit::Number, 2),
            column("what", Fit::Text, 3),
        ]);
        for (id, bytes) in IDS.iter().zip(["1", "22", "333"]) {
            table.row([id, "node.example.com", bytes, "the peer has not been heard of for 12 s"]);
        }
        table
    }

    #[test]
    fn without_a_terminal_nothing_gives_way() {
        let text = example().plain(None);
        assert!(IDS.iter().all(|id| text.contains(id)), "{text}");
        assert!(text.contains("heard of for 12 s"), "{text}");
    }

    #[test]
    fn ids_give_way_first_then_texts_then_columns() {
        insta::assert_snapshot!(example().plain(Some(90)), @"
        NODE         HOST              BYTES  WHAT
        78f3f9e6b0c  node.example.com      1  the peer has not been heard of for 12 s
        78f3f9e6b0f  node.example.com     22  the peer has not been heard of for 12 s
        aa00f9e6b0c  node.example.com    333  the peer has not been heard of for 12 s
        ");
        insta::assert_snapshot!(example().plain(Some(60)), @"
        NODE         HOST              BYTES  WHAT
        78f3f9e6b0c  node.example.com      1  the peer has not been…
        78f3f9e6b0f  node.example.com     22  the peer has not been…
        aa00f9e6b0c  node.example.com    333  the peer has not been…
        ");
        insta::assert_snapshot!(example().plain(Some(40)), @"
        NODE         HOST              BYTES
        78f3f9e6b0c  node.example.com      1
        78f3f9e6b0f  node.example.com     22
        aa00f9e6b0c  node.example.com    333
        ");
        insta::assert_snapshot!(example().plain(Some(12)), @"
        HOST
        node.exampl…
        node.exampl…
        node.exampl…
        ");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 3..130 {
            let text = example().plain(Some(width));
            let widest = text.lines().map(UnicodeWidthStr::width).max();
            assert!(widest <= Some(width), "{width}:\n{text}");
        }
    }

    #[test]
    fn what_is_left_out_is_told() {
        assert_eq!(example().sheet(Some(40)).left_out, ["what"]);
        assert!(example().sheet(None).left_out.is_empty());
    }

    #[test]
    fn wide_characters_count_as_two_and_hidden_ones_are_shown_by_number() {
        let mut table = Table::new([column("name", Fit::Text, 0), column("state", Fit::Whole, 0)]);
        table.row(["鍵鍵鍵鍵鍵鍵鍵鍵", "on"]);
        table.row(["\u{1b}[2J\n\u{202e}", "off"]);
        insta::assert_snapshot!(table.plain(Some(20)), @r"
        NAME           STATE
        鍵鍵鍵鍵鍵鍵…  on
        \u{1b}[2J\n\…  off
        ");
    }

    #[test]
    fn a_bad_cell_has_colour_and_its_padding_has_none() {
        let mut table = Table::new([column("a", Fit::Whole, 0), column("b", Fit::Whole, 0)]);
        table.row([Cell::toned("down", Tone::Bad), Cell::from("x")]);
        table.row([Cell::from("longer"), Cell::from("y")]);
        let text = table.sheet(None).text;
        assert!(text.contains("\u{1b}[1m\u{1b}[31mdown\u{1b}[0m    x"), "{text:?}");
    }
}
