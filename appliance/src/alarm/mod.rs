//! Alarms of this node: raised and cleared here, written as rows, told to the log and to syslog.
//!
//! Two ways lead in. The watch (`watch.rs`) looks every few seconds at what can be looked at (`facts.rs`) and judges it
//! by `keystead::alarm::judge`. Whatever only its own part knows is told by that part: [`Alarms::raise`]
//! and [`Alarms::clear`] cost nothing, cannot fail and may be repeated; the watch writes. What users see
//! and say is in `list.rs`.

mod facts;
mod list;
mod unwritten;
mod watch;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keystead::alarm::change::Told;
use keystead::alarm::{Alarm, Cause, Finding, Raised, Severity};
use tokio::sync::Notify;

pub(crate) use facts::{certificates, disk};
pub(crate) use list::{Asked, acknowledge, clashes, clear, get, list};
pub(crate) use watch::run;

/// What the parts of the agent have told and the watch has not yet written.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    told: Mutex<Told>,
    events: Mutex<Vec<Finding>>,
    changed: Notify,
}

impl Alarms {
    /// Something is wrong, as bad as this alarm's lowest level. It stays raised until [`Self::clear`], also over a
    /// restart of the agent.
    pub(crate) fn raise(&self, alarm: Alarm, subject: &str, text: impl Into<String>) {
        self.raise_as(alarm.severity(), alarm, subject, text);
    }
}

impl Alarms {
    /// As [`Self::raise`], with another of the alarm's levels.
    pub(crate) fn raise_as(&self, severity: Severity, alarm: Alarm, subject: &str, text: impl Into<String>) {
        let cause = Cause::new(alarm, subject);
        let finding = finding(severity, cause.clone(), text);
        self.told().insert(cause, Some(finding));
        self.changed.notify_one();
    }

    /// It is over, or was never so.
    pub(crate) fn clear(&self, alarm: Alarm, subject: &str) {
        self.told().insert(Cause::new(alarm, subject), None);
        self.changed.notify_one();
    }
}

impl Alarms {
    /// It is over, and people are to know of it also when it was over before anything was written.
    pub(crate) fn end(&self, alarm: Alarm, subject: &str) {
        let raised = self.told().get(&Cause::new(alarm, subject)).cloned().flatten();
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.extend(raised);
        drop(events);
        self.clear(alarm, subject);
    }
}

impl Alarms {
    /// Waits until something was told.
    async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What was told and is not done yet.
    fn pending(&self) -> Told {
        self.told().clone()
    }

    /// What happened since it was last asked.
    fn events(&self) -> Vec<Finding> {
        std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets what is so by now.
    fn forget_done(&self, raised: &BTreeMap<Cause, Raised>) {
        self.told().retain(|cause, told| match (told, raised.get(cause)) {
            (Some(finding), Some(raised)) => finding.severity < raised.severity,
            (told, raised) => told.is_some() != raised.is_some(),
        });
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn finding(severity: Severity, cause: Cause, text: impl Into<String>) -> Finding {
    let text = text.into();
    Finding { cause, severity, text }
}
