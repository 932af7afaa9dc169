//! A real PostgreSQL, opened, started, killed, taken over and stopped.
//!
//! Each test has a server of its own in a folder of its own, which ends with the test, however that ends.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio_postgres::NoTls;

use super::account::Account;
use super::postmaster::Postmaster;
use super::*;
use crate::tasks::Tasks;

const SOON: Duration = Duration::from_secs(20);

/// The folder and the configuration of a node that goes away with this value.
struct Node {
    folder: tempfile::TempDir,
    config: NodeConfig,
}

impl Node {
    fn new() -> anyhow::Result<Self> {
        // Short, because of the socket; open, because PostgreSQL runs as another account when the test is root.
        let open = fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new()
            .prefix("ks")
            .permissions(open)
            .tempdir_in("/tmp")?;
        let mut config = NodeConfig::at(folder.path().join("n"));
        // `make test POSTGRES=...`
        let chosen = std::env::var_os("POSTGRES").filter(|folder| !folder.is_empty());
        config.postgres.bin_dir = chosen.map(Into::into);
        config.postgres.listen = vec![Ipv4Addr::LOCALHOST.into()];
        config.postgres.port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        Ok(Self { folder, config })
    }

    fn pg(&self) -> std::path::PathBuf {
        Paths::new(&self.config.data_dir).pg()
    }

    async fn open(&self) -> Result<Postgres> {
        Postgres::open(&self.config).await
    }

    async fn started(&self) -> Result<Postgres> {
        let postgres = self.open().await?;
        postgres.start().await?;
        Ok(postgres)
    }

    fn running(&self) -> Option<Postmaster> {
        Postmaster::of(&self.pg())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let (Some(running), Ok(account)) = (self.running(), Account::choose(&self.config.postgres.os_user)) {
            running.signal(Signal::SIGQUIT).ok();
            // `tail` returns when the process has ended, so that the folder is removed after its last write.
            let tail = account
                .command(Path::new("/usr/bin/tail"), Path::new("/"))
                .into_std()
                .arg(format!("--pid={}", running.pid()))
                .args(["-f", "/dev/null"])
                .status();
            tail.ok();
        }
    }
}

/// The one value that a query answers with, through the socket.
async fn ask(postgres: &Postgres, query: &str) -> anyhow::Result<String> {
    Ok(session(postgres, "postgres").await?.query_one(query, &[]).await?.get(0))
}

/// A session in a database, through the socket.
async fn session(postgres: &Postgres, database: &str) -> anyhow::Result<tokio_postgres::Client> {
    let (client, connection) = postgres.config(database).connect(NoTls).await?;
    let tasks = Tasks::new();
    tasks.spawn_work("connection", async move {
        connection.await.ok();
    });
    Ok(client)
}

/// When the server last read its files.
async fn read_at(postgres: &Postgres) -> anyhow::Result<String> {
    ask(postgres, "select pg_conf_load_time()::text").await
}

