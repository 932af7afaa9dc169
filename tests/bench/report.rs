//! The page that comes out: first all ratios beside what is wanted of them, then how each was measured.

use std::fmt::Write as _;

/// What a ratio should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Wanted {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("at least {bound}"),
            Self::AtMost(bound) => format!("at most {bound}"),
        }
    }
}

/// One line of the first table.
#[derive(Debug)]
pub(crate) struct Figure {
    /// What was measured, with its unit or its peer.
    pub(crate) what: String,
    pub(crate) value: f64,
    /// `None` when the figure is for information.
    pub(crate) wanted: Option<Wanted>,
}

impl Figure {
    pub(crate) fn new(what: &str, value: f64, wanted: Option<Wanted>) -> Self {
        Self {
            what: what.to_owned(),
            value,
            wanted,
        }
    }

    fn line(&self) -> String {
        let (wanted, reached) = match self.wanted {
            Some(wanted) => (wanted.words(), if wanted.holds(self.value) { "yes" } else { "**no**" }),
            None => (String::new(), ""),
        };
        format!("| {} | {:.2} | {wanted} | {reached} |", self.what, self.value)
    }
}

/// One measurement.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// How it was measured, as Markdown.
    pub(crate) how: String,
    pub(crate) figures: Vec<Figure>,
    /// Lines of a table with the absolute values; the first is its head.
    pub(crate) table: Vec<Vec<String>>,
}

/// The whole page.
pub(crate) fn text(machine: &str, sections: &[Section]) -> String {
    let mut page = format!(
        "# Benchmarks\n\nWritten by `make bench`; changes made here are lost. Trust the ratios, not the absolute values: \
         each ratio is of two things measured in turns in one run.\n\n{machine}\n\n\
         | measured | value | wanted | reached |\n|---|---|---|---|\n"
    );
    for figure in sections.iter().flat_map(|section| &section.figures) {
        // Writing to a text cannot fail.
        writeln!(page, "{}", figure.line()).ok();
    }
    for section in sections {
        write!(
            page,
            "\n## {}\n\n{}\n\n{}",
            section.title,
            section.how,
            table(&section.table)
        )
        .ok();
    }
    page
}

/// A table; the first row is its head.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        writeln!(text, "| {} |", row.join(" | ")).ok();
        if number == 0 {
            writeln!(text, "|{}", "---|".repeat(row.len())).ok();
        }
    }
    text
}
