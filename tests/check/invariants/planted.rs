//! A good history breaks no invariant, and each way to spoil it breaks exactly those that it should. Planted by hand, a few
//! operations long: the invariants are tested here without a cluster.

use std::collections::BTreeMap;

use super::judge;
use crate::check::history::tests::op;
use crate::check::history::{Action, Dump, End, History, Op, Outcome, Row, Run, Seen, Settled};

const SECOND: u64 = 1_000_000_000;

fn seen(key: &str, value: &str, version: i64) -> Seen {
    Seen {
        key: key.to_owned(),
        name: format!("key|{value}"),
        value: value.to_owned(),
        version,
        state: "Active".to_owned(),
        fingerprint: format!("material of {key}"),
        number: 0,
    }
}

fn named(name: &str, seen: Seen) -> Seen {
    Seen {
        name: name.to_owned(),
        ..seen
    }
}

fn in_state(state: &str, seen: Seen) -> Seen {
    Seen {
        state: state.to_owned(),
        ..seen
    }
}

impl Op {
    fn showing(mut self, seen: Seen) -> Self {
        self.seen.push(seen);
        self
    }
}

/// An acknowledged write of what it shows.
fn wrote(action: Action, node: usize, seen: Seen) -> Op {
    let value = matches!(action, Action::Create | Action::Change).then(|| seen.value.clone());
    let name = (action == Action::Create).then(|| seen.name.clone());
    Op {
        name,
        value,
        version: Some(seen.version),
        ..op(action, node, &seen.key.clone())
    }
    .showing(seen)
}

/// A version of the key that is rotated.
fn version(key: &str, value: &str, number: i32) -> Seen {
    Seen {
        number,
        ..named("rotated", seen(key, value, 700))
    }
}

fn rotated(node: usize, seen: Seen) -> Op {
    Op {
        name: Some("rotated".to_owned()),
        value: Some(seen.value.clone()),
        ..wrote(Action::Rotate, node, seen)
    }
}

fn current(node: usize, seen: Seen) -> Op {
    let name = Some("rotated".to_owned());
    Op {
        name,
        ..op(Action::Current, node, &seen.key.clone())
    }
    .showing(seen)
}

fn read(node: usize, seen: Seen) -> Op {
    op(Action::Read, node, &seen.key.clone()).showing(seen)
}

fn not_found(node: usize, key: &str) -> Op {
    op(Action::Read, node, key)
}

fn row_of(seen: Seen, origin: i32) -> Row {
    Row {
        has_material: seen.state == "Active" || seen.state == "Deactivated",
        seen,
        origin,
        deleted: false,
    }
}

/// Operations one after the other: each begins when the one before has ended.
fn in_order(ops: Vec<Op>) -> Vec<Op> {
    let one_after_the_other = |(at, op): (u64, Op)| Op {
        index: at,
        begin: at * 10,
        end: at * 10 + 5,
        ..op
    };
    (0..).zip(ops).map(one_after_the_other).collect()
}

fn pair(key: &str) -> Seen {
    named("pair", seen(key, "p0-0", 500))
}

/// On three nodes: a key that two of them write, one that is deleted, two of one name, one that is revoked, and a pair.
fn ops() -> Vec<Op> {
    let deletion = Op {
        version: Some(300),
        ..op(Action::Delete, 0, "deleted")
    };
    in_order(vec![
        wrote(Action::Create, 0, seen("a", "c1-0", 100)),
        read(1, seen("a", "c1-0", 100)),
        wrote(Action::Change, 1, seen("a", "c2-0", 200)),
        read(2, seen("a", "c2-0", 200)),
        wrote(Action::Create, 0, seen("deleted", "c1-1", 110)),
        read(1, seen("deleted", "c1-1", 110)),
        deletion,
        not_found(1, "deleted"),
        wrote(Action::Create, 0, named("twin", seen("t1", "c3-0", 120))),
        wrote(Action::Create, 1, named("twin", seen("t2", "c3-1", 121))),
        wrote(Action::Create, 2, seen("revoked", "c4-0", 130)),
        wrote(Action::Revoke, 2, in_state("Deactivated", seen("revoked", "c4-0", 400))),
        Op {
            value: Some("p0-0".to_owned()),
            ..op(Action::WritePair, 0, "pair 0")
        },
        Op {
            seen: vec![pair("p1"), pair("p2")],
            ..op(Action::ReadPair, 1, "pair 0")
        },
        rotated(0, version("r1", "c6-0", 1)),
        rotated(1, version("r2", "c6-1", 1)),
    ])
}

