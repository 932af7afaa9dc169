//! Measures this node. What cannot be measured now is left out.

use std::collections::BTreeMap;

use keystead::alarm::judge::Retention;
use keystead::api::summary::View;
use keystead::clock::Micros;
use keystead::metrics::families::{Facts, Peer, page};
use keystead::replication::horizon::{self, Seen};
use keystead::replication::names;
use keystead::{NodeNumber, Result};
use sql::Connection;

use crate::agent::{Agent, Standing};
use crate::{alarm, view};

/// Counting the rows that a node lacks reads whole tables, so it is done for one that lacks what is older than this.
const COUNTED_AFTER_MICROS: i64 = 5_000_000;

/// All measures as Prometheus reads them.
pub(crate) async fn text(agent: &Agent) -> String {
    let mut facts = Facts {
        now: agent.clock.now(),
        started: agent.started,
        version: crate::version::version(),
        node: agent.config.name_or(&crate::api::host_name()).to_owned(),
        join: agent.join.borrow().as_ref().map(|join| join.progress.clone()),
        disk: alarm::disk(agent),
        certificates: alarm::certificates(agent),
        ..Facts::default()
    };
    let counts = agent.syslog.counts().into_iter();
    facts.syslogs = counts
        .map(|(id, counts)| (id, counts.waiting_bytes, counts.dropped))
        .collect();
    if agent.standing() != Standing::Joining
        && let Err(error) = ask_database(agent, &mut facts).await
    {
        tracing::debug!(error = error.chain(), "not everything could be measured");
    }
    page(&facts).into_text()
}

async fn ask_database(agent: &Agent, facts: &mut Facts) -> Result<()> {
    let db = agent.db().await?;
    facts.alarms = Some(sql::alarm::count_on(&db).await?);
    facts.outbox_bytes = Some(sql::stat::outbox_bytes(&db).await?);
    if agent.standing() == Standing::Member {
        measure_others(agent, &db, facts).await?;
    }
    Ok(())
}

async fn measure_others(agent: &Agent, db: &Connection, facts: &mut Facts) -> Result<()> {
    let me = agent.identity()?;
    let roster = sql::node::all(db).await?;
    let members: Vec<NodeNumber> = roster.ready().map(|node| node.number).collect();
    facts.members = Some(members.len() as u64);
    let heartbeats = sql::heartbeat::all(db).await?;
    facts.horizon = horizon::horizon(&heartbeats, &members);
    let late = Micros(facts.now.0 - COUNTED_AFTER_MICROS);
    let rows = rows_behind(db, horizon::behind(&heartbeats, &members, me.number, late)).await?;
    let slots = sql::stat::slots(db).await?;
    let seen = sql::node_view::all(db).await?.remove(me.node_id.as_str());
    let mut links = view::facts(agent, db, &roster).await?;
    facts.peers = roster
        .peers(&me.node_id)
        .filter_map(|node| {
            let mut link = links.remove(&node.number)?;
            let (rate, blocked) = seen
                .as_ref()
                .and_then(|view| speed(view, node.id.as_str()))
                .unwrap_or_default();
            link.apply_rate = rate;
            let slot = slots.get(&names::link(me.number, node.number));
            Some(Peer {
                host: node.address.host.clone(),
                link,
                blocked,
                rows_behind: rows.get(&node.number).copied().unwrap_or_default(),
                retention: slot.map(|slot| Retention {
                    lost: slot.lost,
                    kept: slot.kept,
                    left: slot.left,
                    per_second: 0,
                }),
            })
        })
        .collect();
    Ok(())
}

/// How many rows each of those lacks that have everything up to a time.
async fn rows_behind(db: &Connection, behind: Seen) -> Result<BTreeMap<NodeNumber, i64>> {
    let written = sql::replication::written_after(db, behind.values().copied().collect()).await?;
    let lacks = |(number, time)| Some((number, *written.get(&time)?));
    Ok(behind.into_iter().filter_map(lacks).collect())
}

/// What takes two looks to see, as the view saw it last.
fn speed(view: &View, node: &str) -> Option<(i64, bool)> {
    let link = view.cluster_summary.get(node)?.node_info.link.as_ref()?;
    Some((link.apply_rate, link.replication_blocked))
}
