//! Backups: what was backed up comes back, all of it or nothing of it, and only where it may.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::harness::cluster::{Lab, fulljoin};
use crate::harness::node::PATIENCE;
use crate::harness::rest::Rest;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::refusals::{refused, ticket};

/// The password that backup keys are locked with.
const LOCK: &str = "a long enough one";

/// A restore of a few keys takes a part of this.
const SOON: Duration = Duration::from_secs(3);

/// A backup and its key, brought away from the node that made them.
struct Away {
    id: String,
    file: PathBuf,
    key: PathBuf,
    _folder: tempfile::TempDir,
}

impl Away {
    fn file(&self) -> &str {
        self.file.to_str().unwrap_or_default()
    }

    fn key(&self) -> &str {
        self.key.to_str().unwrap_or_default()
    }

    /// Brings the key to a node.
    async fn give_key(&self, node: &Node) -> Result<()> {
        let upload = ["backupkeys", "upload", "--file", self.key(), "--bkpassword", LOCK];
        node.json(&upload).await.map(drop)
    }

    /// Brings both to a node.
    async fn give(&self, node: &Node) -> Result<()> {
        self.give_key(node).await?;
        node.json(&["backup", "upload", "--file", self.file()]).await.map(drop)
    }
}

/// Makes a backup on this node and brings it away.
async fn backed_up(node: &Node) -> Result<Away> {
    let made = node
        .json(&["backup", "create", "--description", "for the test"])
        .await?;
    ensure!(made["status"] == "Completed", "{made}");
    let text = |name: &str| made[name].as_str().map(str::to_owned).context("not a text");
    let (id, key_id) = (text("id")?, text("backupKey")?);
    let folder = tempfile::tempdir()?;
    let away = Away {
        file: folder.path().join("data.backup"),
        key: folder.path().join("key.json"),
        id,
        _folder: folder,
    };
    let download = ["backup", "download", "--id", &away.id, "--file", away.file()];
    node.ksctl(&download).await?.text()?;
    let download = ["backupkeys", "download", "--id", &key_id, "--file", away.key()];
    let download = [download.as_slice(), &["--bkpassword", LOCK, "--hint", "how long?"]].concat();
    node.ksctl(&download).await?.text()?;
    Ok(away)
}

async fn restore(node: &Node, away: &Away) -> Result<Value> {
    node.json(&["backup", "restore", "--id", &away.id]).await
}

/// What makes a key that key: its id and its material.
async fn exported(node: &Node, name: &str) -> Result<(Value, Value)> {
    let key = node.json(&["keys", "export", "--name", name]).await?;
    Ok((key["id"].clone(), key["material"].clone()))
}

async fn make(node: &Node, name: &str) -> Result<()> {
    node.json(&["keys", "create", "--name", name]).await.map(drop)
}

/// The node has no key of this name.
async fn lacks(node: &Node, name: &str) -> Result<()> {
    let said = node.ksctl(&["keys", "get", "--name", name]).await?;
    ensure!(said.code == Some(1) && said.stderr.contains("not found"), "{said:?}");
    Ok(())
}

