//! Looks at everything that alarms are judged by, and remembers what takes two looks to see.
//!
//! What cannot be looked at now is left out, so its alarms stay as they are.

use std::collections::BTreeMap;
use std::fs;

use keystead::alarm::judge::{
    Applying, Certificate, Clocks, Disk, Facts, Impostor, Limits, Logins, Retention, Slot, last_error,
};
use keystead::api::cluster::Clash;
use keystead::api::summary::View;
use keystead::clock::Micros;
use keystead::member::roster::{Member, Roster};
use keystead::replication::horizon::Seen;
use keystead::replication::names;
use keystead::server_version::ServerVersion;
use keystead::summary::is_silent;
use keystead::{Error, Result};
use nix::sys::statvfs::statvfs;
use sql::Connection;
use sql::bad_row::Found;
use sql::identity::Identity;

use crate::agent::{Agent, Standing};
use crate::blocking::in_place;
use crate::links::revoked;
use crate::postgres::logs;
use crate::supervisor::HANGS;
use crate::view;

/// What costs more than a glance (names, certificates) is looked at this often.
const SELDOM_MILLIS: i64 = 10_000;

/// Programs on the disk are asked for their version this often.
const INSTALLED_MILLIS: i64 = 60_000;

/// A view older than this is not believed: whoever makes it has stopped.
const VIEW_MILLIS: i64 = 10_000;

/// The speed of writing is measured over this long at least, and over ten times this at the most.
const SPEED_MILLIS: i64 = 60_000;

/// Remembers between looks.
#[derive(Default)]
pub(super) struct Eyes {
    applying: BTreeMap<String, Applying>,
    speed: Speed,
    seldom: Option<Micros>,
    asked_installed: Option<Micros>,
    installed: Option<ServerVersion>,
}

impl Eyes {
    /// Looks at everything.
    pub(super) async fn look(&mut self, agent: &Agent, now: Micros) -> Facts {
        let seldom = is_due(self.seldom, SELDOM_MILLIS, now);
        let mut facts = Facts {
            now,
            disk: disk(agent),
            join_failed: join_failed(agent),
            // At every look: an alarm that settles is forgotten where it is not found again.
            revocation_list: Some(revocation_list(agent)),
            logins: Some(logins(agent)),
            hanging: Some(agent.tasks.overdue(HANGS)),
            ..Facts::default()
        };
        self.look_at_server(agent, &mut facts).await;
        (facts.bad_rows, facts.misuse) = hostile(agent).await.unwrap_or_default();
        if seldom {
            self.seldom = Some(now);
            facts.certificates = Some(certificates(agent));
        }
        let looked = match agent.identity().ok().filter(|_| agent.standing() == Standing::Member) {
            Some(me) => self.look_at_others(agent, &me, seldom, &mut facts).await,
            None => self.look_alone(agent, seldom, &mut facts).await,
        };
        if let Err(error) = looked {
            tracing::debug!(error = error.chain(), "not everything could be looked at");
        }
        facts
    }

    async fn look_at_server(&mut self, agent: &Agent, facts: &mut Facts) {
        if let Ok((damaged_pages, queue, running)) = server(agent).await {
            facts.damaged_pages = Some(damaged_pages);
            facts.notification_queue = Some(queue);
            // The one of somebody else has no peers.
            facts.running = Some(running).filter(|_| !agent.postgres.is_attached());
        }
        if is_due(self.asked_installed, INSTALLED_MILLIS, facts.now) {
            self.asked_installed = Some(facts.now);
            self.installed = agent.postgres.installed_version().await;
        }
        facts.installed = self.installed;
    }

    /// A node that is no member has no others.
    async fn look_alone(&mut self, agent: &Agent, seldom: bool, facts: &mut Facts) -> Result<()> {
        self.applying.clear();
        facts.applying = Some(BTreeMap::new());
        facts.view = Some(View {
            cluster_summary: BTreeMap::new(),
            last_updated: facts.now.to_utc().unwrap_or_default(),
            stable_time: None,
        });
        facts.slots = Some(BTreeMap::new());
        facts.impostors = Some(BTreeMap::new());
        facts.clocks = Some(clocks(agent, &[]));
        facts.unanswered = Some(BTreeMap::new());
        if seldom {
            facts.clashes = Some(sql::alarm::clashes(&*agent.db().await?).await?);
        }
        Ok(())
    }

    async fn look_at_others(&mut self, agent: &Agent, me: &Identity, seldom: bool, facts: &mut Facts) -> Result<()> {
        let db = agent.db().await?;
        let roster = sql::node::all(&db).await?;
        let heard = view::heard(agent);
        let peers: Vec<&Member> = roster.ready().filter(|node| node.id != me.node_id).collect();
        facts.clocks = Some(clocks(agent, &peers));
        facts.impostors = Some(impostors(agent, &peers));
        facts.unanswered = Some(unanswered(agent, &peers));
        // By the times that heartbeats carry: one that is the same as before was not applied.
        let newest = sql::heartbeat::newest(&db).await?;
        facts.applying = Some(self.applying(agent, &db, &peers, &newest).await?);
        let view = sql::node_view::all(&db).await?.remove(me.node_id.as_str());
        let is_fresh = |view: &View| facts.now.millis_since(Micros(view.last_updated.timestamp_micros())) < VIEW_MILLIS;
        facts.view = view.filter(is_fresh);
        facts.slots = Some(self.slots(&db, me, &peers, facts.now).await?);
        if seldom {
            facts.clashes = Some(clashes(&db, me, &roster, &heard, facts.now).await?);
        }
        Ok(())
    }