/// Waits until PostgreSQL answers and the agent knows.
async fn until_it_answers(postgres: &Postgres) -> anyhow::Result<()> {
    let answered = async {
        while postgres.status() != Status::Running || ask(postgres, "select 'here'").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    Ok(tokio::time::timeout(SOON, answered).await?)
}

#[tokio::test]
async fn a_new_node_has_a_durable_server_that_is_started_again_when_killed_and_stops_cleanly() {
    let node = Node::new().unwrap();
    // What a crash in the middle of `initdb` leaves.
    fs::create_dir_all(node.config.data_dir.join("pg.new")).unwrap();
    fs::write(node.config.data_dir.join("pg.new/PG_VERSION"), "15\n").unwrap();
    let postgres = node.open().await.unwrap();
    assert_eq!(postgres.status(), Status::Stopped);
    assert_eq!(postgres.start().await.unwrap(), Begun::Started);
    for (setting, value) in [
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("wal_level", "logical"),
        ("ssl", "on"),
        ("server_encoding", "UTF8"),
    ] {
        assert_eq!(
            ask(&postgres, &format!("select current_setting('{setting}')"))
                .await
                .unwrap(),
            value,
            "{setting}"
        );
    }
    let tasks = Tasks::new();
    let watched = postgres.clone();
    tasks.spawn("postgres", |pulse| async move { watched.watch(pulse).await });
    let first = node.running().unwrap();
    first.signal(Signal::SIGKILL).unwrap();
    let gone = async {
        while first.still_runs(&node.pg()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.unwrap();
    until_it_answers(&postgres).await.unwrap();
    assert_ne!(node.running().unwrap().pid(), first.pid());
    tasks.shutdown(SOON).await;
    postgres.stop().await.unwrap();
    assert_eq!((node.running(), postgres.status()), (None, Status::Stopped));
    assert!(!node.pg().join("postmaster.pid").exists(), "the stop was not clean");
}

#[tokio::test]
async fn a_server_that_an_earlier_agent_left_is_taken_over_or_restarted_when_its_settings_have_changed() {
    let mut node = Node::new().unwrap();
    drop(node.started().await.unwrap());
    let left = node.running().unwrap();
    let postgres = node.open().await.unwrap();
    assert_eq!(postgres.start().await.unwrap(), Begun::Adopted);
    assert_eq!(node.running().unwrap().pid(), left.pid());
    assert!(
        node.open()
            .await
            .unwrap_err()
            .to_string()
            .contains("another agent runs on this data folder")
    );
    drop(postgres);
    node.config.postgres.shared_buffers = "64MB".to_owned();
    let postgres = node.open().await.unwrap();
    assert_eq!(postgres.start().await.unwrap(), Begun::Started);
    assert_eq!(
        ask(&postgres, "select current_setting('shared_buffers')")
            .await
            .unwrap(),
        "64MB"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_before_anything_is_started() {
    let node = Node::new().unwrap();
    let postgres = node.open().await.unwrap();
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, node.config.postgres.port)).unwrap();
    let error = postgres.start().await.unwrap_err();
    assert!(
        error.to_string().contains(&format!(
            "127.0.0.1:{}: another program does",
            node.config.postgres.port
        )),
        "{error}"
    );
    assert_eq!(
        (node.running(), postgres.status()),
        (None, Status::Failed(error.to_string()))
    );
}

#[tokio::test]
async fn a_data_folder_of_another_major_version_is_refused_and_not_touched() {
    let node = Node::new().unwrap();
    fs::create_dir_all(node.pg()).unwrap();
    fs::write(node.pg().join("PG_VERSION"), "14\n").unwrap();
    let error = node.open().await.unwrap_err();
    assert!(error.to_string().contains("was made by PostgreSQL 14, and "), "{error}");
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("pg_upgrade") && hint.contains("postgresql-14"))
    );
    assert_eq!(fs::read_dir(node.pg()).unwrap().count(), 1);
}

#[tokio::test]
async fn members_are_let_in_by_lines_that_postgresql_understands_and_stay_when_the_agent_starts_again() {
    let node = Node::new().unwrap();
    let postgres = node.started().await.unwrap();
    let id = "ab40e1785f1d4f038b267ca378f74988";
    let member = PeerAccess {
        node_id: id.parse().unwrap(),
        role: format!("peer_{id}"),
    };
    postgres.set_access(std::slice::from_ref(&member)).await.unwrap();
    let read = read_at(&postgres).await.unwrap();
    postgres.set_access(std::slice::from_ref(&member)).await.unwrap();
    assert_eq!(
        read_at(&postgres).await.unwrap(),
        read,
        "the same members again are no reason to reload"
    );
    postgres.set_access(&[]).await.unwrap();
    assert_ne!(
        read_at(&postgres).await.unwrap(),
        read,
        "the call returned before the server had read its files"
    );
    postgres.set_access(&[member]).await.unwrap();
    drop(postgres);
    let postgres = node.started().await.unwrap();
    let wrong = "select count(*)::text from (select error from pg_hba_file_rules \
                 union all select error from pg_ident_file_mappings) as line where error is not null";
    assert_eq!(ask(&postgres, wrong).await.unwrap(), "0");
    let line = "select concat_ws(' ', type, database[1], user_name[1], auth_method, array_to_string(options, ' ')) \
                from pg_hba_file_rules where type = 'hostssl'";
    assert_eq!(
        ask(&postgres, line).await.unwrap(),
        format!("hostssl keystead peer_{id} cert map=member clientcert=verify-full")
    );
    let map = "select concat_ws(' ', sys_name, pg_username) from pg_ident_file_mappings where map_name = 'member'";
    assert_eq!(ask(&postgres, map).await.unwrap(), format!("{id} peer_{id}"));
}

#[tokio::test]
async fn from_the_network_nobody_gets_in_without_tls() {
    let node = Node::new().unwrap();
    let postgres = node.started().await.unwrap();
    let url = format!("postgres://keystead@127.0.0.1:{}/postgres", node.config.postgres.port);
    let error = tokio_postgres::connect(&url, NoTls).await.map(drop).unwrap_err();
    assert_eq!(
        error.code(),
        Some(&tokio_postgres::error::SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
    );
    drop(postgres);
}

#[tokio::test]
async fn a_server_that_does_not_start_says_why() {
    let node = Node::new().unwrap();
    let postgres = node.open().await.unwrap();
    let hosts = ["localhost".to_owned()];
    let (certificate, _) = certs::self_signed(&hosts, 0, 4_000_000_000).unwrap();
    let (_, key) = certs::self_signed(&hosts, 0, 4_000_000_000).unwrap();
    let identity = Identity {
        certificate: &certificate,
        key: &key,
        authority: &certificate,
        revoked: None,
    };
    postgres.install_tls(identity).await.unwrap();
    let error = postgres.start().await.unwrap_err();
    assert!(error.chain().contains("key values mismatch"), "{}", error.chain());
    assert!(error.hint().is_some_and(|hint| hint.contains("pg-log")));
}

#[tokio::test]
async fn alter_system_on_a_setting_that_replication_rests_on_is_noticed_at_the_next_start() {
    let node = Node::new().unwrap();
    drop(node.open().await.unwrap());
    fs::write(node.pg().join("postgresql.auto.conf"), "max_replication_slots = '10'\n").unwrap();
    let error = node.open().await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("changes settings that Keystead fixes: max_replication_slots"),
        "{error}"
    );
}

#[tokio::test]
async fn a_folder_that_postgresql_cannot_get_to_is_refused_by_name() {
    let node = Node::new().unwrap();
    fs::set_permissions(node.folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let opened = node.open().await;
    if Uid::effective().is_root() {
        let error = opened.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with(&format!("cannot enter {}", node.folder.path().display())),
            "{error}"
        );
    }
}

#[tokio::test]
async fn over_a_server_of_somebody_else_there_is_no_cluster() {
    let mut node = Node::new().unwrap();
    node.config.postgres.url = Some(DatabaseUrl::new("postgres://ks:sesame@db.example:6432/"));
    let postgres = node.open().await.unwrap();
    assert!(postgres.is_attached());
    assert_eq!(postgres.status(), Status::Attached);
    let config = postgres.config("keystead");
    assert_eq!(
        (config.get_dbname(), config.get_ports()),
        (Some("keystead"), [6432].as_slice())
    );
    let error = postgres.set_access(&[]).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (Kind::NotBuilt, "clustering over an attached PostgreSQL is not built")
    );
}

