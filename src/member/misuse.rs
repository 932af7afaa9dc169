//! What another node does with its connection that no node does: copying the server, slots of its own, the place of another.
//!
//! PostgreSQL lets every role that may replicate do this, so it cannot be forbidden, only seen and ended.
//! `appliance/src/peer_sessions.rs` looks, ends, and remembers it for the alarm.

use std::collections::BTreeMap;

use super::roster::Roster;
use super::sessions::{Activity, PeerSession};
use crate::clock::Micros;
use crate::id::{NodeId, NodeNumber};
use crate::replication::names;

/// The plugin that a node reads with.
const PLUGIN: &str = "pgoutput";

/// A session that was ended in so many looks one after the other does not end.
const LOOKS_UNTIL_STUCK: u32 = 5;

/// A replication slot of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Its plugin; `None` where it is a physical one.
    pub plugin: Option<String>,
    /// Who reads from it now.
    pub reader: Option<SlotReader>,
}

/// A session that reads from a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotReader {
    /// The process that serves it.
    pub pid: i32,
    /// Whose it is.
    pub role: String,
}

/// Something that no node does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misuse {
    /// The node; `None` when it is not known whose doing it is.
    pub node: Option<NodeId>,
    /// What it does.
    pub text: String,
    /// The slot to drop, as soon as nobody reads from it.
    pub slot: Option<String>,
    /// The session to end.
    pub pid: Option<i32>,
}

/// What of the slots of node `me` is none of a link between nodes, or is read by another than its reader.
pub fn of_slots(me: NodeNumber, roster: &Roster, slots: &[Slot]) -> Vec<Misuse> {
    let judge = |slot: &Slot| {
        let reader = names::reader(me, &slot.name);
        let by = match &slot.reader {
            // Somebody on this machine: not a node.
            Some(reader) => Some(names::node_of_role(&reader.role)?),
            None => None,
        };
        let text = match (&slot.plugin, reader) {
            (_, None) => format!("slot {} is none of the cluster", shown(&slot.name)),
            (None, Some(_)) => format!("slot {} is a physical one", slot.name),
            (Some(plugin), Some(_)) if plugin != PLUGIN => {
                format!("slot {} has the plugin {}", slot.name, shown(plugin))
            }
            (Some(_), Some(number)) => {
                // The agent reads from none; a slot whose node is not recorded here yet is told by nobody.
                let of = roster.nodes.iter().find(|node| node.number == number)?;
                let by = by.filter(|by| *by != of.id)?;
                return Some(Misuse {
                    text: format!("it reads from slot {}, which is kept for node {}", slot.name, of.id),
                    node: Some(by),
                    slot: None,
                    pid: slot.reader.as_ref().map(|reader| reader.pid),
                });
            }
        };
        Some(Misuse {
            node: by,
            text,
            slot: Some(slot.name.clone()),
            pid: None,
        })
    };
    slots.iter().filter_map(judge).collect()
}

/// What sessions of other nodes do that no node does.
pub fn of_sessions(roster: &Roster, sessions: &[PeerSession]) -> Vec<Misuse> {
    let judge = |session: &PeerSession| {
        let node = names::node_of_role(&session.role);
        let text = if session.activity == Activity::CopyingServer {
            "it copies the server or its WAL".to_owned()
        } else {
            // Acknowledgements are counted by the name of the link: another's would count for that.
            let name = session.reads_as.as_deref()?;
            let number = roster.find(node.as_ref()?).map(|node| node.number);
            let is_its_own = number.is_some_and(|to| is_of(name, to));
            if is_its_own || number.is_none() {
                return None;
            }
            format!("it reads under the name {}", shown(name))
        };
        Some(Misuse {
            node,
            text,
            slot: None,
            pid: Some(session.pid),
        })
    };
    sessions.iter().filter_map(judge).collect()
}

/// Is this the name of a link, or of a lane of one, to the node with this number?
fn is_of(name: &str, to: NodeNumber) -> bool {
    let link = names::link_of_lane(name).unwrap_or_else(|| name.to_owned());
    link.starts_with(names::LINK_PREFIX) && link.ends_with(&format!("_to_{to}"))
}

/// A text of a peer's, for a line of text.
fn shown(text: &str) -> String {
    text.chars().take(64).collect::<String>().escape_debug().collect()
}

/// Remembers which sessions were told to end.
#[derive(Debug, Default)]
pub struct EndWatch {
    told: BTreeMap<(i32, Micros), u32>,
}

