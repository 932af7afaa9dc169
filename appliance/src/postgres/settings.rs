//! The text of PostgreSQL's settings: `postgresql.conf` beside this file, with this node's values filled in.
//!
//! This file is pure: values in, text out. It decides nothing about who gets in (`access.rs`). The settings that are
//! read again on a reload are a file of their own, so that a change of the others shows: those need a restart
//! (`process.rs`). Names that a configuration may not set are in [`keystead::config::reserved`].

use std::fmt::Write as _;
use std::path::Path;

use keystead::config;
use keystead::replication::retention::Bounds;
use keystead::replication::standbys::Standbys;

use super::paths::Paths;

/// The settings that are read again on a reload; lies beside `postgresql.conf`.
pub(crate) const TLS_FILE: &str = "keystead-tls.conf";

/// Whom a waiting commit waits for; read again on a reload too.
pub(crate) const STANDBYS_FILE: &str = "keystead-standbys.conf";

/// What is kept at the most, by the room on the disk; read again on a reload too.
pub(crate) const BOUNDS_FILE: &str = "keystead-bounds.conf";

/// Every setting with the reason for its value; `{…}` stands for a value of this node.
const TEMPLATE: &str = include_str!("postgresql.conf");

/// PostgreSQL's name for it.
const STANDBYS: &str = "synchronous_standby_names";

/// 18 counts the origins of replication apart from slots.
const SINCE_18: &str = "\n# Since PostgreSQL 18.\nmax_active_replication_origins = 128\n";

/// Peers' roles have the attribute `replication`, with which a server that has no such list loads any library.
const OUTPUT_PLUGINS: &str = "\n# The only library a peer may have loaded: CVE-2026-6471. Older minor versions do not know this setting.\n\
                              output_plugin_libraries = 'pgoutput'\n";

/// What the settings depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wishes<'a> {
    /// What the configuration file says.
    pub(crate) config: &'a config::Postgres,
    /// Where things are.
    pub(crate) paths: &'a Paths,
    /// PostgreSQL's major version: newer ones have settings that older ones refuse.
    pub(crate) major: u32,
    /// Whether the programs know the setting that lists output plugins, which minor versions decide.
    pub(crate) knows_output_plugins: bool,
}

/// The whole `postgresql.conf`.
pub(crate) fn text(wishes: Wishes<'_>) -> String {
    let Wishes {
        config,
        paths,
        major,
        knows_output_plugins,
    } = wishes;
    let listen: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    let mut text = TEMPLATE
        .replace("{max_wal_kept_for_a_peer}", &quoted(&config.max_wal_kept_for_a_peer))
        .replace("{listen}", &quoted(&listen.join(",")))
        .replace("{port}", &config.port.to_string())
        .replace("{socket_folder}", &quoted_path(&paths.run()))
        .replace("{shared_buffers}", &quoted(&config.shared_buffers))
        .replace("{log_folder}", &quoted_path(&paths.log()));
    if major >= 18 {
        text.push_str(SINCE_18);
    }
    if knows_output_plugins {
        text.push_str(OUTPUT_PLUGINS);
    }
    text.push_str("\n# From [postgres.settings]; the last word on a setting counts.\n");
    for (name, value) in &config.settings {
        // Writing to a text cannot fail.
        writeln!(text, "{name} = {}", quoted(value)).ok();
    }
    // PostgreSQL refuses to start when one is not there: better than to start without TLS.
    writeln!(
        text,
        "\ninclude '{TLS_FILE}'\ninclude '{STANDBYS_FILE}'\ninclude '{BOUNDS_FILE}'"
    )
    .ok();
    text
}

/// The settings of TLS; `revoked` when there is a revocation list.
pub(crate) fn tls_text(paths: &Paths, revoked: bool) -> String {
    let list = if revoked {
        quoted_path(&paths.tls_revoked())
    } else {
        "''".to_owned()
    };
    format!(
        "# Written by keysteadd; changes made here are lost. Read again on a reload.\n\
         ssl = on\n\
         ssl_min_protocol_version = TLSv1.3  # every member speaks it\n\
         ssl_cert_file = {}\n\
         ssl_key_file = {}\n\
         ssl_ca_file = {}  # whose certificates may be a member's\n\
         ssl_crl_file = {list}  # certificates of members that were removed\n",
        quoted_path(&paths.tls_certificate()),
        quoted_path(&paths.tls_key()),
        quoted_path(&paths.tls_authority()),
    )
}

