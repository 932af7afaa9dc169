//! The list of syslog servers, as users keep it.

use keystead::api::syslog::{Syslog, SyslogRequest};
use keystead::quota::Quota;
use keystead::syslog::request::Sink;
use keystead::{Error, Result};
use sql::syslog::Entry;
use tokio::sync::Mutex;

use crate::agent::Agent;
use crate::cluster::random_id;
use crate::keys::ACCOUNT;

/// Held from counting to adding, so that calls at one time do not all find room for the last one.
static ADDING: Mutex<()> = Mutex::const_new(());

/// All of them, the oldest first.
pub(crate) async fn list(agent: &Agent) -> Result<Vec<Syslog>> {
    let entries = sql::syslog::all(&*agent.db().await?).await?;
    Ok(entries.into_iter().map(shown).collect())
}

/// One of them.
pub(crate) async fn get(agent: &Agent, id: &str) -> Result<Syslog> {
    find(agent, id).await.map(shown)
}

/// Adds one.
pub(crate) async fn create(agent: &Agent, asked: SyslogRequest) -> Result<Syslog> {
    let sink = Sink::try_from(asked)?;
    let _alone = ADDING.lock().await;
    Quota::SyslogServers.admits(sql::syslog::all(&*agent.db().await?).await?.len())?;
    put(agent, &random_id(), sink).await
}

/// Changes one. What the request leaves out stays.
pub(crate) async fn change(agent: &Agent, id: &str, asked: SyslogRequest) -> Result<Syslog> {
    let sink = find(agent, id).await?.sink.changed_by(asked)?;
    put(agent, id, sink).await
}

/// Deletes one; what waits for it is forgotten.
pub(crate) async fn delete(agent: &Agent, id: &str) -> Result<()> {
    let found = find(agent, id).await?;
    sql::syslog::delete(&*agent.db().await?, &found.id).await?;
    agent.syslog.changed.notify_one();
    Ok(())
}

async fn put(agent: &Agent, id: &str, sink: Sink) -> Result<Syslog> {
    let now = agent.clock.now().to_utc().unwrap_or_default();
    sql::syslog::put(&*agent.db().await?, id, &sink, now).await?;
    agent.syslog.changed.notify_one();
    get(agent, id).await
}

async fn find(agent: &Agent, id: &str) -> Result<Entry> {
    let entries = sql::syslog::all(&*agent.db().await?).await?;
    let found = entries.into_iter().find(|entry| entry.id == id);
    found.ok_or_else(|| Error::not_found("the syslog server"))
}

fn shown(entry: Entry) -> Syslog {
    let Entry {
        id,
        sink,
        created_at,
        updated_at,
    } = entry;
    Syslog {
        id,
        account: ACCOUNT.to_owned(),
        created_at,
        updated_at,
        host: sink.host,
        transport: sink.transport.name().to_owned(),
        port: sink.port,
        ca_cert: sink.ca_cert.unwrap_or_default(),
        message_format: sink.format.name().to_owned(),
    }
}