    /// How applying the changes of each of the others goes. The log is read where it fails.
    async fn applying(
        &mut self,
        agent: &Agent,
        db: &Connection,
        peers: &[&Member],
        heard: &Seen,
    ) -> Result<BTreeMap<String, Applying>> {
        let (me, now) = (agent.identity()?, agent.clock.now());
        let errors = sql::stat::apply_errors(db).await?;
        self.applying
            .retain(|id, _| peers.iter().any(|peer| peer.id.as_str() == id));
        for peer in peers {
            let Some(errors) = errors.get(&names::link(peer.number, me.number)) else {
                continue;
            };
            let member = self.applying.entry(peer.id.to_string()).or_default();
            member.host.clone_from(&peer.address.host);
            member.look(now, heard.get(&peer.number).copied(), errors.count);
            if member.is_failing(now) && member.error.is_none() {
                member.error = last_error(&logs::newest(agent.postgres.paths()), errors.subscription);
            }
        }
        Ok(self.applying.clone())
    }

    async fn slots(
        &mut self,
        db: &Connection,
        me: &Identity,
        peers: &[&Member],
        now: Micros,
    ) -> Result<BTreeMap<String, Slot>> {
        let kept = sql::stat::slots(db).await?;
        if let Some(slot) = kept.values().next() {
            self.speed.look(slot.current, now);
        }
        let of_peer = |peer: &&Member| {
            let slot = kept.get(&names::link(me.number, peer.number));
            let retention = slot.map(|slot| Retention {
                lost: slot.lost,
                kept: slot.kept,
                left: slot.left,
                per_second: self.speed.per_second,
            });
            let host = peer.address.host.clone();
            (peer.id.to_string(), Slot { host, retention })
        };
        Ok(peers.iter().map(of_peer).collect())
    }
}

/// Whether so much time has passed since the last look, or the clock went back.
fn is_due(last: Option<Micros>, every_millis: i64, now: Micros) -> bool {
    last.is_none_or(|at| !(0..every_millis).contains(&now.millis_since(at)))
}

/// How fast this node writes WAL.
#[derive(Debug, Default)]
struct Speed {
    since: Option<(u64, Micros)>,
    per_second: i64,
}

impl Speed {
    fn look(&mut self, position: u64, now: Micros) {
        let (before, since) = *self.since.get_or_insert((position, now));
        let millis = now.millis_since(since);
        if millis >= SPEED_MILLIS {
            let bytes = i64::try_from(position.saturating_sub(before)).unwrap_or(i64::MAX);
            self.per_second = bytes.saturating_mul(1000) / millis;
        }
        if !(0..10 * SPEED_MILLIS).contains(&millis) {
            self.since = Some((position, now));
        }
    }
}

/// The clocks of these, as far as they were measured lately.
fn clocks(agent: &Agent, peers: &[&Member]) -> Clocks {
    let skews = agent.memory.skews();
    let of_peer = |peer: &&Member| {
        let skew = skews.get(&peer.number)?;
        Some((peer.id.to_string(), (peer.address.host.clone(), *skew)))
    };
    Clocks {
        skews: peers.iter().filter_map(of_peer).collect(),
        limits: Limits {
            alarm: agent.config.clock.alarm_skew_ms,
            join: agent.config.clock.join_skew_ms,
        },
    }
}

/// Those of these that do not answer what they are asked, with the host and the reason.
fn unanswered(agent: &Agent, peers: &[&Member]) -> BTreeMap<String, (String, String)> {
    let of_peer = |peer: &&Member| {
        let why = agent.peers.unanswered().why(&peer.address)?;
        Some((peer.id.to_string(), (peer.address.host.clone(), why)))
    };
    peers.iter().filter_map(of_peer).collect()
}

/// Every member sees the same clashes, so the first that is up tells them: the others find none.
async fn clashes(db: &Connection, me: &Identity, roster: &Roster, heard: &Seen, now: Micros) -> Result<Vec<Clash>> {
    let is_up = |node: &&Member| node.id == me.node_id || !is_silent(heard.get(&node.number).copied(), now);
    let first = roster.ready().filter(is_up).map(|node| node.number).min();
    if first == Some(me.number) {
        Ok(sql::alarm::clashes(db).await?)
    } else {
        Ok(Vec::new())
    }
}

