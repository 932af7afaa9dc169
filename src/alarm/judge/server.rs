//! A PostgreSQL that runs without a fix: of a version that has a known hole, or older than its programs on the disk.

use super::super::{Alarm, Cause, Finding};
use crate::server_version::ServerVersion;

/// What both alarms are about.
const SUBJECT: &str = "postgresql";

/// The server that runs, if its version has the hole.
pub(super) fn unfixed(running: ServerVersion) -> Option<Finding> {
    let error = running.must_be_fixed().err()?;
    let text = match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    };
    Some(finding(Alarm::PostgresUnfixed, text))
}

/// The server that runs, if the programs on the disk are of a later minor version. Another major version is not taken up by
/// a restart.
pub(super) fn outdated(running: ServerVersion, installed: ServerVersion) -> Option<Finding> {
    (installed.major == running.major && installed > running).then(|| {
        let text = format!(
            "PostgreSQL {installed} is installed, and {running} still runs; restart the node: `systemctl restart keysteadd`"
        );
        finding(Alarm::PostgresOutdated, text)
    })
}

fn finding(alarm: Alarm, text: String) -> Finding {
    Finding {
        cause: Cause::new(alarm, SUBJECT),
        severity: alarm.severity(),
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: ServerVersion = ServerVersion::new(15, 18);
    const NEW: ServerVersion = ServerVersion::new(15, 20);

    #[test]
    fn a_server_with_the_hole_is_told_with_the_version_to_install() {
        assert_eq!(unfixed(NEW), None);
        let text = unfixed(OLD).unwrap().text;
        assert!(
            text.contains("CVE-2026-6471") && text.contains("15.19 or newer"),
            "{text}"
        );
    }

    #[test]
    fn a_server_that_is_older_than_its_programs_is_told_with_the_way_to_restart_it_until_it_is_restarted() {
        let text = outdated(OLD, NEW).unwrap().text;
        assert_eq!(
            text,
            "PostgreSQL 15.20 is installed, and 15.18 still runs; restart the node: `systemctl restart keysteadd`"
        );
        assert_eq!(outdated(NEW, NEW), None);
    }

    #[test]
    fn programs_that_are_older_or_of_another_major_version_are_no_reason_to_restart() {
        assert_eq!(outdated(NEW, OLD), None);
        assert_eq!(outdated(OLD, ServerVersion::new(16, 15)), None);
    }
}