#[tokio::test]
async fn a_backup_of_a_member_is_restored_on_a_fresh_node_and_the_cluster_built_anew() -> Result<()> {
    let old = Cluster::new(2).await?;
    for name in ["plain", "rotated", "deleted"] {
        make(old.first(), name).await?;
    }
    old.first().json(&["vkeys", "create", "--name", "rotated"]).await?;
    old.first()
        .ksctl(&["keys", "delete", "--name", "deleted"])
        .await?
        .text()?;
    let (plain, rotated) = (
        exported(old.first(), "plain").await?,
        exported(old.first(), "rotated").await?,
    );
    old.wait_until_equal().await?;
    let away = backed_up(&old.nodes[1]).await?;
    make(old.first(), "later").await?;
    let on_member = old.nodes[1].rest().await?;
    let path = format!("backups/{}/restore", away.id);
    refused(&on_member.post(&path, &json!({})).await?, 409, "member of a cluster")?;
    drop(old);

    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    make(&node, "its-own").await?;
    node.json(&["backup", "upload", "--file", away.file()]).await?;
    let without_key = node.ksctl(&["backup", "restore", "--id", &away.id]).await?;
    ensure!(without_key.stderr.contains("no backup key"), "{without_key:?}");
    away.give_key(&node).await?;
    let status = restore(&node, &away).await?;
    assert_eq!(
        (&status["status"], &status["operation"]),
        (&json!("Completed"), &json!("restore"))
    );

    assert_eq!(exported(&node, "plain").await?, plain);
    assert_eq!(exported(&node, "rotated").await?, rotated);
    for name in ["deleted", "later", "its-own"] {
        lacks(&node, name).await?;
    }
    make(&node, "new").await?;
    node.json(&["cluster", "new", "--host", &node.address.to_string()])
        .await?;
    let mut cluster = Cluster { nodes: vec![node], lab };
    let joining = cluster.lab.single().await?;
    cluster.join(joining).await?;
    cluster.wait_until_equal().await?;
    assert_eq!(exported(&cluster.nodes[1], "rotated").await?, rotated);
    exported(&cluster.nodes[1], "new").await.map(drop)
}

#[tokio::test]
async fn what_a_restore_replaces_was_backed_up_before() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    make(&node, "first").await?;
    let away = backed_up(&node).await?;
    make(&node, "second").await?;
    let second = exported(&node, "second").await?;
    restore(&node, &away).await?;
    lacks(&node, "second").await?;

    let backups = node.json(&["backup", "list"]).await?;
    assert_eq!(backups["total"], 2, "{backups}");
    let before = &backups["resources"][1];
    let what = before["description"].as_str().unwrap_or_default();
    ensure!(what.contains(&away.id), "{before}");
    let id = before["id"].as_str().context("an id")?;
    node.json(&["backup", "restore", "--id", id]).await?;
    assert_eq!(exported(&node, "second").await?, second);
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_being_made_is_made_before_it_is_replaced_and_every_key_that_stays_opens() -> Result<()> {
    let mut lab = Lab::new()?;
    let (one, other) = (lab.single().await?, lab.single().await?);
    make(&one, "restored").await?;
    let away = backed_up(&one).await?;
    away.give(&other).await?;
    let db = other.db(sql::database::CLUSTER).await?;
    // Who makes a key of this name waits here, with its material wrapped already.
    let name = "hashtextextended('key under-way', 0)";
    db.batch_execute(&format!("select pg_advisory_lock({name})")).await?;
    let rest = other.rest().await?;
    let body = json!({"name": "under-way"});
    let (made, restored, watched) = tokio::join!(
        rest.post("vault/keys2", &body),
        async {
            waits(&other).await?;
            restore(&other, &away).await
        },
        async {
            until("the restore has begun", PATIENCE, async || {
                Ok(rest.get("backupStatus").await?.body["operation"] == "restore")
            })
            .await?;
            // It would be done by then if it did not wait for the call.
            let done = until("it is done", SOON, async || {
                Ok(rest.get("backupStatus").await?.body["status"] == "Completed")
            });
            ensure!(done.await.is_err(), "the restore did not wait");
            db.batch_execute(&format!("select pg_advisory_unlock({name})")).await?;
            Ok(())
        }
    );
    watched?;
    assert_eq!(made?.status, 201);
    assert_eq!(restored?["status"], "Completed");
    lacks(&other, "under-way").await?;
    make(&other, "after").await?;
    for name in ["restored", "after"] {
        exported(&other, name).await?;
    }
    Ok(())
}

/// Waits until somebody waits to make a key.
async fn waits(node: &Node) -> Result<()> {
    until("the key waits", PATIENCE, async || {
        let waiting = "select count(*)::text from pg_locks where locktype = 'advisory' and not granted";
        Ok(node.query(waiting).await? == "1")
    })
    .await
}

/// Waits until a node stands still at a fail point.
async fn stands_still(node: &Node) -> Result<()> {
    until("it stands still", PATIENCE, async || {
        Ok(node.logged().contains("halted by a fail point"))
    })
    .await
}

