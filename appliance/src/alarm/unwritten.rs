//! What was told of alarms and is not in this node's rows yet: each change with the time at which it was told.
//!
//! An alarm that was raised and went off while the database was away is in the list of alarms afterwards as any other.
//! Decides nothing about alarms; what changes is decided in `watch.rs`.

use std::collections::VecDeque;

use keystead::Result;
use keystead::alarm::change::Change;
use keystead::clock::Micros;
use sql::Connection;

use super::watch::source;
use crate::agent::Agent;

/// So many changes are kept; an alarm that goes on and off all day costs the oldest.
const MOST: usize = 4_096;

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    changes: VecDeque<(Change, Micros)>,
}

impl Unwritten {
    /// These were told just now.
    pub(super) fn add(&mut self, told: Vec<Change>, now: Micros) {
        self.changes.extend(told.into_iter().map(|change| (change, now)));
        let over = self.changes.len().saturating_sub(MOST);
        if over > 0 {
            tracing::warn!(
                over,
                "changes of alarms will not be in the list: too many came while it could not be written"
            );
            self.changes.drain(..over);
        }
    }

    /// Writes them in their order.
    ///
    /// # Errors
    /// When the database does not take one: that one and those after it are kept.
    pub(super) async fn write(&mut self, agent: &Agent) -> Result<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let db = agent.db().await?;
        let source = source(agent);
        while let Some((change, told)) = self.changes.front() {
            write(&db, &source, change, *told).await?;
            self.changes.pop_front();
        }
        sql::bad_row::forget_old(&db).await?;
        Ok(sql::alarm::forget_old(&db).await?)
    }
}

async fn write(db: &Connection, source: &str, change: &Change, told: Micros) -> Result<()> {
    match change {
        Change::Raise(finding) => drop(sql::alarm::raise(db, source, finding, told).await?),
        Change::Retell(finding) => drop(sql::alarm::retell(db, finding, told).await?),
        Change::Clear(cause) => drop(sql::alarm::clear(db, cause, told).await?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use keystead::alarm::{Alarm, Cause};

    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_newest_stays() {
        let mut unwritten = Unwritten::default();
        for subject in 0..MOST + 10 {
            let cause = Cause::new(Alarm::SinkUnreachable, subject.to_string());
            unwritten.add(vec![Change::Clear(cause)], Micros(0));
        }
        assert_eq!(unwritten.changes.len(), MOST);
        let newest = Cause::new(Alarm::SinkUnreachable, (MOST + 9).to_string());
        assert!(matches!(unwritten.changes.back(), Some((Change::Clear(cause), _)) if *cause == newest));
    }
}