/// How full the disk under the data is.
pub(crate) fn disk(agent: &Agent) -> Option<Disk> {
    let disk = in_place(|| statvfs(agent.postgres.paths().data_dir())).ok()?;
    let used = disk.blocks().saturating_sub(disk.blocks_free());
    Some(Disk {
        used: used.saturating_mul(disk.fragment_size()),
        free: disk.blocks_available().saturating_mul(disk.fragment_size()),
    })
}

/// How many damaged pages the server has read, how full its queue of notifications is in percent, and its version.
async fn server(agent: &Agent) -> Result<(i64, i32, ServerVersion)> {
    let db = agent.db().await?;
    Ok((
        sql::stat::damaged_pages(&db).await?,
        sql::session::notification_queue_percent(&db).await?,
        sql::server::version(&db).await?,
    ))
}

/// What others sent or did that no node does: rows, and misuse of their connections.
async fn hostile(agent: &Agent) -> Result<(Option<BTreeMap<String, String>>, Option<BTreeMap<String, String>>)> {
    let db = agent.db().await?;
    let roster = sql::node::all(&db).await?;
    let told = |found: Found| {
        let sender = roster.nodes.iter().find(|node| Some(node.number) == found.sender);
        let subject = sender.map_or(sql::misuse::UNKNOWN, |node| node.id.as_str());
        let text = format!(
            "{} rows that no node writes, one of them in {}",
            found.count,
            found.example.escape_debug()
        );
        (subject.to_owned(), text)
    };
    let bad_rows = sql::bad_row::by_sender(&db).await?.into_iter().map(told).collect();
    Ok((Some(bad_rows), Some(sql::misuse::recent(&db).await?)))
}

/// Those in the place of a member.
fn impostors(agent: &Agent, peers: &[&Member]) -> BTreeMap<String, Impostor> {
    let known = agent.peers.impostors();
    let of_peer = |peer: &&Member| Some((peer.id.to_string(), known.get(&peer.id)?.clone()));
    peers.iter().filter_map(of_peer).collect()
}

/// Can this node check members' certificates against a revocation list of each authority?
fn revocation_list(agent: &Agent) -> std::result::Result<(), String> {
    if agent.standing() != Standing::Member {
        return Ok(());
    }
    revoked::check(agent.postgres.paths())
}

fn logins(agent: &Agent) -> Logins {
    let (failures, worst) = agent.logins.failures();
    Logins { failures, worst }
}

fn join_failed(agent: &Agent) -> Option<String> {
    let join = agent.join.borrow();
    join.as_ref()?.killed().map(str::to_owned)
}

/// Those that are there. What cannot be read is told by the part that needs it.
pub(crate) fn certificates(agent: &Agent) -> Vec<Certificate> {
    let paths = agent.postgres.paths();
    let rest = agent
        .config
        .rest
        .certificate
        .clone()
        .unwrap_or_else(|| paths.data_dir().join("rest/rest.crt"));
    let mut list = vec![("rest", rest)];
    // A node that is no member has a placeholder, which nobody looks at.
    if agent.standing() == Standing::Member {
        list.extend([
            ("node", paths.tls_certificate()),
            ("ca", paths.tls_authority()),
            ("crl", paths.tls_revoked()),
        ]);
    }
    let read = |(name, path): (&'static str, std::path::PathBuf)| {
        let pem = fs::read_to_string(path).ok()?;
        let ends = ends(name, &pem).inspect_err(|error| {
            tracing::debug!(name, error = error.chain(), "a certificate does not say when it ends");
        });
        let ends = ends.ok()??;
        Some(Certificate {
            name,
            ends,
            renewed_from: renewed_from(agent, name, &pem, ends),
        })
    };
    list.into_iter().filter_map(read).collect()
}

fn ends(name: &str, pem: &str) -> Result<Option<i64>> {
    let read = if name == "crl" {
        certs::revocation_list_ends(pem)
    } else {
        certs::certificate_ends(pem).map(Some)
    };
    read.map_err(|cause| Error::internal("reading when a certificate ends", cause))
}

/// From when on this node makes it anew by itself, if it does.
fn renewed_from(agent: &Agent, name: &str, pem: &str, ends: i64) -> Option<i64> {
    let lifetimes = agent.config.cluster.lifetimes;
    match name {
        "node" => {
            let own = certs::Identity::from_pem(pem).ok()?;
            Some(lifetimes.renewed_from(own.not_before, own.not_after))
        }
        "crl" => Some(lifetimes.list_renewed_from(ends)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_measured_over_a_minute_at_least() {
        let at = |seconds: i64| Micros(1_700_000_000_000_000 + seconds * 1_000_000);
        let mut speed = Speed::default();
        speed.look(1000, at(0));
        speed.look(31_000, at(30));
        assert_eq!(speed.per_second, 0, "too short to tell");
        speed.look(61_000, at(60));
        assert_eq!(speed.per_second, 1000);
        // The clock was set back: measured anew from here.
        speed.look(70_000, at(-100));
        speed.look(82_000, at(-40));
        assert_eq!(speed.per_second, 200);
    }
}