/// The setting of whom a waiting commit waits for.
pub(crate) fn standbys_text(standbys: &Standbys) -> String {
    format!(
        "# Written by keysteadd; changes made here are lost. Read again on a reload.\n\
         {STANDBYS} = {}\n",
        quoted(&standbys.value())
    )
}

/// The settings of what is kept at the most. What the configuration sets itself is left to it.
pub(crate) fn bounds_text(config: &config::Postgres, bounds: Option<Bounds>) -> String {
    let mut text = "# Written by keysteadd; changes made here are lost. Read again on a reload.\n".to_owned();
    let settings = bounds.iter().flat_map(|bounds| {
        [
            ("max_slot_wal_keep_size", bounds.slot),
            ("max_wal_size", bounds.wal),
            ("min_wal_size", bounds.reused),
        ]
    });
    for (name, bytes) in settings.filter(|(name, _)| !config.settings.contains_key(*name)) {
        // Writing to a text cannot fail.
        writeln!(text, "{name} = '{}MB'", bytes >> 20).ok();
    }
    text
}

/// What such a text sets; `None` when it is not of ours.
pub(crate) fn standbys(text: &str) -> Option<Standbys> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(STANDBYS)?.strip_prefix(" = "))?;
    Standbys::parse(value.strip_prefix('\'')?.strip_suffix('\'')?)
}

/// Names of settings that the product fixes and that `alter system` has changed, given `postgresql.auto.conf`, which
/// PostgreSQL reads after all others.
pub(crate) fn overridden(auto_conf: &str, wishes: Wishes<'_>) -> Vec<String> {
    let ours = text(wishes) + &tls_text(wishes.paths, true) + &standbys_text(&Standbys::nobody());
    let fixed: Vec<String> = names(&ours).filter(|name| config::is_reserved(name)).collect();
    names(auto_conf).filter(|name| fixed.contains(name)).collect()
}

/// The names of the settings in a text, in lower case.
fn names(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.filter_map(|line| line.split_once('=').map(|(name, _)| name.trim().to_ascii_lowercase()))
}

