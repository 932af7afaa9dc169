//! Tests of the checker: clusters with a bug planted in them, each of which must be caught.
//!
//! A bug is planted in a cluster that runs, by changing its SQL functions as superuser or by meddling beside the workload.
//! Where the text to change is not found, the mutant fits the product no more, and planting it fails.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use keystead::id::NodeNumber;
use keystead::replication::names;
use tokio::time::sleep;
use tokio_postgres::Client;

use super::nemesis::Kind;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutant {
    /// The clock alone decides who wins, not what a writer has seen.
    WallClockWinner,
    /// Deletions leave nothing behind.
    ForgottenTombstone,
    /// A slot is moved past changes that were not sent, and nobody notices.
    SkippedSlotRange,
    /// A write is acknowledged before it is durable.
    AcknowledgeBeforeCommit,
    /// One node decides ties the other way round. Versions are whole seconds, so that there are ties.
    SwappedTieBreak,
    /// One node drops one arriving row in a hundred.
    DroppedRow,
    /// One node purges tombstones that others do not have yet.
    PurgeBeforeAllHaveIt,
    /// The state of a key merges by version, like any other column.
    LatticeByVersion,
    /// One node changes rows by itself.
    ChangedRow,
    /// A key that arrives takes its name from the key that has it, and its life.
    NameTakesKey,
    /// Name and description of a row are merged apart.
    TornRow,
    /// One node decides the other way round which of two versions of one number is current.
    OtherCurrentVersion,
    /// No bug, only versions of whole seconds: what [`Mutant::SwappedTieBreak`] must be caught beside.
    RoundedVersions,
}

