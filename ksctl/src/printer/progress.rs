//! The line that shows how far a join is: live at a terminal, one line a stage elsewhere.
//!
//! This file decides how progress reads. What it means, and when it ends, is decided in
//! [`crate::commands::cluster::follow`].

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use keystead::api::cluster::ClusterInfo;
use keystead::join::progress::Progress;
use keystead::text::escape;
use tokio::time::Instant;

use super::Printer;
use crate::pace::{Pace, time_left};

/// How often the spinner of the live line turns.
const TURN: Duration = Duration::from_millis(120);

/// Shows a join while it runs.
#[derive(Debug)]
pub(crate) struct JoinLine {
    printer: Printer,
    bar: ProgressBar,
    began: Instant,
    pace: Option<Pace>,
    stage: String,
    trouble: Option<String>,
    place: Option<usize>,
}

impl JoinLine {
    /// A line on standard error.
    pub(crate) fn new(printer: Printer) -> Self {
        // Draws nothing where standard error is not a terminal.
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TURN);
        Self {
            printer,
            bar,
            began: Instant::now(),
            pace: None,
            stage: String::new(),
            trouble: None,
            place: None,
        }
    }

    /// Shows what the joining node says of itself.
    pub(crate) fn show(&mut self, info: &ClusterInfo) {
        let progress = info.progress.clone().unwrap_or_default();
        if self.stage != info.status.description {
            self.stage.clone_from(&info.status.description);
            self.pace = None;
            self.say(&info.status.description);
        }
        if self.trouble != progress.last_error {
            if let Some(trouble) = &progress.last_error {
                let text = format!("the node met trouble and tries again: {trouble}");
                self.bar.suspend(|| self.printer.note(&text));
            }
            self.trouble.clone_from(&progress.last_error);
        }
        if self.place != progress.place {
            if let Some(place) = progress.place {
                self.say(&format!("waiting: place {place}"));
            }
            self.place = progress.place;
        }
        let at = self.began.elapsed();
        let pace = self.pace.get_or_insert_with(|| Pace::start(at, progress.bytes_done));
        let rate = pace.rate(at, progress.bytes_done);
        let text = line(&info.status.description, &progress, rate);
        self.bar.set_message(escape::line(&text).into_owned());
    }

    /// Shows why nothing is known at the moment.
    pub(crate) fn waiting(&mut self, why: &str) {
        let text = format!("{}: waiting, {why}", self.stage);
        self.bar.set_message(escape::line(&text).into_owned());
    }

    /// Takes the live line away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// A line that stays, where there is no live one to say it.
    fn say(&self, text: &str) {
        if self.bar.is_hidden() {
            self.printer.note(text);
        }
    }
}

/// Stage, rows, time left, rate and bytes, as far as they are known; what matters least is cut off first by a narrow
/// terminal.
fn line(status: &str, progress: &Progress, rate: Option<u64>) -> String {
    let mut parts = vec![status.strip_prefix("joining: ").unwrap_or(status).to_owned()];
    if let Some(place) = progress.place {
        parts.push(format!("waiting: place {place}"));
    }
    if progress.rows_total > 0 {
        parts.push(format!(
            "{}/{} rows",
            HumanCount(progress.rows_done),
            HumanCount(progress.rows_total)
        ));
    }
    if let Some(lag) = progress.lag_bytes {
        parts.push(format!("{} behind", HumanBytes(lag)));
    }
    if let Some(rate) = rate.filter(|rate| *rate > 0) {
        let bytes_left = progress.bytes_total.saturating_sub(progress.bytes_done);
        if let Some(left) = time_left(bytes_left, rate).filter(|_| bytes_left > 0) {
            parts.push(format!("{:#} left", HumanDuration(left)));
        }
        parts.push(format!("{}/s", HumanBytes(rate)));
    }
    if progress.bytes_total > 0 {
        parts.push(format!(
            "{}/{}",
            HumanBytes(progress.bytes_done),
            HumanBytes(progress.bytes_total)
        ));
    }
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_stage_rows_time_left_rate_and_bytes() {
        let progress = Progress {
            rows_done: 1_200_000,
            rows_total: 3_000_000,
            bytes_done: 180 << 20,
            bytes_total: 450 << 20,
            ..Progress::default()
        };
        assert_eq!(
            line("joining: initial sync (3/5)", &progress, Some(45 << 20)),
            "initial sync (3/5)  1,200,000/3,000,000 rows  6s left  45.00 MiB/s  180.00 MiB/450.00 MiB"
        );
    }

    #[test]
    fn the_line_leaves_out_what_is_not_known() {
        assert_eq!(
            line("joining: creating (1/5)", &Progress::default(), None),
            "creating (1/5)"
        );
        let waiting = Progress {
            place: Some(2),
            ..Progress::default()
        };
        assert_eq!(
            line("joining: creating (1/5)", &waiting, None),
            "creating (1/5)  waiting: place 2"
        );
        let behind = Progress {
            lag_bytes: Some(2048),
            ..Progress::default()
        };
        assert_eq!(
            line("joining: catching up (4/5)", &behind, Some(0)),
            "catching up (4/5)  2.00 KiB behind"
        );
    }
}