#[tokio::test]
async fn a_node_that_restores_joins_no_cluster_and_one_that_joins_restores_nothing() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let away = backed_up(cluster.first()).await?;
    let mut restoring = cluster.lab.node()?;
    restoring.start_new("restore::halt=return").await?;
    make(&restoring, "its-own").await?;
    away.give(&restoring).await?;
    let host = restoring.address.to_string();
    let body = ticket(cluster.first(), &restoring, &host).await?;
    let rest = restoring.rest().await?;
    let path = format!("backups/{}/restore", away.id);
    let asked = json!({});
    let begun = async { rest.post(&path, &asked).await.map(drop) };
    let meanwhile = async {
        stands_still(&restoring).await?;
        while_it_restores(&restoring, &body, &path).await?;
        let refused = fulljoin(cluster.first(), &restoring, false).await.unwrap_err();
        ensure!(format!("{refused:#}").contains("is being restored"), "{refused:#}");
        Ok(())
    };
    tokio::select! {
        begun = begun => begun.context("it was over by then")?,
        done = meanwhile => done?,
    }
    restoring.kill()?;
    restoring.start().await?;
    assert_eq!(restoring.json(&["backup", "status"]).await?["status"], "Failed");
    restoring.json(&["keys", "get", "--name", "its-own"]).await?;

    let mut joining = cluster.lab.node()?;
    joining.start_new("join::initial_sync::halt=return").await?;
    away.give(&joining).await?;
    let rest = joining.rest().await?;
    fulljoin(cluster.first(), &joining, false).await?;
    stands_still(&joining).await?;
    refused(&rest.post(&path, &json!({})).await?, 409, "joining a cluster")?;
    let by_command = joining.ksctl(&["backup", "restore", "--id", &away.id]).await?;
    ensure!(by_command.stderr.contains("joining a cluster"), "{by_command:?}");
    assert_eq!(joining.json(&["cluster", "info"]).await?["status"]["code"], "i");
    Ok(())
}

/// Everything that would bring the node into a cluster, or replace its data twice, is refused for good; what can wait, for now.
async fn while_it_restores(node: &Node, join: &Value, path: &str) -> Result<()> {
    let rest = node.rest().await?;
    let new = json!({"localNodeHost": node.address.to_string()});
    for (call, body) in [
        ("cluster/csr", &json!({})),
        ("cluster/join", join),
        ("cluster/preflight", join),
        ("cluster/new", &new),
        (path, &json!({})),
    ] {
        refused(&rest.post(call, body).await?, 409, "is being restored").context(call.to_owned())?;
    }
    for call in ["vault/keys2", "backups"] {
        refused(&rest.post(call, &json!({"name": "n"})).await?, 503, "is being restored")?;
    }
    refused(&rest.get("vault/keys2").await?, 503, "is being restored")?;
    let status = rest.get("backupStatus").await?.good()?;
    assert_eq!(status["status"], "InProgress", "{status}");
    Ok(())
}

/// A node whose agent was killed in the midst of a restore and runs again, and the one whose backup that was.
struct Killed {
    node: Node,
    from: Node,
    away: Away,
    status: Value,
    _lab: Lab,
}

async fn killed_at(point: &str) -> Result<Killed> {
    let mut lab = Lab::new()?;
    let from = lab.single().await?;
    make(&from, "restored").await?;
    let away = backed_up(&from).await?;
    let mut node = lab.node()?;
    node.start_new(&format!("{point}=return")).await?;
    make(&node, "its-own").await?;
    away.give(&node).await?;
    let cut_off = restore(&node, &away).await;
    ensure!(cut_off.is_err(), "it was not killed: {cut_off:?}");
    node.wait_until_it_ends().await?;
    node.start().await?;
    Ok(Killed {
        status: node.json(&["backup", "status"]).await?,
        node,
        from,
        away,
        _lab: lab,
    })
}

impl Killed {
    /// Nothing has changed, and the node says so.
    async fn is_as_before(&self) -> Result<()> {
        assert_eq!(self.status["status"], "Failed", "{}", self.status);
        let reason = self.status["reason"].as_str().unwrap_or_default();
        ensure!(reason.contains("the data is as before it"), "{}", self.status);
        exported(&self.node, "its-own").await?;
        lacks(&self.node, "restored").await
    }

