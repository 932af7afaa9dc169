//! Measures of a node as Prometheus reads them: text format 0.0.4.
//!
//! This file writes the format; [`families`] decides which measures there are. Measuring is `appliance/src/metrics`.

#[cfg(test)]
mod docs;
pub mod families;

use std::fmt::{self, Write as _};

use crate::clock::Micros;

/// What kind of measure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only rises while the agent runs.
    Counter,
}

/// A value.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// A count, or bytes, or days.
    Whole(i128),
    /// A time, told in seconds.
    Time(Micros),
}

impl From<u8> for Number {
    fn from(number: u8) -> Self {
        Self::Whole(number.into())
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number.into())
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Whole(number.into())
    }
}

impl From<Micros> for Number {
    fn from(time: Micros) -> Self {
        Self::Time(time)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Time(Micros(micros)) => {
                let sign = if *micros < 0 { "-" } else { "" };
                let micros = micros.unsigned_abs();
                write!(f, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
            }
        }
    }
}

/// One value with its labels.
#[derive(Debug, Clone)]
pub struct Sample {
    labels: Vec<(&'static str, String)>,
    value: Number,
}

/// A value without labels.
pub fn plain(value: impl Into<Number>) -> Sample {
    Sample {
        labels: Vec::new(),
        value: value.into(),
    }
}

/// A value with one label.
pub fn labelled(name: &'static str, label: impl Into<String>, value: impl Into<Number>) -> Sample {
    Sample {
        labels: vec![(name, label.into())],
        value: value.into(),
    }
}

/// A text of measures that grows.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    #[cfg(test)]
    names: Vec<(&'static str, &'static str)>,
}

impl Page {
    /// Adds one measure with all its values. Without values it is left out.
    pub fn add(
        &mut self,
        kind: Kind,
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = Sample>,
    ) {
        #[cfg(test)]
        self.names.push((name, help));
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let word = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        // Writing to a text cannot fail.
        writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {word}").ok();
        for Sample { labels, value } in samples {
            let labels: Vec<String> = labels
                .iter()
                .map(|(name, label)| format!("{name}=\"{}\"", escaped(label)))
                .collect();
            let labels = match labels.join(",") {
                none if none.is_empty() => none,
                some => format!("{{{some}}}"),
            };
            writeln!(self.text, "{name}{labels} {value}").ok();
        }
    }

    /// All of it.
    pub fn into_text(self) -> String {
        self.text
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_has_its_help_its_kind_and_escaped_labels() {
        let mut page = Page::default();
        page.add(
            Kind::Gauge,
            "a",
            "what a is",
            [plain(1_u8), labelled("host", "x\"\\\ny", Micros(500_000))],
        );
        page.add(Kind::Counter, "b", "never seen", []);
        assert_eq!(
            page.into_text(),
            "# HELP a what a is\n# TYPE a gauge\na 1\na{host=\"x\\\"\\\\\\ny\"} 0.500000\n"
        );
    }
}
