//! The one list of alarms: for each its id, its name, its severities with their conditions, and the way out.
//!
//! Clients find alarms by name, syslog by id; neither is ever changed. `docs/alarms.md` shows this list, a test keeps it
//! fresh. Next: [`super::judge`], which decides when a condition holds.

use super::Severity;
use super::entry::{Entry, Level};
use super::harm::{BAD_ROWS, FAILED_LOGINS, NOTIFICATION_QUEUE, PEER_IDENTITY, PEER_MISUSE};

/// An alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alarm {
    /// A member is down.
    NodeDown,
    /// A member is connected and applies nothing.
    ReplicationBlocked,
    /// What is kept for a member has nearly reached its limit.
    SlotRetention,
    /// What a member has not fetched is gone.
    SlotLost,
    /// A node synchronises anew.
    Resync,
    /// A disk fills.
    Disk,
    /// A page of the database is not as it was written.
    DataDamaged,
    /// The PostgreSQL that runs has a known hole.
    PostgresUnfixed,
    /// The PostgreSQL that runs is older than its programs on the disk.
    PostgresOutdated,
    /// A member's clock is ahead of this node's.
    ClockSkew,
    /// A certificate or revocation list ends.
    CertificateExpiring,
    /// A certificate was renewed.
    CertificateRenewed,
    /// There is no revocation list to check members against.
    RevocationUnchecked,
    /// Another node answers at the address of a member.
    PeerIdentity,
    /// Several keys or accounts have one name.
    NameClash,
    /// Two members do not hold the same data.
    DigestMismatch,
    /// A join has ended badly.
    JoinFailed,
    /// Two machines are one member, or one was set back.
    DuplicateIdentity,
    /// A backup failed.
    BackupFailed,
    /// A syslog server does not take messages.
    SinkUnreachable,
    /// Writes cannot be acknowledged as was asked.
    AckDegraded,
    /// A node was removed without asking a majority.
    ForcedRemoval,
    /// PostgreSQL's queue of notifications fills.
    NotificationQueue,
    /// A task of the agent hangs.
    TaskHangs,
    /// A node sends rows that no node writes.
    BadRows,
    /// A node does with its connection what no node does.
    PeerMisuse,
    /// Somebody tries passwords.
    FailedLogins,
}

/// Conditions that pass by themselves while members meet are not worth an alarm.
const SETTLE_MILLIS: i64 = 5_000;

const NODE_DOWN: Entry = Entry {
    id: "node-down",
    name: "Cluster Node Down",
    subject: "the node's id",
    levels: &[Level {
        severity: Severity::Critical,
        when: "no heartbeat of the member for 8 seconds, or it does not fetch this node's changes, or it takes \
               connections and did not answer a question in time; for 5 seconds",
    }],
    ends: "the member is heard of, fetches, and has answered that question or was not asked it for 10 minutes; or it was \
           removed",
    remedy: "see operations.md, a node that is down; remove it when it will not come back",
    after_millis: SETTLE_MILLIS,
};

const REPLICATION_BLOCKED: Entry = Entry {
    id: "replication-blocked",
    name: "Cluster Replication Blocked",
    subject: "the node's id",
    levels: &[Level {
        severity: Severity::Critical,
        when: "the member is connected, behind, and has applied nothing for 30 seconds; or this node cannot apply the \
               member's changes, and goes on failing for 10 seconds",
    }],
    ends: "the member applies again, and so does this node",
    remedy: "read the text, and pg-log/ on the node that cannot apply: its disk is full, or somebody changed its tables; \
             undo that (operations.md, a change that cannot be applied)",
    after_millis: 0,
};

const SLOT_RETENTION: Entry = Entry {
    id: "slot-retention",
    name: "Cluster Slot Retention",
    subject: "the node's id",
    levels: &[
        Level {
            severity: Severity::Warning,
            when: "half of the changes that may be kept for a member are kept",
        },
        Level {
            severity: Severity::Critical,
            when: "85 % of them are",
        },
    ],
    ends: "the member has fetched them, or was removed",
    remedy: "bring the member back before the time in the text is over, raise postgres.max_wal_kept_for_a_peer, or \
             remove the member",
    after_millis: 0,
};

const SLOT_LOST: Entry = Entry {
    id: "slot-lost",
    name: "Cluster Slot Lost",
    subject: "the node's id",
    levels: &[Level {
        severity: Severity::Critical,
        when: "changes that the member has not fetched are gone, or no slot is kept for it; for 5 seconds",
    }],
    ends: "there is a good slot for the member again, or it was removed",
    remedy: "nothing while the member is up: it reads this node's rows anew; bring it back, or remove it",
    after_millis: SETTLE_MILLIS,
};