/// A value between quotes, as PostgreSQL's settings files take it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that a site may well want otherwise, and that nothing breaks on.
    const TUNABLE: [&str; 13] = [
        "wal_sender_timeout",
        "wal_receiver_timeout",
        "wal_receiver_status_interval",
        "wal_retrieve_retry_interval",
        "wal_writer_delay",
        "tcp_keepalives_idle",
        "tcp_keepalives_interval",
        "tcp_keepalives_count",
        "idle_in_transaction_session_timeout",
        "max_sync_workers_per_subscription",
        "jit",
        "log_line_prefix",
        "log_timezone",
    ];

    fn at(major: u32, config: &config::Postgres) -> String {
        text(Wishes {
            config,
            paths: &Paths::new("/d"),
            major,
            knows_output_plugins: major >= 18,
        })
    }

    #[test]
    fn every_value_of_the_node_is_filled_in() {
        let text = at(15, &config::Postgres::default());
        let filled: Vec<&str> = TEMPLATE
            .lines()
            .zip(text.lines())
            .filter(|(one, other)| one != other)
            .map(|(_, line)| line)
            .collect();
        insta::assert_snapshot!(filled.join("\n"), @r"
        max_slot_wal_keep_size = '4GB'  # a dead peer must not fill this disk
        listen_addresses = '0.0.0.0'
        port = 5432
        unix_socket_directories = '/d/pg-run'
        shared_buffers = '128MB'
        log_directory = '/d/pg-log'
        ");
        assert!(!text.contains(['{', '}']), "{text}");
    }

    #[test]
    fn the_settings_of_tls_name_a_revocation_list_only_when_there_is_one() {
        insta::assert_snapshot!(tls_text(&Paths::new("/d"), true), @r"
        # Written by keysteadd; changes made here are lost. Read again on a reload.
        ssl = on
        ssl_min_protocol_version = TLSv1.3  # every member speaks it
        ssl_cert_file = '/d/tls/node.crt'
        ssl_key_file = '/d/tls/node.key'
        ssl_ca_file = '/d/tls/ca.crt'  # whose certificates may be a member's
        ssl_crl_file = '/d/tls/crl.pem'  # certificates of members that were removed
        ");
        assert!(tls_text(&Paths::new("/d"), false).contains("ssl_crl_file = '' "));
    }

    #[test]
    fn a_setting_that_only_18_knows_is_given_to_18_only() {
        let config = config::Postgres::default();
        assert!(!at(17, &config).contains("max_active_replication_origins"));
        assert!(at(18, &config).contains("max_active_replication_origins"));
    }

    #[test]
    fn the_list_of_output_plugins_is_given_only_to_programs_that_know_it() {
        let config = config::Postgres::default();
        assert!(!at(17, &config).contains("output_plugin_libraries"));
        assert!(at(18, &config).contains("\noutput_plugin_libraries = 'pgoutput'\n"));
    }

    #[test]
    fn what_is_kept_at_the_most_is_set_unless_the_configuration_does() {
        let bounds = Bounds {
            slot: 96 << 20,
            wal: 32 << 20,
            reused: 32 << 20,
        };
        let mut config = config::Postgres::default();
        config.settings.insert("max_wal_size".to_owned(), "2GB".to_owned());
        insta::assert_snapshot!(bounds_text(&config, Some(bounds)), @r"
        # Written by keysteadd; changes made here are lost. Read again on a reload.
        max_slot_wal_keep_size = '96MB'
        min_wal_size = '32MB'
        ");
        assert_eq!(names(&bounds_text(&config, None)).count(), 0);
    }

    #[test]
    fn there_is_room_for_twice_twenty_nodes() {
        let text = at(18, &config::Postgres::default());
        for name in [
            "max_replication_slots",
            "max_wal_senders",
            "max_logical_replication_workers",
            "max_active_replication_origins",
        ] {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            let value: u32 = line.split_whitespace().nth(2).unwrap().parse().unwrap();
            assert!(value >= 2 * 20, "{line}");
        }
    }

    #[test]
    fn further_settings_come_after_ours_and_are_quoted() {
        let mut config = config::Postgres::default();
        config.settings.insert("jit".to_owned(), "on".to_owned());
        config.settings.insert("work_mem".to_owned(), "8'\\MB".to_owned());
        let text = at(15, &config);
        assert!(text.find("\njit = off") < text.find("\njit = 'on'"), "{text}");
        assert!(text.contains("work_mem = '8''\\\\MB'\n"), "{text}");
    }

    #[test]
    fn what_alter_system_did_to_a_setting_of_ours_is_found() {
        let config = config::Postgres::default();
        let wishes = Wishes {
            config: &config,
            paths: &Paths::new("/d"),
            major: 15,
            knows_output_plugins: true,
        };
        let auto = "# Do not edit\noutput_plugin_libraries = 'wal2json'\n# Go on\nmax_replication_slots = '10'\njit = 'on'\nSSL='off'\nsynchronous_standby_names = 'a'\n";
        let found = overridden(auto, wishes);
        assert_eq!(
            found,
            [
                "output_plugin_libraries",
                "max_replication_slots",
                "ssl",
                "synchronous_standby_names"
            ]
        );
    }

    #[test]
    fn whom_commits_wait_for_is_read_back_and_never_empty() {
        let text = standbys_text(&Standbys::nobody());
        assert!(
            text.ends_with("synchronous_standby_names = 'ANY 1 (\"keystead_nobody\")'\n"),
            "{text}"
        );
        assert_eq!(standbys(&text), Some(Standbys::nobody()));
        assert_eq!(standbys("synchronous_standby_names = ''"), None);
        assert_eq!(standbys(""), None);
    }

    #[test]
    fn what_everything_rests_on_cannot_be_set_by_a_configuration() {
        let all = at(18, &config::Postgres::default()) + &tls_text(&Paths::new("/d"), true);
        for name in names(&all) {
            assert_ne!(config::is_reserved(&name), TUNABLE.contains(&name.as_str()), "{name}");
        }
    }
}
