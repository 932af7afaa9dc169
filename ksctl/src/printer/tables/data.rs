//! Lists of what is on a node: keys, alarms, backups and the keys that open them.

use std::collections::BTreeMap;

use keystead::api::alarm::Alarm;
use keystead::api::backup::{Backup, BackupKey};
use keystead::api::key::Key;
use keystead::api::list::List;

use super::{NONE, bytes, time};
use crate::printer::layout::{Cell, Fit, Table, Tone, column};

/// `keys list` and `vkeys list`: one row a version of a key.
pub(crate) fn keys(list: &List<Key>) -> Table {
    let mut table = Table::new([
        column("name", Fit::Text, 0),
        column("version", Fit::Number, 1),
        column("state", Fit::Whole, 1),
        column("algorithm", Fit::Whole, 5),
        column("bits", Fit::Number, 4),
        column("made", Fit::Whole, 2),
        // Whole or not at all: keys are called by their whole ids.
        column("id", Fit::Whole, 3),
    ]);
    for key in &list.resources {
        table.row([
            Cell::from(&key.name),
            key.version.to_string().into(),
            Cell::toned(&key.state, key_tone(&key.state)),
            Cell::from(&key.algorithm),
            key.size.to_string().into(),
            time(key.created_at).into(),
            Cell::from(&key.id),
        ]);
    }
    table
}

fn key_tone(state: &str) -> Tone {
    match state {
        "Compromised" | "Destroyed Compromised" => Tone::Bad,
        "Deactivated" => Tone::Warning,
        _ => Tone::Plain,
    }
}

/// `alarms list`: one row an alarm. `names` are those of the nodes that raise them, by their ids.
pub(crate) fn alarms(list: &List<Alarm>, names: &BTreeMap<String, String>) -> Table {
    let mut table = Table::new([
        column("severity", Fit::Whole, 0),
        column("state", Fit::Whole, 1),
        column("name", Fit::Text, 0),
        column("since", Fit::Whole, 3),
        column("raised by", Fit::Text, 2),
        column("what", Fit::Text, 0),
        column("acknowledged by", Fit::Text, 5),
        column("id", Fit::Id, 1),
    ]);
    for alarm in &list.resources {
        let tone = if alarm.state == "on" {
            severity_tone(&alarm.severity)
        } else {
            Tone::Plain
        };
        table.row([
            Cell::toned(&alarm.severity, tone),
            Cell::toned(&alarm.state, tone),
            Cell::from(&alarm.name),
            time(alarm.triggered_at).into(),
            Cell::from(names.get(&alarm.source).unwrap_or(&alarm.source)),
            Cell::from(&alarm.description),
            alarm.acknowledged_by.as_deref().unwrap_or(NONE).into(),
            Cell::from(&alarm.id),
        ]);
    }
    table
}

fn severity_tone(severity: &str) -> Tone {
    match severity {
        "emergency" | "alert" | "critical" | "error" => Tone::Bad,
        "warning" => Tone::Warning,
        _ => Tone::Plain,
    }
}

/// `backup list`: one row a backup.
pub(crate) fn backups(list: &List<Backup>) -> Table {
    let mut table = Table::new([
        column("id", Fit::Id, 0),
        column("status", Fit::Whole, 0),
        column("made", Fit::Whole, 0),
        column("size", Fit::Number, 1),
        column("description", Fit::Text, 2),
        column("version", Fit::Whole, 4),
        column("backup key", Fit::Id, 3),
    ]);
    for backup in &list.resources {
        let tone = if backup.status == "Completed" {
            Tone::Plain
        } else {
            Tone::Warning
        };
        table.row([
            Cell::from(&backup.id),
            Cell::toned(&backup.status, tone),
            time(backup.created_at).into(),
            bytes(backup.size).into(),
            Cell::from(&backup.description),
            Cell::from(&backup.product_version),
            Cell::from(&backup.backup_key),
        ]);
    }
    table
}

/// `backupkeys list`: one row a key.
pub(crate) fn backup_keys(list: &List<BackupKey>) -> Table {
    let mut table = Table::new([
        column("id", Fit::Id, 0),
        column("state", Fit::Whole, 1),
        column("default", Fit::Whole, 0),
        column("made", Fit::Whole, 2),
        column("version", Fit::Number, 3),
    ]);
    for key in &list.resources {
        table.row([
            Cell::from(&key.id),
            Cell::from(&key.state),
            if key.default { "yes" } else { "no" }.into(),
            time(key.created_at).into(),
            key.version.to_string().into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_alarms_fits_the_terminal() {
        let alarm = |number: usize| {
            json!({"id": format!("{number:08x}b0c14f1e9d52a3c7be713c02"), "name": "Cluster Node Down", "alarm": "node-down",
            "subject": "s", "state": "on", "severity": "critical", "remedy": "r", "count": 1,
            "description": "node-2.example.com has not been heard of for 12 seconds: connection refused",
            "triggeredAt": "2027-01-15T12:00:00Z", "source": "78f3f9e6b0c14f1e9d52a3c7be713c01",
            "source_type": "server_record", "acknowledgedAt": null, "acknowledgedBy": null, "clearedAt": null,
            "clearedBy": null, "details": {"message": "", "success": false, "username": "system", "client_ip": ""}})
        };
        let list = || -> List<Alarm> {
            serde_json::from_value(json!({"skip": 0, "limit": 10, "total": 2, "resources": [alarm(1), alarm(2)]}))
                .unwrap()
        };
        let names = BTreeMap::from([(
            "78f3f9e6b0c14f1e9d52a3c7be713c01".to_owned(),
            "node-1.example.com".to_owned(),
        )]);
        insta::assert_snapshot!(alarms(&list(), &names).plain(Some(80)));
        insta::assert_snapshot!(alarms(&list(), &names).plain(Some(100)));
        insta::assert_snapshot!(alarms(&list(), &names).plain(Some(200)));
    }
}