const RESYNC: Entry = Entry {
    id: "resync",
    name: "Cluster Node Resynchronising",
    subject: "the id of the node it is synchronised from",
    levels: &[Level {
        severity: Severity::Warning,
        when: "this node copies all rows of a member anew",
    }],
    ends: "the copy is done",
    remedy: "nothing; the node's log shows how far it is",
    after_millis: 0,
};

const DISK: Entry = Entry {
    id: "disk-full",
    name: "Disk Full",
    subject: "data",
    levels: &[
        Level {
            severity: Severity::Warning,
            when: "70 % of the disk under data_dir is used",
        },
        Level {
            severity: Severity::Critical,
            when: "85 % of it is used",
        },
    ],
    ends: "2 % less is used than what raised it",
    remedy: "look for changes kept for a member that is away (slot retention) and at pg-log/; enlarge the disk",
    after_millis: 0,
};

const DATA_DAMAGED: Entry = Entry {
    id: "data-damaged",
    name: "Data Damaged",
    subject: "data",
    levels: &[Level {
        severity: Severity::Critical,
        when: "PostgreSQL read a page whose checksum is wrong",
    }],
    ends: "PostgreSQL began its statistics anew, as after a crash, and has met no such page since",
    remedy: "the disk or the memory of the machine rots: see operations.md, a node whose data is damaged",
    after_millis: 0,
};

const POSTGRES_UNFIXED: Entry = Entry {
    id: "postgres-unfixed",
    name: "PostgreSQL Without Fix",
    subject: "always `postgresql`",
    levels: &[Level {
        severity: Severity::Error,
        when: "the PostgreSQL that runs is older than 15.19, 16.15, 17.11 or 18.6, so that members can make it load any \
               library of its machine (CVE-2026-6471)",
    }],
    ends: "a version with the fix runs",
    remedy: "install the newest minor version, then systemctl restart keysteadd (operations.md, a new minor version of \
             PostgreSQL)",
    after_millis: 0,
};

const POSTGRES_OUTDATED: Entry = Entry {
    id: "postgres-outdated",
    name: "PostgreSQL Restart Needed",
    subject: "always `postgresql`",
    levels: &[Level {
        severity: Severity::Warning,
        when: "the programs of PostgreSQL on the disk are of a later minor version than the server that runs",
    }],
    ends: "the server was restarted",
    remedy: "systemctl restart keysteadd, node by node (operations.md, a new minor version of PostgreSQL)",
    after_millis: 0,
};

const CLOCK_SKEW: Entry = Entry {
    id: "clock-skew",
    name: "Cluster Clock Skew",
    subject: "the id of the node whose clock is another",
    levels: &[
        Level {
            severity: Severity::Warning,
            when: "the member's clock is clock.alarm_skew_ms (500) or more ahead of this node's, or behind it",
        },
        Level {
            severity: Severity::Critical,
            when: "clock.join_skew_ms (5000) or more: nodes with such clocks cannot join",
        },
    ],
    ends: "the clocks are closer than 80 % of that, or the member was not reached for 30 seconds",
    remedy: "compare both clocks with a time server; ksctl cluster summary shows clockAheadMillis of every pair",
    after_millis: 0,
};

const CERTIFICATE_EXPIRING: Entry = Entry {
    id: "certificate-expiring",
    name: "Cluster Node Certificate Expiration",
    subject: "node, ca, crl or rest",
    levels: &[
        Level {
            severity: Severity::Warning,
            when: "it ends in 30 days or less; node and crl: and it should have been renewed long ago",
        },
        Level {
            severity: Severity::Error,
            when: "it ends in 7 days or less",
        },
        Level {
            severity: Severity::Critical,
            when: "it ends in 1 day or less, or has ended",
        },
    ],
    ends: "a newer one is installed",
    remedy: "node, crl: the node's log says why they are not renewed; ca: ksctl cluster rotate-ca; rest: the certificate \
             for users is the operator's",
    after_millis: 0,
};

const CERTIFICATE_RENEWED: Entry = Entry {
    id: "certificate-renewed",
    name: "Cluster Node Certificate Renewed",
    subject: "node or rest",
    levels: &[Level {
        severity: Severity::Info,
        when: "node: a newer certificate was installed, before the end of the old one, on demand, or of a new authority; \
               rest: the operator has exchanged it",
    }],
    ends: "at once: it is an event",
    remedy: "nothing",
    after_millis: 0,
};