/// What every node holds after them.
fn rows() -> Vec<Row> {
    vec![
        row_of(seen("a", "c2-0", 200), 2),
        Row {
            deleted: true,
            has_material: false,
            ..row_of(seen("deleted", "c1-1", 300), 1)
        },
        row_of(named("twin", seen("t1", "c3-0", 120)), 1),
        row_of(named("twin", seen("t2", "c3-1", 121)), 2),
        row_of(in_state("Deactivated", seen("revoked", "c4-0", 400)), 3),
        row_of(pair("p1"), 1),
        row_of(pair("p2"), 1),
        row_of(version("r1", "c6-0", 1), 1),
        row_of(version("r2", "c6-1", 1), 2),
    ]
}

fn good() -> History {
    let settled = Settled {
        after: "a cut".to_owned(),
        begin: 0,
        took: Some(2 * SECOND),
    };
    let current = BTreeMap::from([("rotated".to_owned(), "r2".to_owned())]);
    let numbered = BTreeMap::from([("version 1 of rotated".to_owned(), "r2".to_owned())]);
    let dump = |node| Dump {
        node,
        rows: rows(),
        current: current.clone(),
        numbered: numbered.clone(),
    };
    History {
        run: Run {
            numbers: vec![1, 2, 3],
            ..Run::default()
        },
        ops: ops(),
        settled: vec![settled],
        end: End {
            equal_after: Some(SECOND),
            still_equal: true,
            broke_off: None,
        },
        dumps: [0, 1, 2].map(dump).to_vec(),
        ..History::default()
    }
}

/// What is broken when the good history is spoiled like this.
fn broken(spoil: impl FnOnce(&mut History)) -> Vec<&'static str> {
    let mut history = good();
    spoil(&mut history);
    let verdicts = judge(&history);
    verdicts.iter().filter(|one| !one.holds()).map(|one| one.name).collect()
}

/// The row of a key on a node at the end.
fn end_of<'a>(history: &'a mut History, node: usize, key: &str) -> &'a mut Row {
    let mut rows = history.dumps[node].rows.iter_mut();
    rows.find(|row| row.seen.key == key).unwrap()
}

fn everywhere(history: &mut History, key: &str, change: impl Fn(&mut Row)) {
    for node in 0..3 {
        change(end_of(history, node, key));
    }
}

/// Adds an operation after all others.
fn then(history: &mut History, op: Op) {
    history.ops.push(op);
    history.ops = in_order(std::mem::take(&mut history.ops));
}

#[test]
fn a_good_history_breaks_nothing() {
    assert_eq!(broken(|_| {}), Vec::<&str>::new());
}

#[test]
fn a_key_that_is_missing_everywhere_is_lost() {
    let missing = broken(|history| {
        for dump in &mut history.dumps {
            dump.rows.retain(|row| row.seen.key != "revoked");
        }
    });
    assert_eq!(missing, ["lost", "delivery"]);
    let never_asked = broken(|history| {
        everywhere(history, "a", |row| (row.deleted, row.has_material) = (true, false));
    });
    assert_eq!(never_asked, ["lost"]);
}

#[test]
fn a_key_whose_deletion_has_no_known_outcome_may_be_there_or_not() {
    let unknown = |history: &mut History| {
        let op = history.ops.iter_mut().find(|op| op.action == Action::Delete).unwrap();
        (op.outcome, op.version) = (Outcome::Unknown, None);
        history.ops.retain(|op| !op.found_nothing());
    };
    assert_eq!(broken(unknown), Vec::<&str>::new());
    let there = broken(|history| {
        unknown(history);
        everywhere(history, "deleted", |row| {
            (row.deleted, row.has_material) = (false, true);
        });
    });
    assert_eq!(there, Vec::<&str>::new());
}

#[test]
fn other_material_than_a_key_was_made_with_is_a_lost_key() {
    let other = |row: &mut Row| "other".clone_into(&mut row.seen.fingerprint);
    assert_eq!(broken(|history| everywhere(history, "a", other)), ["lost", "honesty"]);
}

