//! Walks a TOML document, remembers which keys were asked for, and collects everything that is wrong with it.
//!
//! This file decides where a fault is (file and line) and how it is told. It knows no key by itself: `parse.rs` asks
//! for them, and what was not asked for does not exist. Next: `values.rs`, which turns one value into one type.

use std::cell::RefCell;

use toml::de::{DeTable, DeValue};

use super::suggest::nearest;
use crate::error::{Error, Result};

/// A document being read.
pub(super) struct Document<'a> {
    file: &'a str,
    text: &'a str,
    root: DeTable<'a>,
    /// Every key asked for, with its section: `rest.listen`.
    known: RefCell<Vec<String>>,
    /// Line (0: none) and text of everything wrong.
    problems: RefCell<Vec<(usize, String)>>,
}

impl<'a> Document<'a> {
    /// Reads the text as TOML; `file` is only its name, for messages.
    pub(super) fn new(text: &'a str, file: &'a str) -> Result<Self> {
        let root = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            let why = error.message().replace('\n', ", ");
            Error::invalid_param(format!("{file}:{line}: not TOML: {why}"))
        })?;
        let (known, problems) = (RefCell::default(), RefCell::default());
        Ok(Self {
            file,
            text,
            root: root.into_inner(),
            known,
            problems,
        })
    }

    /// The keys outside every section.
    pub(super) fn top(&self) -> Section<'_> {
        Section {
            document: self,
            name: "",
            table: Some(&self.root),
        }
    }

    /// The keys under `[name]`; a section that is not there is empty.
    pub(super) fn section(&self, name: &'static str) -> Section<'_> {
        let table = self.root.get(name).and_then(|value| {
            let table = value.get_ref().as_table();
            if table.is_none() {
                self.problem(
                    value.span().start,
                    format!("{name} must be a section, written as [{name}]"),
                );
            }
            table
        });
        Section {
            document: self,
            name,
            table,
        }
    }

    /// Notes a fault at a place in the text.
    fn problem(&self, offset: usize, what: String) {
        self.problems.borrow_mut().push((line_of(self.text, offset), what));
    }

    /// Every key that was asked for, with its section.
    pub(super) fn known(&self) -> Vec<String> {
        self.known.borrow().clone()
    }

    /// Refuses what nobody asked for, then tells everything that is wrong, in the order of the lines.
    pub(super) fn finish(self) -> Result<()> {
        self.find_unknown();
        let mut problems = self.problems.into_inner();
        if problems.is_empty() {
            return Ok(());
        }
        // What has no line is a key that is missing: after the key that was perhaps meant to be it.
        problems.sort_by_key(|(line, _)| if *line == 0 { usize::MAX } else { *line });
        let lines: Vec<String> = problems
            .iter()
            .map(|(line, what)| told(self.file, *line, what))
            .collect();
        Err(Error::invalid_param(lines.join("\n")))
    }

    fn find_unknown(&self) {
        let known = self.known();
        let is_section = |name: &str| {
            known
                .iter()
                .any(|key| key.split_once('.').is_some_and(|(section, _)| section == name))
        };
        for (key, value) in &self.root {
            match value.get_ref().as_table() {
                Some(table) if is_section(key.get_ref()) => {
                    for inner in table.keys() {
                        self.check_known(&known, key.get_ref(), inner.get_ref(), inner.span().start);
                    }
                }
                _ if is_section(key.get_ref()) => {}
                _ => self.check_known(&known, "", key.get_ref(), key.span().start),
            }
        }
    }

    fn check_known(&self, known: &[String], section: &str, key: &str, offset: usize) {
        if known.iter().any(|known| *known == full(section, key)) {
            return;
        }
        let place = if section.is_empty() {
            String::new()
        } else {
            format!(" in [{section}]")
        };
        let elsewhere = known
            .iter()
            .find_map(|known| known.split_once('.').filter(|(_, name)| *name == key));
        let neighbours = known.iter().filter_map(|known| match known.split_once('.') {
            Some((of, name)) => (of == section).then_some(name).or((section.is_empty()).then_some(of)),
            None => section.is_empty().then_some(known.as_str()),
        });
        let advice = match (nearest(key, neighbours), elsewhere) {
            (_, Some((of, _))) => format!("; it belongs in [{of}]"),
            (Some(near), None) => format!("; did you mean `{near}`?"),
            (None, None) => "; see docs/configuration.md for those there are".to_owned(),
        };
        self.problem(offset, format!("unknown key `{key}`{place}{advice}"));
    }
}

/// One section of a document.
pub(super) struct Section<'d> {
    document: &'d Document<'d>,
    name: &'static str,
    table: Option<&'d DeTable<'d>>,
}

impl Section<'_> {
    /// The value of a key read by `read`, whose error completes the sentence "`key` …". `None` when it is not there or
    /// is wrong; the latter is noted.
    pub(super) fn get<T>(&self, key: &str, read: impl Fn(&DeValue<'_>) -> Result<T, String>) -> Option<T> {
        let full = full(self.name, key);
        self.document.known.borrow_mut().push(full.clone());
        let value = self.table?.get(key)?;
        match read(value.get_ref()) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.document.problem(value.span().start, format!("{full} {wrong}"));
                None
            }
        }
    }

    /// Like [`Self::get`], and its absence is a fault too.
    pub(super) fn require<T>(&self, key: &str, read: impl Fn(&DeValue<'_>) -> Result<T, String>) -> Option<T> {
        if self.table.is_none_or(|table| !table.contains_key(key)) {
            let what = format!("{} is missing", full(self.name, key));
            self.document.problems.borrow_mut().push((0, what));
        }
        self.get(key, read)
    }
}

fn full(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}

fn told(file: &str, line: usize, what: &str) -> String {
    if line == 0 {
        format!("{file}: {what}")
    } else {
        format!("{file}:{line}: {what}")
    }
}

/// The line, from 1, of a place in a text.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