const REVOCATION_UNCHECKED: Entry = Entry {
    id: "revocation-unchecked",
    name: "Cluster Revocation List Unusable",
    subject: "crl",
    levels: &[Level {
        severity: Severity::Error,
        when: "for 10 seconds this node has had no revocation list of each authority that it believes, or PostgreSQL cannot \
               read it: links go on, and certificates of removed nodes are not told from others when this node connects",
    }],
    ends: "there is one; the agent writes it again every five seconds until then",
    remedy: "read the text and the node's log: crl.pem in the folder tls/ cannot be written, or was changed",
    after_millis: 10_000,
};

const TASK_HANGS: Entry = Entry {
    id: "task-hangs",
    name: "Agent Task Hangs",
    subject: "the task's name",
    levels: &[Level {
        severity: Severity::Error,
        when: "a task of keysteadd has been at one round for longer than a minute, and what it keeps in order stays as it \
               is; after five minutes the watchdog of systemd starts the agent anew",
    }],
    ends: "the round ends",
    remedy: "look at the disk of the node and whether its PostgreSQL answers; if both do, restart keysteadd and keep its log",
    after_millis: 0,
};

const NAME_CLASH: Entry = Entry {
    id: "name-clash",
    name: "Name Clash",
    subject: "key or account, and the name",
    levels: &[Level {
        severity: Severity::Warning,
        when: "two or more keys, or accounts, have one name; told by the first member that is up",
    }],
    ends: "all but one were renamed or deleted",
    remedy: "ksctl cluster clashes shows the ids; rename all but one",
    after_millis: 0,
};

const DIGEST_MISMATCH: Entry = Entry {
    id: "digest-mismatch",
    name: "Cluster Digest Mismatch",
    subject: "the id of the other node",
    levels: &[Level {
        severity: Severity::Critical,
        when: "a comparison found rows that differ between two members that have each other's changes",
    }],
    ends: "a comparison found none",
    remedy: "ksctl cluster verify shows the rows; with --repair it mends them on all nodes; then look for the cause",
    after_millis: 0,
};

const JOIN_FAILED: Entry = Entry {
    id: "join-failed",
    name: "Cluster Join Failed",
    subject: "join",
    levels: &[Level {
        severity: Severity::Error,
        when: "a join of this node was given up",
    }],
    ends: "the node joined, or its failed join was cleared",
    remedy: "remove the reason in the text, then join again or run ksctl cluster delete",
    after_millis: 0,
};

const DUPLICATE_IDENTITY: Entry = Entry {
    id: "duplicate-identity",
    name: "Cluster Duplicate Identity",
    subject: "the node's id",
    levels: &[Level {
        severity: Severity::Critical,
        when: "two machines use the identity of one member, or a member was set back to an older state",
    }],
    ends: "one of them is gone, or the member has synchronised anew",
    remedy: "switch the copy off; a member that was set back catches up by itself, ksctl cluster info on it says more",
    after_millis: 0,
};

const BACKUP_FAILED: Entry = Entry {
    id: "backup-failed",
    name: "Backup Failed",
    subject: "always `system`, the scope of backups",
    levels: &[Level {
        severity: Severity::Error,
        when: "a backup could not be made",
    }],
    ends: "a later backup was made",
    remedy: "remove the reason in the text and make a backup",
    after_millis: 0,
};

const SINK_UNREACHABLE: Entry = Entry {
    id: "sink-unreachable",
    name: "Syslog Server Unreachable",
    subject: "the id of the syslog server",
    levels: &[
        Level {
            severity: Severity::Warning,
            when: "a syslog server takes no messages; they are kept on disk",
        },
        Level {
            severity: Severity::Error,
            when: "the place for kept messages is full, and messages were dropped",
        },
    ],
    ends: "the server takes messages again",
    remedy: "check its address, port and certificate; ksctl and the node's log have the reason",
    after_millis: SETTLE_MILLIS,
};

const ACK_DEGRADED: Entry = Entry {
    id: "ack-degraded",
    name: "Cluster Acknowledgement Degraded",
    subject: "cluster",
    levels: &[Level {
        severity: Severity::Error,
        when: "fewer members are up than writes are to wait for, so such writes are refused",
    }],
    ends: "enough members are up",
    remedy: "bring members back, or ask for less",
    after_millis: SETTLE_MILLIS,
};

