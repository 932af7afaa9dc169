//! What users see of alarms and what they say to them, and the names that clash.

use keystead::api;
use keystead::api::alarm::AlarmDetails;
use keystead::api::cluster::Clash;
use keystead::syslog::Event;
use keystead::text::escape;
use keystead::{Error, Result};
use serde::Deserialize;
use sql::Connection;
use sql::alarm::{Filter, Mark, State};

use crate::agent::Agent;
use crate::syslog;

/// The only kind of source there is.
const SERVER: &str = "server_record";

/// Which alarms are asked for, as clients write it. What is left out or empty is no restriction.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Alarms of exactly this name: `Cluster Node Down`.
    name: Option<String>,
    /// `on` or `off`.
    state: Option<String>,
    /// `critical`, `warning` and so on.
    severity: Option<String>,
    /// The id of the node that raised them.
    source: Option<String>,
    /// `server_record`; there are none of `client_record`.
    source_type: Option<String>,
}

/// How many alarms match, and those of one page, the newest first.
pub(crate) async fn list(agent: &Agent, asked: Asked, skip: u64, limit: u64) -> Result<(u64, Vec<api::alarm::Alarm>)> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    if given(asked.source_type).is_some_and(|kind| kind != SERVER) {
        return Ok((0, Vec::new()));
    }
    let filter = Filter {
        name: given(asked.name),
        state: given(asked.state),
        severity: given(asked.severity),
        source: given(asked.source),
    };
    // Numbers beyond PostgreSQL's are beyond any number of alarms.
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let db = agent.db().await?;
    let total = sql::alarm::count(&db, &filter).await?;
    let alarms = sql::alarm::list(&db, &filter, whole(skip), whole(limit)).await?;
    Ok((total, alarms.into_iter().map(shown).collect()))
}

/// One alarm.
pub(crate) async fn get(agent: &Agent, id: &str) -> Result<api::alarm::Alarm> {
    Ok(shown(find(&*agent.db().await?, id).await?))
}

/// Somebody takes notice of an alarm.
pub(crate) async fn acknowledge(agent: &Agent, id: &str, account: &str) -> Result<api::alarm::Alarm> {
    let db = agent.db().await?;
    let alarm = find(&db, id).await?;
    if let Some((_, by)) = alarm.acknowledged {
        return Err(Error::conflict(format!("{by} has acknowledged this alarm already")));
    }
    mark(agent, &db, &alarm, Mark::Acknowledged, account).await
}

/// Somebody does not want to see an alarm until it is raised anew.
pub(crate) async fn clear(agent: &Agent, id: &str, account: &str) -> Result<api::alarm::Alarm> {
    let db = agent.db().await?;
    let alarm = find(&db, id).await?;
    if alarm.state == "off" {
        return Err(Error::conflict("this alarm is off already"));
    }
    mark(agent, &db, &alarm, Mark::Cleared, account).await
}

/// Names that several keys or accounts have.
pub(crate) async fn clashes(agent: &Agent) -> Result<Vec<Clash>> {
    Ok(sql::alarm::clashes(&*agent.db().await?).await?)
}

async fn mark(agent: &Agent, db: &Connection, alarm: &State, mark: Mark, account: &str) -> Result<api::alarm::Alarm> {
    let name = sql::account::by_id(db, account).await?.map(|account| account.username);
    let name = name.unwrap_or_else(|| account.to_owned());
    if !sql::alarm::mark(db, alarm, mark, &name, agent.clock.now()).await? {
        return Err(Error::conflict(format!("this alarm was {} a moment ago", mark.name())));
    }
    let (kind, subject) = (&alarm.kind, &alarm.subject);
    tracing::info!(target: "alarm", alarm = kind, subject, account = name, "{}", mark.name());
    let event = match mark {
        Mark::Acknowledged => Event::Acknowledged,
        Mark::Cleared => Event::Cleared,
    };
    let speaker = syslog::speaker(agent);
    agent
        .syslog
        .send(speaker.said(event, (kind, &alarm.name), subject, &name));
    get(agent, &alarm.id).await
}

async fn find(db: &Connection, id: &str) -> Result<State> {
    let found = sql::alarm::by_id(db, id).await?;
    found.ok_or_else(|| Error::not_found("the alarm"))
}

/// Subjects and descriptions hold texts of users and of other nodes: what is in them drives nothing that shows an alarm.
fn shown(state: State) -> api::alarm::Alarm {
    let plain = |text: &str| escape::line(text).into_owned();
    let description = plain(&state.description);
    let known = keystead::alarm::Alarm::from_id(&state.kind);
    let (acknowledged_at, acknowledged_by) = state.acknowledged.unzip();
    let (cleared_at, cleared_by) = state.cleared.unzip();
    api::alarm::Alarm {
        id: state.id,
        name: state.name,
        alarm: state.kind,
        subject: plain(&state.subject),
        state: state.state,
        severity: state.severity,
        remedy: known.map(|alarm| alarm.entry().remedy).unwrap_or_default().to_owned(),
        count: state.episode,
        triggered_at: state.triggered_at,
        source: plain(&state.source),
        source_type: SERVER.to_owned(),
        acknowledged_at,
        acknowledged_by,
        cleared_at,
        cleared_by,
        details: AlarmDetails {
            message: description.clone(),
            success: false,
            username: "system".to_owned(),
            client_ip: String::new(),
        },
        description,
    }
}
