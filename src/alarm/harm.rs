//! Alarms about somebody who may mean harm, part of the list in `table.rs`: what nodes, sessions and users do that nobody does
//! who means well. Next: `judge`, which decides when that is so.

use super::Severity;
use super::entry::{Entry, Level};

pub(super) const PEER_IDENTITY: Entry = Entry {
    id: "peer-identity",
    name: "Cluster Peer Identity Mismatch",
    subject: "the node's id",
    levels: &[Level {
        severity: Severity::Critical,
        when: "at the address of the member another node answered, with a good certificate of its own",
    }],
    ends: "the member has answered at its address again, or was removed",
    remedy: "the text names both nodes: two machines have one address, or one poses as the other (operations.md, another \
             node answers)",
    after_millis: 0,
};

pub(super) const NOTIFICATION_QUEUE: Entry = Entry {
    id: "notification-queue",
    name: "PostgreSQL Notification Queue",
    subject: "queue",
    levels: &[
        Level {
            severity: Severity::Warning,
            when: "10 % of PostgreSQL's queue of notifications is in use: a session listens and does not take its own",
        },
        Level {
            severity: Severity::Critical,
            when: "50 % of it is",
        },
    ],
    ends: "less than 10 % is in use",
    remedy: "sessions of other nodes are ended by the agent; look for others in pg_stat_activity that are idle in a \
             transaction, and end them",
    after_millis: 0,
};

pub(super) const BAD_ROWS: Entry = Entry {
    id: "bad-rows",
    name: "Cluster Bad Rows",
    subject: "the id of the node that sent them, or unknown",
    levels: &[Level {
        severity: Severity::Critical,
        when: "a row came that no node writes, and was set aside, or one that is here is not understood and is skipped",
    }],
    ends: "none was found for a day",
    remedy: "see operations.md, a node that means harm: the node that sent them is damaged or in the wrong hands",
    after_millis: 0,
};

pub(super) const PEER_MISUSE: Entry = Entry {
    id: "peer-misuse",
    name: "Cluster Node Misuses Its Access",
    subject: "the node's id",
    levels: &[Level {
        severity: Severity::Critical,
        when: "the node copied this node's server or its WAL, made a slot of its own, read with another plugin or another \
               slot than its own, or has a session that does not end",
    }],
    ends: "nothing of it was seen for a day",
    remedy: "see operations.md, a node that means harm: remove the node and give it no new certificate; what it copied has \
             keys that the root of trust wraps, so keep that from it",
    after_millis: 0,
};

pub(super) const FAILED_LOGINS: Entry = Entry {
    id: "failed-logins",
    name: "Many Failed Log-ins",
    subject: "always `log-ins`",
    levels: &[
        Level {
            severity: Severity::Warning,
            when: "30 log-ins in 5 minutes had a wrong password or were put off (429)",
        },
        Level {
            severity: Severity::Error,
            when: "300 of them",
        },
    ],
    ends: "fewer than 10 in 5 minutes",
    remedy: "look who tries: the log of the node has a line with account and source for each (operations.md, log-ins); a \
             program with an old password, or somebody who guesses: keep that address away by a firewall",
    after_millis: 0,
};