const FORCED_REMOVAL: Entry = Entry {
    id: "forced-removal",
    name: "Cluster Node Removed By Force",
    subject: "the id of the node that was removed",
    levels: &[Level {
        severity: Severity::Error,
        when: "a user removed a node with --force while no majority of the members could be asked",
    }],
    ends: "a user clears it",
    remedy: "look whether the members that could not be asked are gone for good; if they are not, they may have removed \
             nodes of this side: compare ksctl cluster nodes list on all",
    after_millis: 0,
};

impl Alarm {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self::NodeDown,
        Self::ReplicationBlocked,
        Self::SlotRetention,
        Self::SlotLost,
        Self::Resync,
        Self::Disk,
        Self::DataDamaged,
        Self::PostgresUnfixed,
        Self::PostgresOutdated,
        Self::ClockSkew,
        Self::CertificateExpiring,
        Self::CertificateRenewed,
        Self::RevocationUnchecked,
        Self::PeerIdentity,
        Self::NameClash,
        Self::DigestMismatch,
        Self::JoinFailed,
        Self::DuplicateIdentity,
        Self::BackupFailed,
        Self::SinkUnreachable,
        Self::AckDegraded,
        Self::ForcedRemoval,
        Self::NotificationQueue,
        Self::TaskHangs,
        Self::BadRows,
        Self::PeerMisuse,
        Self::FailedLogins,
    ];

    /// What there is to know of it.
    pub fn entry(self) -> &'static Entry {
        match self {
            Self::NodeDown => &NODE_DOWN,
            Self::ReplicationBlocked => &REPLICATION_BLOCKED,
            Self::SlotRetention => &SLOT_RETENTION,
            Self::SlotLost => &SLOT_LOST,
            Self::Resync => &RESYNC,
            Self::Disk => &DISK,
            Self::DataDamaged => &DATA_DAMAGED,
            Self::PostgresUnfixed => &POSTGRES_UNFIXED,
            Self::PostgresOutdated => &POSTGRES_OUTDATED,
            Self::ClockSkew => &CLOCK_SKEW,
            Self::CertificateExpiring => &CERTIFICATE_EXPIRING,
            Self::CertificateRenewed => &CERTIFICATE_RENEWED,
            Self::RevocationUnchecked => &REVOCATION_UNCHECKED,
            Self::PeerIdentity => &PEER_IDENTITY,
            Self::NameClash => &NAME_CLASH,
            Self::DigestMismatch => &DIGEST_MISMATCH,
            Self::JoinFailed => &JOIN_FAILED,
            Self::DuplicateIdentity => &DUPLICATE_IDENTITY,
            Self::BackupFailed => &BACKUP_FAILED,
            Self::SinkUnreachable => &SINK_UNREACHABLE,
            Self::AckDegraded => &ACK_DEGRADED,
            Self::ForcedRemoval => &FORCED_REMOVAL,
            Self::NotificationQueue => &NOTIFICATION_QUEUE,
            Self::TaskHangs => &TASK_HANGS,
            Self::BadRows => &BAD_ROWS,
            Self::PeerMisuse => &PEER_MISUSE,
            Self::FailedLogins => &FAILED_LOGINS,
        }
    }

    /// What programs call it.
    pub fn id(self) -> &'static str {
        self.entry().id
    }

    /// The alarm with this id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alarm| alarm.id() == id)
    }

    /// Its lowest severity: what it is when it is not said how bad it is.
    pub fn severity(self) -> Severity {
        let lowest = self.entry().levels.iter().map(|level| level.severity).max();
        lowest.unwrap_or(Severity::Error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_and_names_are_of_one_alarm_each() {
        let ids: BTreeSet<_> = Alarm::ALL.map(Alarm::id).into();
        let names: BTreeSet<_> = Alarm::ALL.map(|alarm| alarm.entry().name).into();
        assert_eq!((ids.len(), names.len()), (Alarm::ALL.len(), Alarm::ALL.len()));
        for alarm in Alarm::ALL {
            assert_eq!(Alarm::from_id(alarm.id()), Some(alarm));
        }
    }

    #[test]
    fn every_alarm_has_levels_that_worsen_and_a_way_out() {
        for alarm in Alarm::ALL {
            let entry = alarm.entry();
            let levels: Vec<Severity> = entry.levels.iter().map(|level| level.severity).collect();
            assert!(!levels.is_empty() && levels.is_sorted_by(|a, b| a > b), "{alarm:?}");
            assert!(!entry.remedy.is_empty() && !entry.ends.is_empty(), "{alarm:?}");
            assert_eq!(alarm.severity(), levels[0]);
        }
    }
}
