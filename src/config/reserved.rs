//! The settings of PostgreSQL that the product chooses, so that a configuration file may not.
//!
//! This file decides only which names these are. What they are set to is in `appliance/src/postgres/settings.rs`; a
//! test there keeps both in step. The others may be set under `[postgres.settings]`.

/// Settings that decide whether replication works, whether a commit is durable, or who gets in; and those that have a
/// key of their own. In alphabetical order.
pub const RESERVED: &[&str] = &[
    "allow_system_table_mods",
    "archive_mode",
    "authentication_timeout",
    "cluster_name",
    "config_file",
    "data_directory",
    "datestyle",
    "external_pid_file",
    "fsync",
    "full_page_writes",
    "hba_file",
    "ident_file",
    "lc_messages",
    "listen_addresses",
    "log_destination",
    "log_directory",
    "log_filename",
    "log_rotation_age",
    "log_rotation_size",
    "log_truncate_on_rotation",
    "logging_collector",
    "max_active_replication_origins",
    "max_connections",
    "max_logical_replication_workers",
    "max_replication_slots",
    "max_slot_wal_keep_size",
    "max_wal_senders",
    "max_worker_processes",
    "output_plugin_libraries",
    "password_encryption",
    "port",
    "restart_after_crash",
    "session_replication_role",
    "shared_buffers",
    "ssl",
    "ssl_ca_file",
    "ssl_cert_file",
    "ssl_crl_dir",
    "ssl_crl_file",
    "ssl_key_file",
    "ssl_min_protocol_version",
    "synchronous_commit",
    "synchronous_standby_names",
    "timezone",
    "track_commit_timestamp",
    "unix_socket_directories",
    "unix_socket_group",
    "unix_socket_permissions",
    "wal_level",
    "zero_damaged_pages",
];

/// The key that sets it instead, for those settings that have one.
pub const OWN_KEY: &[(&str, &str)] = &[
    ("listen_addresses", "postgres.listen"),
    ("max_slot_wal_keep_size", "postgres.max_wal_kept_for_a_peer"),
    ("port", "postgres.port"),
    ("shared_buffers", "postgres.shared_buffers"),
];

/// Whether the product chooses this setting. PostgreSQL does not mind the case of a name, so this does not either.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name.to_ascii_lowercase().as_str())
}

/// The key of the configuration file that sets it, when there is one.
pub(super) fn own_key(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    OWN_KEY
        .iter()
        .find(|(setting, _)| *setting == name)
        .map(|(_, key)| *key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_in_order_and_each_is_there_once() {
        assert!(RESERVED.is_sorted_by(|one, next| one < next));
        for (setting, _) in OWN_KEY {
            assert!(
                is_reserved(setting),
                "{setting} has a key of its own and is not reserved"
            );
        }
    }

    #[test]
    fn the_case_of_a_name_does_not_matter() {
        assert!(is_reserved("FSync"));
        assert!(!is_reserved("work_mem"));
    }
}
