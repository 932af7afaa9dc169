//! What a configuration file may say, and what is answered when it says something else.

use super::*;

fn refused(text: &str) -> String {
    NodeConfig::parse(text, "node.toml")
        .map_or_else(|error| error.to_string(), |config| format!("accepted: {config:?}"))
}

#[test]
fn the_folder_is_all_a_file_must_say() {
    let config = NodeConfig::parse("data_dir = \"/var/lib/keystead\"", "node.toml").unwrap();
    assert_eq!(config, NodeConfig::at("/var/lib/keystead"));
    assert_eq!(config.rest.listen.to_string(), "0.0.0.0:443");
    assert_eq!(config.postgres.port, 5432);
    assert_eq!(config.name_or("host7"), "host7");
}

#[test]
fn connections_of_users_are_bounded_as_the_file_says() {
    let text = "data_dir = '/d'\n[rest]\nmax_connections = 100\nmax_connections_per_source = 50";
    let bound = NodeConfig::parse(text, "node.toml").unwrap().rest.connections;
    assert_eq!((bound.total, bound.per_source), (100, 50));
}

#[test]
fn every_key_reaches_its_place() {
    let text = r#"
        data_dir = "/srv/ks"
        name = "north"
        [rest]
        listen = "127.0.0.2:8443"
        certificate = "/etc/ks/rest.crt"
        key = "/etc/ks/rest.key"
        max_body_bytes = 2_048
        [postgres]
        bin_dir = "/opt/pg/bin"
        listen = ["127.0.0.2", "::1"]
        port = 5433
        os_user = "ks"
        shared_buffers = "1GB"
        max_wal_kept_for_a_peer = "64MB"
        [postgres.settings]
        work_mem = "8MB"
        log_min_duration_statement = 250
        jit = true
        [replication]
        ack_timeout_seconds = 7
        [cluster]
        verify_every = "90s"
        max_nodes = 7
        allow_loopback = true
        [clock]
        alarm_skew_ms = 250
        join_skew_ms = 2000
        [admin]
        password_file = "/run/first"
        [log]
        format = "json"
        filter = "debug"
    "#;
    let config = NodeConfig::parse(text, "node.toml").unwrap();
    assert_eq!(config.name_or("host7"), "north");
    assert_eq!((config.rest.listen.port(), config.rest.max_body_bytes), (8443, 2048));
    assert_eq!(config.rest.key.as_deref(), Some("/etc/ks/rest.key".as_ref()));
    assert_eq!(config.postgres.listen.len(), 2);
    assert_eq!((config.postgres.port, config.postgres.os_user.as_str()), (5433, "ks"));
    assert_eq!(config.postgres.max_wal_kept_for_a_peer, "64MB");
    assert_eq!(config.postgres.max_wal_kept_bytes(), 64 << 20);
    let settings: Vec<String> = config
        .postgres
        .settings
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(settings, ["jit=on", "log_min_duration_statement=250", "work_mem=8MB"]);
    assert_eq!(config.replication.ack_timeout.as_secs(), 7);
    assert_eq!(
        (config.cluster.verify_every.as_secs(), config.cluster.max_nodes),
        (90, 7)
    );
    assert_eq!((config.clock.alarm_skew_ms, config.clock.join_skew_ms), (250, 2000));
    assert_eq!(config.admin.password_file.as_deref(), Some("/run/first".as_ref()));
    assert_eq!(
        (config.log.format, config.log.filter.as_str()),
        (LogFormat::Json, "debug")
    );
}

#[test]
fn a_fixed_minor_version_is_required_only_when_the_file_says_so() {
    let required = |line: &str| {
        let config = NodeConfig::parse(&format!("data_dir = \"/d\"\n{line}"), "node.toml").unwrap();
        config.postgres.require_fixed_minor
    };
    assert!(!required(""));
    assert!(required("postgres.require_fixed_minor = true"));
}