    /// All is as it was backed up, and the node goes on.
    async fn is_restored(&self) -> Result<()> {
        let (here, there) = (exported(&self.node, "restored"), exported(&self.from, "restored"));
        assert_eq!(here.await?, there.await?);
        lacks(&self.node, "its-own").await?;
        make(&self.node, "goes-on").await
    }
}

async fn killed_before_its_commit(point: &str) -> Result<()> {
    let killed = killed_at(point).await?;
    killed.is_as_before().await?;
    restore(&killed.node, &killed.away).await?;
    killed.is_restored().await
}

#[tokio::test]
async fn a_restore_that_is_killed_before_it_began_leaves_the_old_data_and_can_be_repeated() -> Result<()> {
    killed_before_its_commit("restore::begun").await
}

#[tokio::test]
async fn a_restore_that_is_killed_with_all_rows_in_leaves_the_old_data_and_can_be_repeated() -> Result<()> {
    killed_before_its_commit("restore::filled").await
}

#[tokio::test]
async fn a_restore_that_is_killed_after_its_commit_is_known_to_be_done() -> Result<()> {
    let killed = killed_at("restore::replaced").await?;
    assert_eq!(killed.status["status"], "Completed", "{}", killed.status);
    killed.is_restored().await
}

#[tokio::test]
async fn a_restore_whose_postgresql_is_killed_leaves_the_old_data_and_can_be_repeated() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.node()?;
    node.start_new("restore::filled=sleep(5000)").await?;
    make(&node, "restored").await?;
    let away = backed_up(&node).await?;
    make(&node, "later").await?;
    let (cut_off, killed) = tokio::join!(restore(&node, &away), async {
        let holds =
            "select count(*)::text from pg_locks where relation = 'public.key'::regclass and mode = 'ExclusiveLock'";
        until(
            "the rows are in",
            PATIENCE,
            async || Ok(node.query(holds).await? == "1"),
        )
        .await?;
        node.kill_postgres()
    });
    killed?;
    ensure!(cut_off.is_err(), "it was over by then: {cut_off:?}");
    let status = node.json(&["backup", "status"]).await?;
    assert_eq!(status["status"], "Failed", "{status}");
    exported(&node, "later").await?;
    restore(&node, &away).await?;
    exported(&node, "restored").await?;
    lacks(&node, "later").await
}

/// Waits until the alarm about backups is in this state.
async fn alarm_is(node: &Node, state: &str) -> Result<()> {
    until(&format!("the alarm about backups is {state}"), PATIENCE, async || {
        let list = node.json(&["alarms", "list", "--name", "Backup Failed"]).await?;
        ensure!(list["resources"][0]["state"] == state, "{list}");
        Ok(true)
    })
    .await
}

#[tokio::test]
async fn a_backup_that_fails_is_an_alarm_until_a_later_one_is_made_and_leaves_nothing() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.node()?;
    node.start_new("backup::written=return").await?;
    make(&node, "kept").await?;
    let cut_off = node.ksctl(&["backup", "create"]).await?;
    assert_ne!(cut_off.code, Some(0), "it was not killed");
    node.wait_until_it_ends().await?;
    node.start().await?;
    assert_eq!(node.json(&["backup", "status"]).await?["status"], "Failed");
    assert_eq!(node.json(&["backup", "list"]).await?["total"], 0);
    alarm_is(&node, "on").await?;

    let folder = node.data().join("backups");
    assert_eq!(std::fs::read_dir(&folder)?.count(), 0, "something is left");
    node.json(&["backup", "create"]).await?;
    alarm_is(&node, "off").await?;

    // A folder that nothing can be written into.
    std::fs::remove_dir_all(&folder)?;
    std::fs::write(&folder, "in the way")?;
    let refused = node.ksctl(&["backup", "create"]).await?;
    ensure!(refused.stderr.contains("could not be written"), "{refused:?}");
    alarm_is(&node, "on").await?;
    std::fs::remove_file(&folder)?;
    node.json(&["backup", "create"]).await?;
    alarm_is(&node, "off").await
}