impl Mutant {
    /// All, with the names that `MUTANT` takes.
    pub(super) const ALL: [(&str, Self); 13] = [
        ("wall-clock-winner", Self::WallClockWinner),
        ("forgotten-tombstone", Self::ForgottenTombstone),
        ("skipped-slot-range", Self::SkippedSlotRange),
        ("acknowledge-before-commit", Self::AcknowledgeBeforeCommit),
        ("swapped-tie-break", Self::SwappedTieBreak),
        ("dropped-row", Self::DroppedRow),
        ("purge-before-all-have-it", Self::PurgeBeforeAllHaveIt),
        ("lattice-by-version", Self::LatticeByVersion),
        ("changed-row", Self::ChangedRow),
        ("name-takes-key", Self::NameTakesKey),
        ("torn-row", Self::TornRow),
        ("other-current-version", Self::OtherCurrentVersion),
        ("rounded-versions", Self::RoundedVersions),
    ];

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        let named = Self::ALL.into_iter().find(|(_, mutant)| *mutant == self);
        named.map_or("", |(name, _)| name)
    }

    /// The mutant with this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, mutant)| mutant)
    }

    /// The invariants that catch it: each of them must be broken. The control is to break none.
    pub(super) fn caught_by(self) -> &'static [&'static str] {
        match self {
            Self::WallClockWinner => &["causality"],
            Self::ForgottenTombstone | Self::PurgeBeforeAllHaveIt => &["endings"],
            Self::SkippedSlotRange | Self::DroppedRow => &["agreement", "delivery"],
            Self::AcknowledgeBeforeCommit => &["lost"],
            Self::SwappedTieBreak => &["agreement"],
            Self::LatticeByVersion => &["states"],
            Self::ChangedRow => &["honesty"],
            Self::NameTakesKey => &["lost", "names"],
            Self::TornRow => &["whole"],
            Self::OtherCurrentVersion => &["versions"],
            Self::RoundedVersions => &[],
        }
    }

    /// The faults under which it shows.
    pub(super) fn faults(self) -> Vec<Kind> {
        match self {
            Self::WallClockWinner => vec![Kind::Skew],
            Self::AcknowledgeBeforeCommit => vec![Kind::KillPostgres],
            Self::SkippedSlotRange | Self::DroppedRow | Self::ChangedRow | Self::TornRow => vec![],
            _ => vec![Kind::CutBothWays, Kind::CutOneWay, Kind::Isolate],
        }
    }

    /// Plants it.
    pub(super) async fn plant(self, cluster: &Cluster) -> Result<()> {
        for (place, node) in cluster.nodes.iter().enumerate() {
            let db = node.db(sql::database::CLUSTER).await?;
            if matches!(self, Self::SwappedTieBreak | Self::RoundedVersions) {
                db.batch_execute(ROUND_VERSIONS).await?;
            }
            if !self.is_on_one_node() || place == VICTIM {
                self.plant_in(&db).await?;
            }
        }
        Ok(())
    }

    fn is_on_one_node(self) -> bool {
        matches!(
            self,
            Self::SwappedTieBreak | Self::DroppedRow | Self::OtherCurrentVersion
        )
    }

    async fn plant_in(self, db: &Client) -> Result<()> {
        let (merge, stamp) = ("replication.merge_key()", "replication.stamp_update_key()");
        let arrival = "replication.arrive_key()";
        match self {
            Self::WallClockWinner => {
                let rule = (
                    "greatest(replication.version_now(), old.version + 1)",
                    "replication.version_now()",
                );
                rewrite(db, stamp, &[rule]).await
            }
            Self::ForgottenTombstone => Ok(db.batch_execute(FORGET).await?),
            Self::AcknowledgeBeforeCommit => acknowledge_early(db).await,
            Self::SwappedTieBreak => {
                let swapped = "(excluded.version, -excluded.origin) > (t.version, -t.origin)";
                rewrite(
                    db,
                    merge,
                    &[("(excluded.version, excluded.origin) > (t.version, t.origin)", swapped)],
                )
                .await
            }
            Self::DroppedRow => {
                let drop = "begin if hashtext(new.id || new.version) % 100 = 0 then return null; end if;";
                rewrite(db, arrival, &[("begin", drop)]).await?;
                rewrite(db, merge, &[("begin", drop)]).await
            }
            Self::LatticeByVersion => {
                let newer = ("public.join_key_state(t.state, excluded.state)", "excluded.state");
                let older = ("public.join_key_state(t.state, new.state)", "t.state");
                rewrite(db, merge, &[newer, older]).await
            }
            Self::NameTakesKey => {
                db.batch_execute("grant delete on public.key to keystead_apply").await?;
                let take = "begin delete from public.key where name = new.name and id <> new.id and not deleted;";
                rewrite(db, arrival, &[("begin", take)]).await
            }
            Self::TornRow => {
                rewrite(
                    db,
                    merge,
                    &[("name = excluded.name", "name = greatest(t.name, excluded.name)")],
                )
                .await
            }
            Self::OtherCurrentVersion => {
                let swapped = ("created_at desc, id desc", "created_at, id");
                rewrite(db, "public.newest_version(text, integer)", &[swapped]).await
            }
            Self::SkippedSlotRange => notice_no_slots(db).await,
            Self::PurgeBeforeAllHaveIt | Self::ChangedRow | Self::RoundedVersions => Ok(()),
        }
    }

    /// Meddles beside the workload until that is over, where the bug is something that happens.
    pub(super) async fn meddle(self, sockets: &[PathBuf], is_over: impl Fn() -> bool) {
        let statement = match self {
            Self::PurgeBeforeAllHaveIt => PURGE,
            Self::ChangedRow => CHANGE,
            _ => return,
        };
        while !is_over() {
            // A server that is away is tried again.
            if let Some(socket) = sockets.get(VICTIM) {
                run_at(socket, statement).await.ok();
            }
            // Not waiting for anything: this is how often it happens.
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Does once what needs the cluster itself.
    pub(super) async fn meddle_once(self, cluster: &Cluster, numbers: &[i32]) -> Result<()> {
        match (self, &cluster.nodes[..], numbers) {
            (Self::SkippedSlotRange, [from, to, ..], [number_from, number_to, ..]) => {
                let link = names::link(NodeNumber(*number_from), NodeNumber(*number_to));
                skip(from, to, &link).await
            }
            _ => Ok(()),
        }
    }
}

/// The node that mutants on one node are planted in.
const VICTIM: usize = 1;

/// Whatever makes versions, they are whole seconds after this.
const ROUND_VERSIONS: &str = "
    alter function replication.version_now() rename to exact_version_now;
    create function replication.version_now() returns bigint language sql volatile as
        'select replication.exact_version_now() / 1000000 * 1000000'";

/// A tombstone is deleted as soon as it is made, or arrives.
const FORGET: &str = "
    grant delete on public.key to keystead_apply;
    create function public.forget() returns trigger language plpgsql as
    $$
    declare
        before text := current_setting('session_replication_role');
    begin
        if before <> 'replica' then
            perform set_config('session_replication_role', 'replica', true);
        end if;
        delete from public.key where id = new.id;
        if before <> 'replica' then
            perform set_config('session_replication_role', before, true);
        end if;
        return null;
    end
    $$;
    create trigger forget after insert or update on public.key
        for each row when (new.deleted) execute function public.forget();
    alter table public.key enable replica trigger forget";

/// Tombstones are deleted, whoever has them or not.
const PURGE: &str = "
    begin; set local session_replication_role = replica; delete from public.key where deleted; commit";

/// One row changes as by a bad disk.
const CHANGE: &str = "
    begin; set local session_replication_role = replica;
    update public.key set description = 'rotten' where id = (select id from live.key order by random() limit 1); commit";

async fn acknowledge_early(db: &Client) -> Result<()> {
    for setting in ["synchronous_commit = off", "wal_writer_delay = '10s'"] {
        db.batch_execute(&format!("alter system set {setting}")).await?;
    }
    db.batch_execute("select pg_reload_conf()").await?;
    let early = "perform set_config('synchronous_commit', 'off', true); return made;";
    rewrite(db, "public.create_key(public.key)", &[("return made;", early)]).await?;
    let waits = "set_config('synchronous_commit', 'on', true)";
    let does_not = "set_config('synchronous_commit', 'off', true)";
    rewrite(db, "replication.wait_for_peers(integer)", &[(waits, does_not)]).await
}

/// What notices that a slot was moved: the count of heartbeats, and the look at the slots.
async fn notice_no_slots(db: &Client) -> Result<()> {
    rewrite(db, "replication.hear()", &[("begin", "begin return new;")]).await?;
    rewrite(db, "replication.watch_slots()", &[("begin", "begin return;")]).await
}

/// Changes the text of a function.
async fn rewrite(db: &Client, function: &str, rules: &[(&str, &str)]) -> Result<()> {
    let query = "select pg_get_functiondef($1::text::regprocedure)";
    let mut text: String = db.query_one(query, &[&function]).await?.get(0);
    for (old, new) in rules {
        ensure!(
            text.contains(old),
            "{function} has no {old}: this mutant fits the product no more:\n{text}"
        );
        text = text.replacen(old, new, 1);
    }
    Ok(db.batch_execute(&text).await?)
}

async fn run_at(socket: &PathBuf, statement: &str) -> Result<()> {
    let mut config = tokio_postgres::Config::new();
    config.host_path(socket).user("keystead").dbname(sql::database::CLUSTER);
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    sql::drive(connection);
    Ok(client.batch_execute(statement).await?)
}

/// Moves a slot past what its reader has not got. Both agents stand still meanwhile, so that neither mends the link.
async fn skip(from: &Node, to: &Node, link: &str) -> Result<()> {
    let (sender, reader) = (
        from.db(sql::database::CLUSTER).await?,
        to.db(sql::database::CLUSTER).await?,
    );
    reader
        .batch_execute(&format!("alter subscription {link} disable"))
        .await?;
    let behind = format!(
        "select active or confirmed_flush_lsn > pg_current_wal_lsn() - 20000 from pg_replication_slots where slot_name = '{link}'"
    );
    until("the reader is behind", PATIENCE, async || {
        Ok(!sender.query_one(&behind, &[]).await?.get::<_, bool>(0))
    })
    .await?;
    from.halt_agent()?;
    to.halt_agent()?;
    let advance = format!("select pg_replication_slot_advance('{link}', pg_current_wal_lsn())");
    let moved = sender.batch_execute(&advance).await;
    let enabled = reader.batch_execute(&format!("alter subscription {link} enable")).await;
    from.let_agent_go_on()?;
    to.let_agent_go_on()?;
    moved?;
    Ok(enabled?)
}