#[test]
fn what_is_there_for_tests_and_old_clients_alone_is_off_unless_the_file_says_so() {
    let config = NodeConfig::parse("data_dir = \"/d\"", "node.toml").unwrap();
    assert!(!config.admin.well_known_password && !config.rest.reset_without_confirmation);
    let on = "data_dir = \"/d\"\nrest.reset_without_confirmation = true\nadmin.well_known_password = true";
    let config = NodeConfig::parse(on, "node.toml").unwrap();
    assert!(config.admin.well_known_password && config.rest.reset_without_confirmation);
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_key() {
    insta::assert_snapshot!(refused("data_dir = \"/d\"\n[postgres]\nprot = 5432"), @"node.toml:3: unknown key `prot` in [postgres]; did you mean `port`?");
    insta::assert_snapshot!(refused("data_dir = \"/d\"\n\n[postgre]\nport = 1"), @"node.toml:3: unknown key `postgre`; did you mean `postgres`?");
    insta::assert_snapshot!(refused("data_dir = \"/d\"\nmax_body_bytes = 1"), @"node.toml:2: unknown key `max_body_bytes`; it belongs in [rest]");
    insta::assert_snapshot!(refused("data_dir = \"/d\"\n[rest]\ncolour = 1"), @"node.toml:3: unknown key `colour` in [rest]; see docs/configuration.md for those there are");
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_lines() {
    insta::assert_snapshot!(refused("data_dri = \"/d\"\n[rest]\nlisten = 443\n[log]\nformat = \"xml\""), @r#"
    node.toml:1: unknown key `data_dri`; did you mean `data_dir`?
    node.toml:3: rest.listen must be text in quotes, not integer
    node.toml:5: log.format must be "text" or "json"
    node.toml: data_dir is missing
    "#);
}

#[test]
fn a_text_that_is_not_toml_is_refused_with_its_line() {
    insta::assert_snapshot!(refused("data_dir = \"/d\"\nname = west"), @r#"node.toml:2: not TOML: string values must be quoted, expected literal string"#);
    insta::assert_snapshot!(refused("data_dir = \"/d\"\ndata_dir = \"/e\""), @"node.toml:2: not TOML: duplicate key");
}

/// A wrong value of each key, with a word of the answer that only this mistake gets.
const WRONG: &[(&str, &str)] = &[
    ("data_dir = \"lib\"", "data_dir must be an absolute path"),
    ("data_dir = \"/d$(id)\"", "data_dir may hold letters"),
    ("data_dir = \"\"", "one line of text that is not empty"),
    ("name = \"\"", "name must be one line"),
    ("rest = 1", "rest must be a section, written as [rest]"),
    ("rest.listen = \"443\"", "an address and a port"),
    ("rest.certificate = \"rest.crt\"", "must be an absolute path"),
    ("rest.certificate = \"/rest.crt\"", "given together or not at all"),
    ("rest.max_body_bytes = 1", "from 1024 to 67108864"),
    ("rest.max_body_bytes = -5", "from 1024 to 67108864"),
    ("rest.max_connections = 3", "from 16 to 65536"),
    ("rest.max_connections_per_source = 0", "from 16 to 65536"),
    ("postgres.port = 0", "from 1 to 65535"),
    ("postgres.port = \"5432\"", "from 1 to 65535"),
    ("postgres.listen = \"10.0.0.1\"", "a list of addresses"),
    ("postgres.listen = [\"localhost\"]", "a list of addresses"),
    ("postgres.os_user = \"root\"", "must not be root"),
    ("postgres.os_user = \"a b\"", "the name of an account"),
    ("postgres.shared_buffers = \"128 megs\"", "with its unit"),
    ("postgres.max_wal_kept_for_a_peer = \"-1\"", "with its unit"),
    ("postgres.max_wal_kept_for_a_peer = \"0GB\"", "with its unit"),
    ("postgres.require_fixed_minor = \"yes\"", "must be true or false"),
    (
        "postgres.url = \"mysql://h\"",
        "postgres.url must begin with postgres://",
    ),
    (
        "postgres.url = \"postgres://h\"\npostgres.bin_dir = \"/b\"",
        "postgres.bin_dir cannot be given with it",
    ),
    (
        "postgres.url = \"postgres://h\"\npostgres.settings.jit = \"on\"",
        "postgres.settings cannot be given with it",
    ),
    (
        "postgres.settings.fsync = \"off\"",
        "cannot set fsync: replication and durability rest",
    ),
    (
        "postgres.settings.output_plugin_libraries = \"wal2json\"",
        "cannot set output_plugin_libraries: ",
    ),
    ("postgres.settings.Port = 1", "cannot set Port: use postgres.port"),
    ("postgres.settings.\"a b\" = 1", "it is not the name of a setting"),
    (
        "postgres.settings.work_mem = [1]",
        "cannot set work_mem: its value must be",
    ),
    ("replication.ack_timeout_seconds = 0", "from 1 to 20"),
    ("admin.password_file = \"first\"", "must be an absolute path"),
    ("log.format = \"xml\"", "must be \"text\" or \"json\""),
    ("log.filter = 7", "log.filter must be text in quotes"),
];

#[test]
fn a_wrong_value_is_refused_with_the_way_to_write_it() {
    for (line, expected) in WRONG {
        let folder = if line.starts_with("data_dir") {
            ""
        } else {
            "data_dir = \"/d\"\n"
        };
        let answer = refused(&format!("{folder}{line}"));
        assert!(answer.contains(expected), "{line}: {answer}");
        assert!(answer.starts_with("node.toml:"), "{answer}");
    }
}

#[test]
fn a_password_in_a_url_is_not_shown() {
    let text = "data_dir = \"/d\"\npostgres.url = \"postgres://ks:sesame@db/ks\"";
    let config = NodeConfig::parse(text, "node.toml").unwrap();
    assert!(!format!("{config:?}").contains("sesame"));
    assert_eq!(config.postgres.url.unwrap().expose(), "postgres://ks:sesame@db/ks");
}

#[test]
fn every_key_is_explained_to_people_with_a_heading_of_its_own() {
    let page = include_str!("../../docs/configuration.md");
    for key in NodeConfig::keys() {
        assert!(
            page.contains(&format!("### `{key}`")),
            "docs/configuration.md does not explain {key}"
        );
    }
    let headings = page
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    for heading in headings {
        assert!(
            NodeConfig::keys().iter().any(|key| key == heading),
            "{heading} is explained and does not exist"
        );
    }
}

#[test]
fn the_example_for_people_is_a_configuration() {
    let page = include_str!("../../docs/configuration.md");
    let example = page
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    NodeConfig::parse(example, "the example").unwrap();
}

#[test]
fn a_time_has_its_unit_and_is_no_shorter_than_a_second() {
    let every = |text: &str| format!("data_dir = \"/d\"\n[cluster]\nverify_every = \"{text}\"");
    for (text, seconds) in [("1s", 1), ("5min", 300), ("24h", 86_400), ("2d", 172_800)] {
        let config = NodeConfig::parse(&every(text), "node.toml").unwrap();
        assert_eq!(config.cluster.verify_every.as_secs(), seconds);
    }
    for text in ["0s", "5", "5m", "1w", "-1s", "99999999999999999999h"] {
        assert!(
            refused(&every(text)).contains("must be a whole number with its unit"),
            "{text}"
        );
    }
}

#[test]
fn loopback_addresses_are_allowed_only_where_that_is_written() {
    let allowed = |text: &str| NodeConfig::parse(text, "node.toml").unwrap().cluster.allow_loopback;
    assert!(!allowed("data_dir = \"/d\""));
    assert!(allowed("data_dir = \"/d\"\n[cluster]\nallow_loopback = true"));
    assert!(refused("data_dir = \"/d\"\n[cluster]\nallow_loopback = 1").contains("cluster.allow_loopback"));
}

#[test]
fn a_cluster_may_be_kept_small_and_never_made_larger_than_it_was_measured() {
    let most = |number: &str| format!("data_dir = \"/d\"\n[cluster]\nmax_nodes = {number}");
    assert_eq!(NodeConfig::at("/d").cluster.max_nodes, 20);
    assert_eq!(NodeConfig::parse(&most("3"), "node.toml").unwrap().cluster.max_nodes, 3);
    for number in ["0", "21", "-1", "\"3\""] {
        assert!(
            refused(&most(number)).contains("must be a whole number from 1 to 20"),
            "{number}"
        );
    }
}