/// A folder of programs that hand over to the real ones; `postgres` runs the script first.
fn programs(node: &Node, real: &Path, script: &str) -> anyhow::Result<std::path::PathBuf> {
    let folder = node.folder.path().join("bin");
    fs::create_dir_all(&folder)?;
    for (name, before) in [("postgres", script), ("initdb", ""), ("pg_ctl", "")] {
        // Renamed into place, as a package manager does: one that runs must not be written to.
        let (file, new) = (folder.join(name), folder.join("new"));
        let real = real.join(name);
        fs::write(&new, format!("#!/bin/sh\n{before}\nexec {} \"$@\"\n", real.display()))?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
        fs::rename(&new, &file)?;
    }
    Ok(folder)
}

/// What a program answers that does not know the setting.
const REFUSES: &str = r#"case "$*" in *output_plugin*)
    echo 'FATAL:  unrecognized configuration parameter "output_plugin_libraries"' >&2; exit 1 ;; esac"#;

/// What a program answers that cannot be asked.
const FAILS: &str = r#"case "$*" in *output_plugin*) echo 'FATAL:  out of memory' >&2; exit 1 ;; esac"#;

#[tokio::test]
async fn a_peer_may_have_no_library_loaded_but_pgoutput_where_the_programs_can_list_it() {
    let node = Node::new().unwrap();
    let postgres = node.started().await.unwrap();
    let server = session(&postgres, "postgres").await.unwrap();
    let version = postgres.installed_version().await.unwrap();
    assert_eq!(sql_version(&postgres).await.unwrap(), version);
    let listed = "select coalesce(current_setting('output_plugin_libraries', true), '')";
    let expected = if version.is_fixed() { "pgoutput" } else { "" };
    assert_eq!(ask(&postgres, listed).await.unwrap(), expected, "PostgreSQL {version}");
    server
        .batch_execute("create role peer replication; set role peer")
        .await
        .unwrap();
    let slot = |plugin: &str| format!("select pg_create_logical_replication_slot('slot_{plugin}', '{plugin}')");
    server.batch_execute(&slot("pgoutput")).await.unwrap();
    if version.is_fixed() {
        let refused = server.batch_execute(&slot("auto_explain")).await.unwrap_err();
        let text = refused.as_db_error().map(ToString::to_string).unwrap_or_default();
        assert!(text.contains("may not be used as an output plugin"), "{text}");
    }
}

async fn sql_version(postgres: &Postgres) -> anyhow::Result<ServerVersion> {
    let number = ask(postgres, "select current_setting('server_version_num')").await?;
    Ok(ServerVersion::of_number(number.parse()?))
}

