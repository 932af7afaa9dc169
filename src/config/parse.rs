//! The text of a configuration file becomes a [`NodeConfig`].
//!
//! This file decides which keys exist, by asking for them: `docs/configuration.md` is checked against
//! [`NodeConfig::keys`]. Defaults are in `node.rs`, what a value may be in `values.rs`.

use super::document::Document;
use super::node::{Admin, Clock, Cluster, Log, NodeConfig, Postgres, Replication, Rest};
use super::values;
use crate::admission::Limits;
use crate::certificate::renewal::Lifetimes;
use crate::error::Result;

impl NodeConfig {
    /// Reads the text of a configuration file; `file` is its name, for messages.
    ///
    /// # Errors
    /// One error that tells everything that is wrong, a line each: `file:line: what`, with the nearest key that exists
    /// for a key that does not.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let document = Document::new(text, file)?;
        let config = read(&document);
        document.finish()?;
        config
            .validate()
            .map_err(|error| crate::Error::invalid_param(format!("{file}: {error}")))?;
        Ok(config)
    }

    /// Every key that a configuration file may hold, with its section: `rest.listen`.
    pub fn keys() -> Vec<String> {
        Document::new("", "")
            .map(|document| {
                read(&document);
                document.known()
            })
            .unwrap_or_default()
    }
}

fn read(document: &Document<'_>) -> NodeConfig {
    let top = document.top();
    let log = document.section("log");
    NodeConfig {
        // Empty only when the document is refused anyway.
        data_dir: top.require("data_dir", values::data_folder).unwrap_or_default(),
        name: top.get("name", values::text),
        rest: read_rest(document),
        postgres: read_postgres(document),
        replication: read_replication(document),
        cluster: read_cluster(document),
        clock: read_clock(document),
        admin: read_admin(document),
        log: Log {
            format: log.get("format", values::log_format).unwrap_or(Log::default().format),
            filter: log.get("filter", values::text).unwrap_or(Log::default().filter),
        },
    }
}

fn read_admin(document: &Document<'_>) -> Admin {
    let (admin, default) = (document.section("admin"), Admin::default());
    Admin {
        password_file: admin.get("password_file", values::path),
        well_known_password: admin
            .get("well_known_password", values::flag)
            .unwrap_or(default.well_known_password),
    }
}

fn read_rest(document: &Document<'_>) -> Rest {
    let (rest, default) = (document.section("rest"), Rest::default());
    Rest {
        listen: rest.get("listen", values::socket).unwrap_or(default.listen),
        certificate: rest.get("certificate", values::path),
        key: rest.get("key", values::path),
        max_body_bytes: rest
            .get("max_body_bytes", values::body_bytes)
            .unwrap_or(default.max_body_bytes),
        connections: Limits {
            total: rest
                .get("max_connections", values::connections)
                .unwrap_or(default.connections.total),
            per_source: rest
                .get("max_connections_per_source", values::connections)
                .unwrap_or(default.connections.per_source),
        },
        reset_without_confirmation: rest
            .get("reset_without_confirmation", values::flag)
            .unwrap_or(default.reset_without_confirmation),
    }
}

fn read_clock(document: &Document<'_>) -> Clock {
    let (clock, default) = (document.section("clock"), Clock::default());
    Clock {
        alarm_skew_ms: (clock.get("alarm_skew_ms", values::skew_millis)).unwrap_or(default.alarm_skew_ms),
        join_skew_ms: (clock.get("join_skew_ms", values::skew_millis)).unwrap_or(default.join_skew_ms),
    }
}

fn read_replication(document: &Document<'_>) -> Replication {
    let (replication, default) = (document.section("replication"), Replication::default());
    Replication {
        ack_timeout: replication
            .get("ack_timeout_seconds", values::ack_seconds)
            .unwrap_or(default.ack_timeout),
        tombstones_kept_for: replication
            .get("tombstones_kept_for", values::duration)
            .unwrap_or(default.tombstones_kept_for),
    }
}

fn read_cluster(document: &Document<'_>) -> Cluster {
    let (cluster, default) = (document.section("cluster"), Cluster::default());
    let span = |key: &str| cluster.get(key, values::duration);
    Cluster {
        verify_every: span("verify_every").unwrap_or(default.verify_every),
        max_nodes: cluster.get("max_nodes", values::nodes).unwrap_or(default.max_nodes),
        lifetimes: Lifetimes {
            certificate: span("certificate_lifetime").unwrap_or(default.lifetimes.certificate),
            renewed_before: span("certificate_renewed_before"),
            list: span("revocation_list_lifetime").unwrap_or(default.lifetimes.list),
        },
        allow_loopback: (cluster.get("allow_loopback", values::flag)).unwrap_or(default.allow_loopback),
    }
}

fn read_postgres(document: &Document<'_>) -> Postgres {
    let (postgres, default) = (document.section("postgres"), Postgres::default());
    Postgres {
        bin_dir: postgres.get("bin_dir", values::path),
        url: postgres.get("url", values::url),
        listen: postgres.get("listen", values::addresses).unwrap_or(default.listen),
        port: postgres.get("port", values::port).unwrap_or(default.port),
        os_user: postgres.get("os_user", values::os_user).unwrap_or(default.os_user),
        shared_buffers: postgres
            .get("shared_buffers", values::size)
            .unwrap_or(default.shared_buffers),
        max_wal_kept_for_a_peer: postgres
            .get("max_wal_kept_for_a_peer", values::size)
            .unwrap_or(default.max_wal_kept_for_a_peer),
        require_fixed_minor: postgres
            .get("require_fixed_minor", values::flag)
            .unwrap_or(default.require_fixed_minor),
        settings: postgres.get("settings", values::settings).unwrap_or(default.settings),
    }
}
