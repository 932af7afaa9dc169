//! Members of different versions: which may work together, and what a new version may do while the old one is still there.
//!
//! Pure: what the nodes have said comes in. A *schema* is the number of a migration. What comes with one is sent once every
//! node has it, and written once every node sends it: `docs/upgrade.md`. The work is in `appliance/src/upgrade`.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::id::NodeNumber;
use crate::join::request::Address;
use crate::member::roster::Roster;

/// What a node has said that it runs. The numbers are schemas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// The product's version.
    pub version: String,
    /// Its database has everything up to this one.
    pub schema: i32,
    /// It sends everything up to this one.
    pub sends: i32,
    /// It takes everything up to this one from everybody.
    pub takes: i32,
}

/// How far all nodes of a cluster are: the least of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// All databases have this schema.
    pub schema: i32,
    /// All nodes send up to it.
    pub sends: i32,
    /// All nodes take up to it.
    pub takes: i32,
}

/// How far all are. A node that has not said anything holds all others back.
pub fn reached(roster: &Roster, running: &BTreeMap<NodeNumber, Running>) -> Reached {
    let linked = roster.nodes.iter().filter(|node| node.state.is_linked());
    let said: Vec<Running> = linked
        .map(|node| running.get(&node.number).cloned().unwrap_or_default())
        .collect();
    let least = |of: fn(&Running) -> i32| said.iter().map(of).min().unwrap_or_default();
    Reached {
        schema: least(|one| one.schema),
        sends: least(|one| one.sends),
        takes: least(|one| one.takes),
    }
}

/// The members that run another version than this one, with it.
pub fn others(roster: &Roster, running: &BTreeMap<NodeNumber, Running>, version: &str) -> Vec<String> {
    let differing = roster.ready().filter_map(|node| {
        let said = running.get(&node.number)?;
        (said.version != version).then(|| format!("{} runs {}", node.address, said.version))
    });
    differing.collect()
}

/// May a program of this version and schema begin to work on a database that was left by `before`?
///
/// # Errors
/// When the database is of a newer one: there is no way back. When versions between were left out.
pub fn may_follow(version: &str, schema: i32, before: &Running) -> Result<()> {
    let back = is_before(version, &before.version);
    if schema < before.schema || back {
        return Err(Error::conflict(format!(
            "this node was run with a newer version: {} (schema {}); this program is {version} (schema {schema})",
            shown(&before.version),
            before.schema
        ))
        .with_hint(
            "there is no way back: start the newer program, or remove this node on another member, delete its data \
             folder and join it as a new one",
        ));
    }
    if is_beside(version, &before.version) {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "this node was run with version {} last, which is more than one version before {version}",
        before.version
    ))
    .with_hint("upgrade one version after the other: see docs/upgrade.md"))
}

/// May a program of this version work beside these members?
///
/// # Errors
/// Naming those that are more than one version away.
pub fn may_work_beside(version: &str, members: &[(Address, Running)]) -> Result<()> {
    let far = members.iter().filter(|(_, said)| !is_beside(version, &said.version));
    let far: Vec<String> = far
        .map(|(address, said)| format!("{address} runs {}", said.version))
        .collect();
    if far.is_empty() {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "this program is {version}, and members are more than one version away: {}",
        far.join(", ")
    ))
    .with_hint("bring all members to one version before the next upgrade begins: see docs/upgrade.md"))
}

fn shown(version: &str) -> &str {
    if version.is_empty() {
        "of unknown number"
    } else {
        version
    }
}

/// Major and minor number; patches of one version are the same here. Nothing for what is not a version.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(['.', '-', '+']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn is_before(one: &str, other: &str) -> bool {
    release(one).zip(release(other)).is_some_and(|(one, other)| one < other)
}

