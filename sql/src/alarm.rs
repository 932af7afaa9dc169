//! Alarms: the rows this node writes of what it finds wrong, what users said to them, and names that clash.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use keystead::alarm::{Alarm, Cause, Finding, Raised, Severity};
use keystead::api::cluster::Clash;
use keystead::clock::Micros;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::{Error, Result};
use crate::pool::Connection;
use crate::query::query;

/// An alarm as users see it.
#[derive(Debug, Clone)]
pub struct State {
    /// Its id.
    pub id: String,
    /// The node that raised it.
    pub source: String,
    /// The alarm's id in the list of alarms, which a newer version may know alone.
    pub kind: String,
    /// Its name for people.
    pub name: String,
    /// What it is about.
    pub subject: String,
    /// How bad it is.
    pub severity: String,
    /// What exactly is wrong.
    pub description: String,
    /// `on` or `off`.
    pub state: String,
    /// How often it was raised.
    pub episode: i64,
    /// When it was raised last.
    pub triggered_at: DateTime<Utc>,
    /// When somebody took notice of this episode, and who.
    pub acknowledged: Option<(DateTime<Utc>, String)>,
    /// When and by whom it was turned off.
    pub cleared: Option<(DateTime<Utc>, String)>,
}

/// Which alarms a list is about. `None` is no restriction.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those of this name.
    pub name: Option<String>,
    /// Those in this state.
    pub state: Option<String>,
    /// Those that are this bad.
    pub severity: Option<String>,
    /// Those that this node raised.
    pub source: Option<String>,
}

/// What a user says to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Took notice of it.
    Acknowledged,
    /// Does not want to see it any more.
    Cleared,
}

impl Mark {
    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Cleared => "cleared",
        }
    }
}

/// What this node has raised.
pub async fn raised(db: &Connection) -> Result<BTreeMap<Cause, Raised>> {
    let rows = query!("alarm/raised").rows(db, &[]).await?;
    // What only a newer version knows is not this one's to clear.
    let read = |row: &Row| {
        let raised = Raised {
            severity: Severity::from_name(row.get("severity"))?,
            text: row.get("description"),
            told: Micros(row.get("told")),
        };
        Some((
            Cause::new(Alarm::from_id(row.get("kind"))?, row.get::<_, String>("subject")),
            raised,
        ))
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// Raises an alarm of this node: a new episode. The alarm's id.
pub async fn raise(db: &Connection, source: &str, finding: &Finding, at: Micros) -> Result<String> {
    let Finding { cause, severity, text } = finding;
    let entry = cause.alarm.entry();
    let values: [&(dyn ToSql + Sync); 7] = [
        &entry.id,
        &cause.subject,
        &source,
        &entry.name,
        &severity.name(),
        text,
        &time(at)?,
    ];
    Ok(query!("alarm/raise").one(db, &values).await?.get(0))
}

/// Says in other words what is raised already. The alarm's id.
pub async fn retell(db: &Connection, finding: &Finding, at: Micros) -> Result<Option<String>> {
    let Finding { cause, severity, text } = finding;
    let values: [&(dyn ToSql + Sync); 5] = [&cause.alarm.id(), &cause.subject, &severity.name(), text, &time(at)?];
    let row = query!("alarm/retell").opt(db, &values).await?;
    Ok(row.map(|row| row.get(0)))
}

/// The cause is gone. The alarm's id.
pub async fn clear(db: &Connection, cause: &Cause, at: Micros) -> Result<Option<String>> {
    let row = query!("alarm/clear")
        .opt(db, &[&cause.alarm.id(), &cause.subject, &time(at)?])
        .await?;
    Ok(row.map(|row| row.get(0)))
}

/// One page of the alarms of all nodes that match, the newest first.
pub async fn list(db: &Connection, filter: &Filter, skip: i64, limit: i64) -> Result<Vec<State>> {
    let Filter {
        name,
        state,
        severity,
        source,
    } = filter;
    let rows = query!("alarm/list")
        .rows(db, &[name, state, severity, source, &skip, &limit])
        .await?;
    Ok(rows.iter().map(read).collect())
}

/// How many match.
pub async fn count(db: &Connection, filter: &Filter) -> Result<u64> {
    let Filter {
        name,
        state,
        severity,
        source,
    } = filter;
    let row = query!("alarm/count").one(db, &[name, state, severity, source]).await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

/// How many alarms of all nodes are on, by severity.
pub async fn count_on(db: &Connection) -> Result<Vec<(String, i64)>> {
    let rows = query!("alarm/count_on").rows(db, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The alarm with this id.
pub async fn by_id(db: &Connection, id: &str) -> Result<Option<State>> {
    Ok(query!("alarm/by_id").opt(db, &[&id]).await?.as_ref().map(read))
}

/// Keeps what a user said to an alarm. False when that was said already.
pub async fn mark(db: &Connection, alarm: &State, mark: Mark, account: &str, at: Micros) -> Result<bool> {
    let values: [&(dyn ToSql + Sync); 5] = [&alarm.id, &alarm.episode, &mark.name(), &account, &time(at)?];
    Ok(query!("alarm/mark").opt(db, &values).await?.is_some())
}

/// Deletes what nobody looks for any more: this node's alarms that were cleared 90 days ago, and marks of past episodes.
pub async fn forget_old(db: &Connection) -> Result<()> {
    query!("alarm/forget_marks").run(db, &[]).await?;
    query!("alarm/forget_old").run(db, &[]).await?;
    Ok(())
}

/// Names that several keys or accounts have.
pub async fn clashes(db: &Connection) -> Result<Vec<Clash>> {
    let rows = query!("alarm/clashes").rows(db, &[]).await?;
    let read = |row: &Row| Clash {
        kind: row.get("kind"),
        name: row.get("name"),
        ids: row.get("ids"),
    };
    Ok(rows.iter().map(read).collect())
}

fn time(at: Micros) -> Result<DateTime<Utc>> {
    at.to_utc()
        .ok_or_else(|| Error::Unexpected(format!("the time {}", at.0)))
}

fn read(row: &Row) -> State {
    let said = |at: &str, by: &str| Some((row.get::<_, Option<_>>(at)?, row.get::<_, Option<_>>(by)?));
    State {
        id: row.get("id"),
        source: row.get("source"),
        kind: row.get("kind"),
        name: row.get("name"),
        subject: row.get("subject"),
        severity: row.get("severity"),
        description: row.get("description"),
        state: row.get("state"),
        episode: row.get("episode"),
        triggered_at: row.get("triggered_at"),
        acknowledged: said("acknowledged_at", "acknowledged_by"),
        cleared: said("cleared_at", "cleared_by"),
    }
}
