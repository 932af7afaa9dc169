//! The heart of the product: every stage of a join and every legal move between them.
//!
//! A move that is not in [`TRANSITIONS`] does not exist. This file decides what comes next; it never acts, waits or
//! knows a clock. The driver (`appliance/src/join/driver.rs`) saves the new stage, then acts, then reports, so after a
//! crash the stage that was saved is simply run again: every stage's work is idempotent.
//!
//! `docs/join.md` shows this table as a diagram and as a list; a test keeps it fresh.
//! Next: [`super::retry`] for what happens when a stage's work fails.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a join is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// No join. Left by `POST /v1/cluster/join` after its pre-flight; nothing was touched before that.
    Idle,
    /// The member that signed records this node and spends its ticket.
    /// A crash here costs nothing: recording is repeated with the same ticket and answers the same number.
    Creating,
    /// This node's replicated database is wiped and made anew, and every member keeps its changes from now on
    /// for this node (a replication slot each). A crash here costs the wipe: it is done again.
    Bootstrapping,
    /// All rows are copied from one member. A crash here costs the copy: it starts again from empty tables.
    InitialSync,
    /// What happened since the slots were made is applied. A crash here costs nothing: PostgreSQL knows how far it is.
    CatchingUp,
    /// Every member subscribes to this node, digests are compared, then the node says it is ready.
    /// A crash here costs nothing: subscribing is repeated.
    Completing,
    /// The node is a member. Set when every live member has seen it say so.
    Ready,
    /// The join ended without a member. Set when going on is pointless; waits for the administrator,
    /// who joins again or clears it with `DELETE /v1/cluster`.
    Killed,
}

/// What happened. Facts, in the past tense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The request was checked and the pre-flight passed.
    Requested,
    /// The member recorded this node: it has a number now.
    Recorded,
    /// The new database stands and every live member holds a slot for this node.
    SlotsMade,
    /// Every row of the source that was committed before its slot is here.
    CopyFinished,
    /// Everything up to a heartbeat sent after the copy has arrived from every live member.
    CaughtUp,
    /// Every live member has acknowledged this node as ready.
    Acknowledged,
    /// A failure that trying again cannot mend, or the removal of this node while it joined.
    GaveUp,
    /// The administrator cleared a join that had ended badly.
    Cleared,
}

/// One legal move.
#[derive(Debug, Clone, Copy)]
pub struct Transition {
    /// From this stage …
    pub from: Stage,
    /// … when this has happened …
    pub on: Event,
    /// … to this one …
    pub to: Stage,
    /// … and why, as the log, `ksctl cluster info` and `docs/join.md` say it.
    pub because: &'static str,
}

const fn row(from: Stage, on: Event, to: Stage, because: &'static str) -> Transition {
    Transition { from, on, to, because }
}

/// Every legal move.
#[rustfmt::skip]
pub const TRANSITIONS: &[Transition] = &[
    row(Stage::Idle, Event::Requested, Stage::Creating,
        "the member is reachable both ways and accepts this node's certificate"),
    row(Stage::Creating, Event::Recorded, Stage::Bootstrapping,
        "the cluster has given this node its number, now its old data is wiped"),
    row(Stage::Bootstrapping, Event::SlotsMade, Stage::InitialSync,
        "every member keeps its changes for this node, so nothing can be missed from here on"),
    row(Stage::InitialSync, Event::CopyFinished, Stage::CatchingUp,
        "all rows are copied, now the changes made meanwhile are applied"),
    row(Stage::CatchingUp, Event::CaughtUp, Stage::Completing,
        "this node has what the members have, now they subscribe to it"),
    row(Stage::Completing, Event::Acknowledged, Stage::Ready,
        "every member has acknowledged this node and the data is the same"),
    row(Stage::Creating, Event::GaveUp, Stage::Killed,
        "the cluster refused this node; its own data is untouched"),
    row(Stage::Bootstrapping, Event::GaveUp, Stage::Killed,
        "the join cannot go on; this node's data is wiped and the members are as before"),
    row(Stage::InitialSync, Event::GaveUp, Stage::Killed,
        "the copy cannot go on; the members are as before"),
    row(Stage::CatchingUp, Event::GaveUp, Stage::Killed,
        "catching up cannot go on; the members are as before"),
    row(Stage::Completing, Event::GaveUp, Stage::Killed,
        "the members cannot take this node in"),
    row(Stage::Killed, Event::Cleared, Stage::Idle,
        "the administrator cleared the failed join"),
    row(Stage::Killed, Event::Requested, Stage::Creating,
        "the administrator joins again after a failed join"),
];