impl EndWatch {
    /// Takes in which sessions are told to end now: those that were told so again and again and are there still.
    pub fn stuck(&mut self, ended: &[PeerSession]) -> Vec<Misuse> {
        let key = |session: &PeerSession| (session.pid, session.started);
        self.told
            .retain(|told, _| ended.iter().any(|session| key(session) == *told));
        let mut stuck = Vec::new();
        for session in ended {
            let looks = self.told.entry(key(session)).or_default();
            *looks = looks.saturating_add(1);
            if *looks >= LOOKS_UNTIL_STUCK {
                stuck.push(Misuse {
                    node: names::node_of_role(&session.role),
                    text: format!("its session, process {}, does not end", session.pid),
                    slot: None,
                    pid: None,
                });
            }
        }
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::join::request::Address;
    use crate::join::stage::Stage;
    use crate::member::roster::{Member, NodeState};

    const ME: NodeNumber = NodeNumber(1);

    fn id(n: i32) -> NodeId {
        format!("{n:032x}").parse().unwrap()
    }

    fn roster() -> Roster {
        let node = |n| Member {
            id: id(n),
            number: NodeNumber(n),
            address: Address {
                host: "h".to_owned(),
                port: 5432,
            },
            public_address: String::new(),
            state: NodeState::Ready,
            stage: Stage::Ready,
            serial: String::new(),
            row_version: 1,
        };
        Roster {
            nodes: (1..=3).map(node).collect(),
        }
    }

    fn slot(name: &str, plugin: Option<&str>, reader: Option<i32>) -> Slot {
        Slot {
            name: name.to_owned(),
            plugin: plugin.map(str::to_owned),
            reader: reader.map(|n| SlotReader {
                pid: 77,
                role: names::role(&id(n)),
            }),
        }
    }

    fn found(slot: Slot) -> Option<Misuse> {
        of_slots(ME, &roster(), &[slot]).pop()
    }

    fn session(role: i32, activity: Activity, reads_as: Option<&str>) -> PeerSession {
        PeerSession {
            pid: 5,
            started: Micros(1),
            role: names::role(&id(role)),
            is_guest: false,
            activity,
            state_millis: 0,
            transaction_millis: 0,
            has_written: false,
            copied_bytes: None,
            reads_as: reads_as.map(str::to_owned),
        }
    }

    #[test]
    fn the_slots_of_links_and_lanes_are_left_alone() {
        for (name, reader) in [("keystead_1_to_2", 2), ("lane_1_to_3_1", 3)] {
            assert_eq!(found(slot(name, Some("pgoutput"), None)), None);
            assert_eq!(found(slot(name, Some("pgoutput"), Some(reader))), None);
        }
        assert_eq!(
            found(slot("keystead_1_to_9", Some("pgoutput"), Some(2))),
            None,
            "not recorded here yet"
        );
    }

    #[test]
    fn a_slot_that_is_none_of_a_link_is_dropped() {
        for slot in [
            slot("mine", Some("pgoutput"), None),
            slot("keystead_2_to_1", Some("pgoutput"), None),
            slot("keystead_1_to_2", Some("test_decoding"), None),
            slot("keystead_1_to_2", None, None),
        ] {
            let found = found(slot.clone()).unwrap();
            assert_eq!(
                (found.slot.as_deref(), found.node),
                (Some(&*slot.name), None),
                "{slot:?}"
            );
        }
        assert_eq!(
            found(slot("mine", Some("pgoutput"), Some(2))).unwrap().node,
            Some(id(2))
        );
    }

    #[test]
    fn somebody_on_this_machine_is_not_a_node() {
        let mut of_operator = slot("pg_basebackup_77", None, Some(2));
        of_operator.reader.as_mut().unwrap().role = "keystead".to_owned();
        assert_eq!(found(of_operator), None);
    }

    #[test]
    fn who_reads_what_is_kept_for_another_is_ended_and_the_slot_stays() {
        let found = found(slot("keystead_1_to_3", Some("pgoutput"), Some(2))).unwrap();
        assert_eq!((found.node, found.slot, found.pid), (Some(id(2)), None, Some(77)));
    }

    #[test]
    fn a_copy_of_the_server_and_the_name_of_anothers_link_are_found() {
        let judge = |session| of_sessions(&roster(), &[session]).len();
        assert_eq!(judge(session(2, Activity::CopyingServer, Some("pg_basebackup"))), 1);
        assert_eq!(judge(session(2, Activity::Streaming, Some("keystead_1_to_3"))), 1);
        assert_eq!(judge(session(2, Activity::Streaming, Some("keystead_1_to_2"))), 0);
        assert_eq!(judge(session(2, Activity::Streaming, Some("lane_1_to_2_1"))), 0);
        assert_eq!(judge(session(2, Activity::Active, None)), 0);
    }

    #[test]
    fn a_session_that_does_not_end_is_told_after_some_looks() {
        let mut watch = EndWatch::default();
        let told = [session(2, Activity::Active, None)];
        for _ in 1..LOOKS_UNTIL_STUCK {
            assert!(watch.stuck(&told).is_empty());
        }
        assert_eq!(watch.stuck(&told)[0].node, Some(id(2)));
        assert!(watch.stuck(&[]).is_empty());
        assert!(
            watch.stuck(&told).is_empty(),
            "another one, that is told for the first time"
        );
    }
}