#[test]
fn nodes_that_differ_or_agree_too_late_do_not_agree() {
    assert_eq!(
        broken(|history| history.settled[0].took = Some(61 * SECOND)),
        ["agreement"]
    );
    assert_eq!(broken(|history| history.settled[0].took = None), ["agreement"]);
    assert_eq!(broken(|history| history.end.equal_after = None), ["agreement"]);
    assert_eq!(broken(|history| history.end.still_equal = false), ["agreement"]);
    let differ = broken(|history| end_of(history, 2, "p1").origin = 3);
    assert_eq!(differ, ["agreement"]);
}

#[test]
fn a_write_after_another_was_seen_has_to_win() {
    let lower = broken(|history| {
        let op = &mut history.ops[2];
        (op.version, op.seen[0].version) = (Some(90), 90);
        history.ops.remove(3);
        everywhere(history, "a", |row| row.seen = seen("a", "c1-0", 100));
        everywhere(history, "a", |row| row.origin = 1);
    });
    assert_eq!(lower, ["causality"]);
}

#[test]
fn a_write_that_knew_nothing_of_another_may_lose() {
    let concurrent = broken(|history| {
        then(history, wrote(Action::Change, 0, seen("a", "c5-0", 150)));
    });
    assert_eq!(concurrent, Vec::<&str>::new());
}

#[test]
fn the_highest_version_has_to_win_with_its_value() {
    let older = broken(|history| {
        everywhere(history, "a", |row| *row = row_of(seen("a", "c1-0", 100), 1));
    });
    assert_eq!(older, ["causality", "memory", "delivery"]);
    let value = broken(|history| {
        everywhere(history, "a", |row| row.seen = seen("a", "c1-0", 200));
    });
    assert_eq!(value, ["causality"]);
}

#[test]
fn a_version_that_gets_lower_is_forgotten() {
    let lower = broken(|history| then(history, read(2, seen("a", "c1-0", 100))));
    assert_eq!(lower, ["memory"]);
    let overlapping = broken(|history| {
        then(history, read(2, seen("a", "c1-0", 100)));
        history.ops.last_mut().unwrap().begin = 0;
    });
    assert_eq!(overlapping, Vec::<&str>::new());
}

#[test]
fn a_session_that_does_not_find_its_key_again_is_told() {
    let gone = broken(|history| then(history, not_found(2, "revoked")));
    assert_eq!(gone, ["sessions", "endings"]);
    let elsewhere = broken(|history| then(history, not_found(0, "revoked")));
    assert_eq!(elsewhere, Vec::<&str>::new(), "another node may not have it yet");
}

#[test]
fn a_deleted_key_that_is_back_is_told() {
    let shown = broken(|history| then(history, read(1, seen("deleted", "c1-1", 110))));
    assert_eq!(shown, ["endings"]);
    let elsewhere = broken(|history| then(history, read(2, seen("deleted", "c1-1", 110))));
    assert_eq!(elsewhere, Vec::<&str>::new(), "another node may not know yet");
    let at_the_end = broken(|history| {
        everywhere(history, "deleted", |row| {
            (row.deleted, row.has_material) = (false, true);
        });
    });
    assert_eq!(at_the_end, ["endings"]);
}

#[test]
fn parts_of_different_writes_are_not_one_row() {
    let torn = broken(|history| then(history, read(2, named("key|c1-0", seen("a", "c2-0", 200)))));
    assert_eq!(torn, ["whole"]);
    let split = broken(|history| {
        let second = Op {
            value: Some("p0-1".to_owned()),
            ..op(Action::WritePair, 0, "pair 0")
        };
        then(history, second);
        let half = vec![
            named("pair", seen("p1", "p0-0", 500)),
            named("pair", seen("p2", "p0-1", 501)),
        ];
        let reading = Op {
            seen: half,
            ..op(Action::ReadPair, 2, "pair 0")
        };
        then(history, reading);
        everywhere(history, "p2", |row| row.seen.version = 501);
    });
    assert_eq!(split, ["whole"]);
    let not_yet_written = broken(|history| {
        let before = [("p1", "c0-1"), ("p2", "c0-2")].map(|(key, value)| named("pair", seen(key, value, 50)));
        history.ops.retain(|op| op.action != Action::ReadPair);
        for row in before.clone() {
            then(
                history,
                wrote(Action::Create, 0, named(&format!("pair of {}", row.value), row)),
            );
        }
        let reading = Op {
            seen: before.to_vec(),
            ..op(Action::ReadPair, 2, "pair 0")
        };
        then(history, reading);
    });
    assert_eq!(not_yet_written, Vec::<&str>::new());
}