impl Stage {
    /// The stages whose work the driver runs, in order.
    pub const RUNNING: [Self; 5] = [
        Self::Creating,
        Self::Bootstrapping,
        Self::InitialSync,
        Self::CatchingUp,
        Self::Completing,
    ];

    /// The move that `event` makes from here.
    ///
    /// # Errors
    /// When the table has no such row: the caller logs it and stays where it is.
    pub fn next(self, event: Event) -> Result<&'static Transition, IllegalMove> {
        TRANSITIONS
            .iter()
            .find(|row| row.from == self && row.on == event)
            .ok_or(IllegalMove { from: self, on: event })
    }

    /// Has the driver work to do here?
    pub fn is_running(self) -> bool {
        Self::RUNNING.contains(&self)
    }

    /// The stage with this label.
    pub fn from_label(label: &str) -> Option<Self> {
        let others = [Self::Idle, Self::Ready, Self::Killed];
        Self::RUNNING
            .into_iter()
            .chain(others)
            .find(|stage| stage.label() == label)
    }

    /// The name used in logs, fail points, the ledger and the `node` table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Creating => "creating",
            Self::Bootstrapping => "bootstrapping",
            Self::InitialSync => "initial_sync",
            Self::CatchingUp => "catching_up",
            Self::Completing => "completing",
            Self::Ready => "ready",
            Self::Killed => "killed",
        }
    }
}

/// An event that has no row in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a join in stage {} cannot take {on:?}", from.label())]
pub struct IllegalMove {
    /// The stage it met.
    pub from: Stage,
    /// The event.
    pub on: Event,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// The table as a Mermaid state diagram, for `docs/join.md`.
pub fn mermaid() -> String {
    let arrow = |row: &Transition| format!("    {} --> {}: {:?}\n", row.from, row.to, row.on);
    let arrows: String = TRANSITIONS.iter().map(arrow).collect();
    format!("stateDiagram-v2\n    [*] --> idle\n{arrows}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn reachable_from(start: Stage) -> HashSet<Stage> {
        let mut seen = HashSet::from([start]);
        let mut open = vec![start];
        while let Some(stage) = open.pop() {
            for row in TRANSITIONS.iter().filter(|row| row.from == stage) {
                if seen.insert(row.to) {
                    open.push(row.to);
                }
            }
        }
        seen
    }

    #[test]
    fn no_stage_has_two_answers_to_one_event() {
        let mut seen = HashSet::new();
        for row in TRANSITIONS {
            assert!(
                seen.insert((row.from, row.on)),
                "{} on {:?} stands twice",
                row.from,
                row.on
            );
        }
    }

    #[test]
    fn every_running_stage_can_become_ready_and_can_be_given_up() {
        for stage in Stage::RUNNING {
            let reach = reachable_from(stage);
            assert!(reach.contains(&Stage::Ready), "{stage} cannot become ready");
            assert!(
                stage.next(Event::GaveUp).is_ok_and(|row| row.to == Stage::Killed),
                "{stage} cannot be given up"
            );
        }
    }

    #[test]
    fn every_stage_is_reached_and_only_ready_is_final() {
        let reach = reachable_from(Stage::Idle);
        let all = Stage::RUNNING
            .into_iter()
            .chain([Stage::Idle, Stage::Ready, Stage::Killed]);
        for stage in all {
            assert!(reach.contains(&stage), "{stage} is never reached");
            let leaves = TRANSITIONS.iter().any(|row| row.from == stage);
            assert_eq!(leaves, stage != Stage::Ready, "{stage}");
        }
    }

    #[test]
    fn every_event_moves_something() {
        use Event as E;
        let all = [
            E::Requested,
            E::Recorded,
            E::SlotsMade,
            E::CopyFinished,
            E::CaughtUp,
            E::Acknowledged,
            E::GaveUp,
            E::Cleared,
        ];
        for event in all {
            assert!(TRANSITIONS.iter().any(|row| row.on == event), "{event:?} moves nothing");
        }
    }

    #[test]
    fn the_five_stages_follow_each_other_without_a_short_cut() {
        let mut path = vec![Stage::Idle];
        path.extend(Stage::RUNNING);
        path.push(Stage::Ready);
        for (at, stage) in path.iter().enumerate() {
            let forward = TRANSITIONS
                .iter()
                .filter(|row| row.from == *stage)
                .filter_map(|row| path.iter().position(|known| *known == row.to));
            for to in forward {
                assert_eq!(to, at + 1, "{stage} jumps");
            }
        }
    }

    #[test]
    fn an_event_out_of_turn_is_refused_by_name() {
        let refused = Stage::Creating.next(Event::CaughtUp).unwrap_err();
        assert_eq!(refused.to_string(), "a join in stage creating cannot take CaughtUp");
    }
}