#[tokio::test]
async fn what_is_no_backup_and_no_key_is_refused_by_what_it_is() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    make(&node, "kept").await?;
    let away = backed_up(&node).await?;
    let rest = node.rest().await?;
    for (path, text) in [("backups/../keys", ""), ("backups/nonsense", "no backup nonsense")] {
        refused(&rest.get(path).await?, 404, text)?;
    }
    refused(&rest.post("backups", &json!({"scope": "domain"})).await?, 501, "scope")?;
    refused(
        &rest.post("backups", &json!({"backupKey": "none"})).await?,
        404,
        "no backup key none",
    )?;
    files_are_refused(&node, &away).await?;
    keys_are_refused(&node, &rest, &away).await?;
    // Nothing of it did any harm.
    restore(&node, &away).await?;
    exported(&node, "kept").await.map(drop)
}

async fn files_are_refused(node: &Node, away: &Away) -> Result<()> {
    let whole = std::fs::read(&away.file)?;
    let bad = away.file.with_extension("bad");
    let path = bad.to_str().context("a path")?;
    let upload = ["backup", "upload", "--file", path];
    for (bytes, said) in [
        (b"PK".to_vec(), "not a backup"),
        (whole[..whole.len() - 1].to_vec(), "damaged or not whole"),
        (whole.clone(), "is on this node already"),
    ] {
        std::fs::write(&bad, bytes)?;
        let refused = node.ksctl(&upload).await?;
        ensure!(refused.code != Some(0) && refused.stderr.contains(said), "{refused:?}");
    }
    // One bit of what is locked.
    let mut changed = whole;
    let place = changed.len() - 40;
    changed[place] ^= 1;
    std::fs::write(&bad, changed)?;
    node.ksctl(&["backup", "delete", "--id", &away.id]).await?.text()?;
    node.json(&upload).await?;
    let refused = node.ksctl(&["backup", "restore", "--id", &away.id]).await?;
    ensure!(refused.stderr.contains("damaged or not whole"), "{refused:?}");
    exported(node, "kept").await?;
    assert_eq!(node.json(&["backup", "status"]).await?["status"], "Failed");
    node.ksctl(&["backup", "delete", "--id", &away.id]).await?.text()?;
    node.json(&["backup", "upload", "--file", away.file()]).await?;
    shows_what_it_says(node, &away.file, "createdAt").await
}

/// What anybody may read of a file, and no appliance is asked for.
async fn shows_what_it_says(node: &Node, file: &Path, field: &str) -> Result<()> {
    let file = file.to_str().context("a path")?;
    let said = node.json(&["backup", "inspect", "--file", file]).await?;
    ensure!(said[field].is_string(), "{said}");
    Ok(())
}

async fn keys_are_refused(node: &Node, rest: &Rest, away: &Away) -> Result<()> {
    let said = node.json(&["backupkeys", "inspect", "--file", away.key()]).await?;
    assert_eq!(said["hint"], "how long?");
    ensure!(said.get("locked").is_none(), "{said}");
    let upload = ["backupkeys", "upload", "--file", away.key(), "--bkpassword", "wrong"];
    let refused_password = node.ksctl(&upload).await?;
    ensure!(
        refused_password.stderr.contains("does not open"),
        "{refused_password:?}"
    );

    let key = node.json(&["backupkeys", "list", "--default"]).await?["resources"][0].clone();
    let id = key["id"].as_str().context("an id")?;
    let path = format!("backupkeys/{id}");
    refused(&rest.delete(&path).await?, 409, "the default one")?;
    refused(
        &rest
            .post(&format!("{path}/download"), &json!({"password": "short"}))
            .await?,
        400,
        "8 characters",
    )?;
    node.json(&["backupkeys", "create", "--default"]).await?;
    refused(&rest.delete(&path).await?, 409, &away.id)?;
    refused(&rest.delete("backupkeys/none").await?, 404, "no backup key none")
}
