//! What is wrong, decided from what was observed. Pure: every fact comes in, also the time.
//!
//! A fact that could not be had is `None`, and then its alarms stay as they are: silence of the database is no proof that
//! all is well. One file for each kind of fact. `appliance/src/alarm/facts.rs` observes.

mod applying;
mod certificates;
mod clocks;
mod disk;
mod hostile;
mod logins;
mod notifications;
mod peers;
mod server;
mod slots;

pub use applying::{Applying, last_error};
pub use certificates::Certificate;
pub use clocks::{Clocks, Limits};
pub use disk::Disk;
pub use logins::Logins;
pub use peers::Impostor;
pub use slots::{Retention, Slot};

use std::collections::BTreeMap;
use std::time::Duration;

use super::change::Look;
use super::{Alarm, Cause, Finding, Raised, Severity};
use crate::api::cluster::Clash;
use crate::api::summary::View;
use crate::clock::Micros;
use crate::server_version::ServerVersion;

/// At most this many clashes are raised one by one; `ksctl cluster clashes` has them all.
const MOST_CLASHES: usize = 50;

/// What was observed.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The time by this node's clock.
    pub now: Micros,
    /// How this node sees the others; an empty view while it is no member.
    pub view: Option<View>,
    /// The slots this node keeps for the others, by the id of the node.
    pub slots: Option<BTreeMap<String, Slot>>,
    /// The members that do not answer what this node asks them, by id: the host and why.
    pub unanswered: Option<BTreeMap<String, (String, String)>>,
    /// The clocks of the others.
    pub clocks: Option<Clocks>,
    /// How applying the changes of the others goes, by the id of the node.
    pub applying: Option<BTreeMap<String, Applying>>,
    /// Pages of the database that were read and were not as they had been written.
    pub damaged_pages: Option<i64>,
    /// How full the queue of notifications is, in percent.
    pub notification_queue: Option<i32>,
    /// Rows that no node writes, by the id of the node that sent them or what stands for one that is not known: what to say.
    pub bad_rows: Option<BTreeMap<String, String>>,
    /// What nodes did with their connections that no node does, in the same way.
    pub misuse: Option<BTreeMap<String, String>>,
    /// The version of the PostgreSQL that runs.
    pub running: Option<ServerVersion>,
    /// The version of its programs on the disk.
    pub installed: Option<ServerVersion>,
    /// Log-ins that went wrong lately.
    pub logins: Option<Logins>,
    /// The disk under the data.
    pub disk: Option<Disk>,
    /// Certificates and lists that end.
    pub certificates: Option<Vec<Certificate>>,
    /// What is wrong with the revocation list, if anything; none is needed while this node is no member.
    pub revocation_list: Option<Result<(), String>>,
    /// Nodes that have answered in the place of others, by the id of the one that was meant.
    pub impostors: Option<BTreeMap<String, Impostor>>,
    /// The tasks of the agent that hang, and for how long they have been at one round.
    pub hanging: Option<BTreeMap<&'static str, Duration>>,
    /// Why the last join failed, if it did.
    pub join_failed: Option<String>,
    /// Names that several keys or accounts have; empty when another member tells them.
    pub clashes: Option<Vec<Clash>>,
}

/// Everything that is wrong. `raised` is what is raised already: what wavers around a limit is not raised and cleared.
pub fn judge(facts: &Facts, raised: &BTreeMap<Cause, Raised>) -> Look {
    let mut look = Look::default();
    if let Some(view) = &facts.view {
        let mut down = peers::down(view);
        // It is well, and what it says cannot be applied: told below in better words.
        down.retain(|found| !is_failing(facts, &found.cause.subject));
        let is_down = |id: &str| down.iter().any(|found| found.cause.subject == id);
        let silent = facts.unanswered.iter().flatten().filter(|(id, _)| !is_down(id));
        let silent: Vec<Finding> = peers::silent(silent).collect();
        look.add(Alarm::NodeDown, down);
        look.add(Alarm::NodeDown, silent);
        look.add(Alarm::ReplicationBlocked, peers::blocked(view));
    }
    if let Some(applying) = &facts.applying {
        // After what the view says: it knows what failed.
        look.add(Alarm::ReplicationBlocked, applying::failing(applying, facts.now));
    }
    if let Some(pages) = facts.damaged_pages {
        look.add(Alarm::DataDamaged, (pages > 0).then(|| damaged(pages)));
    }
    harm(facts, raised, &mut look);
    if let Some(slots) = &facts.slots {
        look.add(Alarm::SlotLost, slots::lost(slots));
        look.add(Alarm::SlotRetention, slots::retention(slots));
    }
    if let Some(clocks) = &facts.clocks {
        look.add(Alarm::ClockSkew, clocks::skew(clocks, raised));
    }
    if let Some(running) = facts.running {
        look.add(Alarm::PostgresUnfixed, server::unfixed(running));
    }
    if let (Some(running), Some(installed)) = (facts.running, facts.installed) {
        look.add(Alarm::PostgresOutdated, server::outdated(running, installed));
    }
    if let Some(disk) = &facts.disk {
        look.add(Alarm::Disk, disk::filling(disk, raised));
    }
    if let Some(certificates) = &facts.certificates {
        look.add(
            Alarm::CertificateExpiring,
            certificates::expiring(certificates, facts.now),
        );
    }
    if let Some(list) = &facts.revocation_list {
        look.add(Alarm::RevocationUnchecked, certificates::unchecked(list));
    }
    if let Some(clashes) = &facts.clashes {
        look.add(Alarm::NameClash, clashes.iter().take(MOST_CLASHES).map(clash));
    }
    if let Some(hanging) = &facts.hanging {
        look.add(Alarm::TaskHangs, hanging.iter().map(hangs));
    }
    look.add(Alarm::JoinFailed, facts.join_failed.iter().map(|why| join_failed(why)));
    look
}