#[tokio::test]
async fn programs_that_are_exchanged_are_asked_at_each_start_and_get_no_setting_that_they_do_not_know() {
    let mut node = Node::new().unwrap();
    let real = node.started().await.unwrap();
    let Server::Owned(owned) = &real.server else {
        panic!("attached")
    };
    let dir = owned.binaries.dir().to_owned();
    real.stop().await.unwrap();
    drop(real);
    let is_listed = |node: &Node| {
        let text = fs::read_to_string(node.pg().join("postgresql.conf")).unwrap();
        text.contains("\noutput_plugin_libraries = 'pgoutput'\n")
    };
    node.config.postgres.bin_dir = Some(programs(&node, &dir, "").unwrap());
    let postgres = node.started().await.unwrap();
    let knows = is_listed(&node);
    assert_eq!(knows, postgres.installed_version().await.unwrap().is_fixed());

    // The agent's watch starts a server again that died after its programs were exchanged.
    let tasks = Tasks::new();
    let watched = postgres.clone();
    tasks.spawn("postgres", |pulse| async move { watched.watch(pulse).await });
    for (script, expected) in [(REFUSES, false), ("", knows), (FAILS, false)] {
        programs(&node, &dir, script).unwrap();
        let before = node.running().unwrap();
        before.signal(Signal::SIGKILL).unwrap();
        let again = async {
            while node
                .running()
                .is_none_or(|now| now.pid() == before.pid() || !now.is_ready())
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(SOON, again).await.unwrap();
        until_it_answers(&postgres).await.unwrap();
        assert_eq!(is_listed(&node), expected, "{script}");
    }
    tasks.shutdown(SOON).await;

    // One that works is not stopped because its programs do not answer, and is restarted when they know more.
    drop(postgres);
    let left = node.running().unwrap();
    let postgres = node.open().await.unwrap();
    assert_eq!(postgres.start().await.unwrap(), Begun::Adopted);
    assert_eq!(node.running().unwrap().pid(), left.pid());
    drop(postgres);
    programs(&node, &dir, "").unwrap();
    let postgres = node.open().await.unwrap();
    let expected = if knows { Begun::Started } else { Begun::Adopted };
    assert_eq!(postgres.start().await.unwrap(), expected);
    assert_eq!(is_listed(&node), knows);
}

#[tokio::test]
async fn where_the_fix_is_required_a_postgresql_without_it_is_refused_before_anything_is_made() {
    let mut node = Node::new().unwrap();
    let old = r#"[ "$1" != --version ] || { echo 'postgres (PostgreSQL) 15.18'; exit; }"#;
    node.config.postgres.bin_dir = Some(programs(&node, Path::new("/nowhere"), old).unwrap());
    node.config.postgres.require_fixed_minor = true;
    let error = node.open().await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("PostgreSQL 15.18 has the hole CVE-2026-6471"),
        "{error}"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("15.19 or newer")));
    assert!(!node.pg().exists());
}

/// A link from this node and one to it, for each of 19 peers, and each twice: a resync makes the new one first.
const LINKS: i64 = 2 * 19;

#[tokio::test]
async fn a_node_has_room_for_the_links_of_nineteen_peers_and_for_the_new_ones_of_a_resync() {
    let node = Node::new().unwrap();
    let postgres = node.started().await.unwrap();
    let server = session(&postgres, "postgres").await.unwrap();
    for database in ["origin", "subscriber"] {
        server
            .batch_execute(&format!("create database {database}"))
            .await
            .unwrap();
    }
    // One server is both sides here, so it has as many of each kind as a node of 20.
    let origin = session(&postgres, "origin").await.unwrap();
    let subscriber = session(&postgres, "subscriber").await.unwrap();
    origin
        .batch_execute("create table link (n int); create publication links for table link")
        .await
        .unwrap();
    subscriber.batch_execute("create table link (n int)").await.unwrap();
    let socket = Paths::new(&node.config.data_dir).run();
    for number in 1..=LINKS {
        let slot = format!("select pg_create_logical_replication_slot('link_{number}', 'pgoutput')");
        origin.batch_execute(&slot).await.unwrap();
        let subscription = format!(
            "create subscription link_{number} connection 'host={} port={} user=keystead dbname=origin'
                 publication links with (create_slot = false, copy_data = false)",
            socket.display(),
            node.config.postgres.port
        );
        subscriber.batch_execute(&subscription).await.unwrap();
    }
    origin.batch_execute("insert into link values (1)").await.unwrap();
    let count = async |from: &str| -> i64 {
        let row = subscriber.query_one(&format!("select count(*) from {from}"), &[]).await;
        row.unwrap().get(0)
    };
    let arrived = async {
        while count("link").await < LINKS {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, arrived).await.unwrap();
    assert_eq!(count("pg_stat_subscription where pid is not null").await, LINKS);
    assert_eq!(count("pg_replication_origin_status").await, LINKS);
}
