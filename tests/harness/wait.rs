//! Waits for a condition instead of for a time.
//!
//! Decides how often it looks and what it says when the condition never came true; never what the condition is.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// Between two looks: short beside everything that is waited for, long beside one query.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `holds` says yes. After `patience` fails and names `what` never came true.
///
/// An error of `holds` is an answer of no, and is told when time is up: what is not there yet often answers with one.
pub(crate) async fn until(what: &str, patience: Duration, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + patience;
    loop {
        let answer = holds().await;
        if matches!(answer, Ok(true)) {
            return Ok(());
        }
        if Instant::now() > end {
            let why = answer
                .err()
                .map(|error| format!("; last: {error:#}"))
                .unwrap_or_default();
            bail!("waited {patience:?} in vain until {what}{why}");
        }
        sleep(PAUSE).await;
    }
}