/// What somebody does that nobody who means well does.
fn harm(facts: &Facts, raised: &BTreeMap<Cause, Raised>, look: &mut Look) {
    if let Some(bad_rows) = &facts.bad_rows {
        look.add(Alarm::BadRows, hostile::told(Alarm::BadRows, bad_rows));
    }
    if let Some(misuse) = &facts.misuse {
        look.add(Alarm::PeerMisuse, hostile::told(Alarm::PeerMisuse, misuse));
    }
    if let Some(percent) = facts.notification_queue {
        look.add(Alarm::NotificationQueue, notifications::filling(percent));
    }
    if let Some(logins) = &facts.logins {
        look.add(Alarm::FailedLogins, logins::failing(logins, raised));
    }
    if let Some(impostors) = &facts.impostors {
        look.add(Alarm::PeerIdentity, peers::impostors(impostors));
    }
}

fn is_failing(facts: &Facts, id: &str) -> bool {
    let member = facts.applying.as_ref().and_then(|applying| applying.get(id));
    member.is_some_and(|member| member.is_failing(facts.now))
}

fn damaged(pages: i64) -> Finding {
    Finding {
        cause: Cause::new(Alarm::DataDamaged, "data"),
        severity: Severity::Critical,
        text: format!("{pages} times a page of the database was read and was not as it had been written"),
    }
}

fn hangs((task, age): (&&str, &Duration)) -> Finding {
    Finding {
        cause: Cause::new(Alarm::TaskHangs, *task),
        severity: Severity::Error,
        text: format!(
            "the task {task} of keysteadd has been at one round for {} s",
            age.as_secs()
        ),
    }
}

fn join_failed(why: &str) -> Finding {
    Finding {
        cause: Cause::new(Alarm::JoinFailed, "join"),
        severity: Severity::Error,
        text: format!("the join of this node was given up: {why}"),
    }
}

fn clash(clash: &Clash) -> Finding {
    Finding {
        cause: Cause::new(Alarm::NameClash, format!("{} {}", clash.kind, clash.name)),
        severity: Severity::Warning,
        text: format!(
            "{} {}s are named {}: {}",
            clash.ids.len(),
            clash.kind,
            clash.name,
            clash.ids.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_observed_is_not_looked_for() {
        let look = judge(&Facts::default(), &BTreeMap::new());
        assert_eq!(look.looked_for.into_iter().collect::<Vec<_>>(), [Alarm::JoinFailed]);
    }

    #[test]
    fn a_task_that_hangs_is_an_alarm_until_its_round_ends() {
        let hanging = |tasks: &[(&'static str, u64)]| Facts {
            hanging: Some(
                tasks
                    .iter()
                    .map(|(name, age)| (*name, Duration::from_secs(*age)))
                    .collect(),
            ),
            ..Facts::default()
        };
        let found = judge(&hanging(&[("links", 75)]), &BTreeMap::new()).found.remove(0);
        assert_eq!(found.cause, Cause::new(Alarm::TaskHangs, "links"));
        assert_eq!(found.text, "the task links of keysteadd has been at one round for 75 s");
        let over = judge(&hanging(&[]), &BTreeMap::new());
        assert!(over.found.is_empty() && over.looked_for.contains(&Alarm::TaskHangs));
    }

    #[test]
    fn a_restart_ends_the_alarm_of_an_outdated_server_and_programs_that_do_not_answer_leave_it() {
        let (old, new) = (ServerVersion::new(15, 18), ServerVersion::new(15, 20));
        let look_at = |running, installed| {
            let facts = Facts {
                running: Some(running),
                installed,
                ..Facts::default()
            };
            let look = judge(&facts, &BTreeMap::new());
            let found = look
                .found
                .iter()
                .any(|found| found.cause.alarm == Alarm::PostgresOutdated);
            (look.looked_for.contains(&Alarm::PostgresOutdated), found)
        };
        assert_eq!(look_at(old, Some(new)), (true, true));
        assert_eq!(look_at(new, Some(new)), (true, false));
        assert_eq!(look_at(old, None), (false, false));
    }

    #[test]
    fn a_failed_join_and_a_clash_are_found_with_their_words() {
        let facts = Facts {
            join_failed: Some("no room".to_owned()),
            clashes: Some(vec![Clash {
                kind: "key".to_owned(),
                name: "payroll".to_owned(),
                ids: vec!["a1".to_owned(), "b2".to_owned()],
            }]),
            ..Facts::default()
        };
        let look = judge(&facts, &BTreeMap::new());
        let texts: Vec<&str> = look.found.iter().map(|found| found.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "2 keys are named payroll: a1, b2",
                "the join of this node was given up: no room"
            ]
        );
        assert_eq!(look.found[0].cause.subject, "key payroll");
    }
}