/// Is there no version between the two? What cannot be read is left to the schema to judge.
fn is_beside(one: &str, other: &str) -> bool {
    let Some((one, other)) = release(one).zip(release(other)) else {
        return true;
    };
    let (older, newer) = if one < other { (one, other) } else { (other, one) };
    // Who makes the first release of a major version knows which one was the last before.
    newer.0 == older.0 && newer.1 - older.1 <= 1 || newer == (older.0 + 1, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::join::stage::Stage;
    use crate::member::roster::{Member, NodeState};

    fn member(number: i32, state: NodeState) -> Member {
        Member {
            id: format!("{number:032x}").parse().unwrap(),
            number: NodeNumber(number),
            address: Address {
                host: format!("10.0.0.{number}"),
                port: 5432,
            },
            public_address: String::new(),
            state,
            stage: Stage::Creating,
            serial: String::new(),
            row_version: 1,
        }
    }

    fn runs(version: &str, schema: i32) -> Running {
        Running {
            version: version.to_owned(),
            schema,
            sends: schema,
            takes: schema,
        }
    }

    fn roster(states: &[NodeState]) -> Roster {
        Roster {
            nodes: (1..)
                .zip(states)
                .map(|(number, state)| member(number, *state))
                .collect(),
        }
    }

    #[test]
    fn all_are_as_far_as_the_last_one_and_removed_nodes_do_not_count() {
        use NodeState::{Ready, Removed, Removing};
        let mut running: BTreeMap<_, _> = (1..)
            .map(NodeNumber)
            .zip([runs("0.2.0", 13), runs("0.1.0", 12)])
            .collect();
        let two = roster(&[Ready, Removing, Removed]);
        assert_eq!(
            reached(&two, &running),
            Reached {
                schema: 12,
                sends: 12,
                takes: 12
            }
        );
        running.insert(
            NodeNumber(2),
            Running {
                takes: 12,
                ..runs("0.2.0", 13)
            },
        );
        let upgraded = reached(&two, &running);
        assert_eq!((upgraded.schema, upgraded.sends, upgraded.takes), (13, 13, 12));
    }

    #[test]
    fn a_node_that_has_said_nothing_holds_all_back() {
        let running = BTreeMap::from([(NodeNumber(1), runs("0.2.0", 13))]);
        let both = roster(&[NodeState::Ready, NodeState::Joining]);
        assert_eq!(reached(&both, &running).schema, 0);
    }

    #[test]
    fn the_way_back_and_leaps_are_refused_with_the_way_out() {
        may_follow("0.2.0", 13, &runs("0.1.4", 12)).unwrap();
        may_follow("0.2.0", 13, &runs("0.2.1", 13)).unwrap();
        may_follow("1.0.0", 20, &runs("0.9.0", 19)).unwrap();
        let refused = |version: &str, schema: i32, before: &Running| may_follow(version, schema, before).unwrap_err();
        for (version, schema, before) in [("0.1.0", 12, runs("0.2.0", 12)), ("0.2.0", 12, runs("0.2.1", 13))] {
            let error = refused(version, schema, &before);
            assert!(error.to_string().contains("a newer version"), "{error}");
            assert!(error.hint().unwrap().contains("no way back"));
        }
        for version in ["0.3.0", "2.0.0", "1.1.0"] {
            let error = refused(version, 14, &runs("0.1.0", 12));
            assert!(error.to_string().contains("more than one version before"), "{error}");
        }
    }

    #[test]
    fn members_two_versions_away_are_named() {
        let members = [
            (member(1, NodeState::Ready).address, runs("0.2.0", 13)),
            (member(2, NodeState::Ready).address, runs("0.1.0", 12)),
        ];
        may_work_beside("0.2.1", &members).unwrap();
        let error = may_work_beside("0.3.0", &members).unwrap_err();
        assert!(error.to_string().ends_with("away: 10.0.0.2:5432 runs 0.1.0"), "{error}");
    }

    #[test]
    fn members_of_another_version_are_named_with_it() {
        let running = (1..)
            .map(NodeNumber)
            .zip([runs("0.2.0", 13), runs("0.1.0", 12)])
            .collect();
        let both = roster(&[NodeState::Ready, NodeState::Ready]);
        assert_eq!(others(&both, &running, "0.2.0"), ["10.0.0.2:5432 runs 0.1.0"]);
    }
}