#[test]
fn what_nobody_wrote_or_was_refused_is_never_shown() {
    let invented = broken(|history| then(history, read(2, seen("a", "rotten", 250))));
    assert!(invented.contains(&"honesty"), "{invented:?}");
    let refused = broken(|history| {
        let change = wrote(Action::Change, 2, seen("a", "c9-9", 250));
        let refusal = Op {
            outcome: Outcome::Failed,
            version: None,
            seen: Vec::new(),
            ..change
        };
        then(history, refusal);
        everywhere(history, "a", |row| *row = row_of(seen("a", "c9-9", 250), 3));
    });
    assert_eq!(refused, ["honesty"]);
    let of_another = broken(|history| {
        everywhere(history, "t1", |row| "c2-0".clone_into(&mut row.seen.value));
        history.ops[8].version = None;
    });
    assert_eq!(of_another, ["honesty"]);
}

#[test]
fn a_key_that_another_of_its_name_has_cost_is_told() {
    let cost = broken(|history| {
        for dump in &mut history.dumps {
            dump.rows.retain(|row| row.seen.key != "t1");
        }
    });
    assert_eq!(cost, ["lost", "names", "delivery"]);
    let given_twice = broken(|history| {
        then(
            history,
            wrote(Action::Create, 0, named("twin", seen("t3", "c3-2", 600))),
        );
        for dump in &mut history.dumps {
            dump.rows.push(row_of(named("twin", seen("t3", "c3-2", 600)), 1));
        }
    });
    assert_eq!(given_twice, ["names"]);
}

#[test]
fn a_state_that_goes_back_is_told() {
    let at_the_end = broken(|history| {
        everywhere(history, "revoked", |row| "Active".clone_into(&mut row.seen.state));
    });
    assert_eq!(at_the_end, ["states"]);
    let shown = broken(|history| then(history, read(2, seen("revoked", "c4-0", 400))));
    assert_eq!(shown, ["states"]);
    let elsewhere = broken(|history| then(history, read(0, seen("revoked", "c4-0", 130))));
    assert_eq!(elsewhere, Vec::<&str>::new(), "another node may not know yet");
    let material = broken(|history| everywhere(history, "deleted", |row| row.has_material = true));
    assert_eq!(material, ["states"]);
}

#[test]
fn a_key_with_two_current_versions_is_told() {
    let differs = broken(|history| {
        history.dumps[1].current.insert("rotated".to_owned(), "r1".to_owned());
    });
    assert_eq!(differs, ["versions"]);
    let not_the_highest = broken(|history| {
        everywhere(history, "r1", |row| row.seen.number = 2);
        history.ops.last_mut().unwrap().seen[0].number = 2;
        everywhere(history, "r2", |row| row.seen.number = 1);
    });
    assert_eq!(not_the_highest, ["versions"]);
}

#[test]
fn a_number_by_which_nodes_find_different_versions_is_told() {
    let differs = broken(|history| {
        for version in history.dumps[1].numbered.values_mut() {
            "r1".clone_into(version);
        }
    });
    assert_eq!(differs, ["versions"]);
}

#[test]
fn a_number_that_is_given_twice_or_goes_back_is_told() {
    let twice = |node, origin| {
        broken(|history| {
            then(history, rotated(node, version("r3", "c6-2", 1)));
            for dump in &mut history.dumps {
                dump.rows.push(row_of(version("r3", "c6-2", 1), origin));
            }
        })
    };
    assert_eq!(twice(0, 1), ["versions"]);
    assert_eq!(twice(2, 3), Vec::<&str>::new(), "another node may not know yet");
    let back = broken(|history| then(history, current(0, version("r0", "c6-0", 0))));
    assert!(back.contains(&"versions"), "{back:?}");
}

#[test]
fn a_version_that_is_missing_is_lost() {
    let missing = broken(|history| {
        for dump in &mut history.dumps {
            dump.rows.retain(|row| row.seen.key != "r1");
        }
    });
    assert_eq!(missing, ["lost", "delivery"]);
}

#[test]
fn a_write_that_did_not_reach_a_node_is_a_hole() {
    let hole = broken(|history| {
        *end_of(history, 2, "a") = row_of(seen("a", "c1-0", 100), 1);
        history.ops.retain(|op| op.index != 3);
    });
    assert_eq!(hole, ["agreement", "causality", "delivery"]);
}
