//! The checker: many clients on all nodes, faults, and then a judgement of everything that was seen.
//!
//! `steps.rs` and `nemesis.rs` decide by a seed what clients do and what goes wrong; `workers.rs`, `pairs.rs` and `strike.rs` do
//! it; `recorder.rs` keeps what is seen as a [`history::History`]; `invariants/` judge that, without a cluster; `report.rs` tells.
//! `mutants.rs` plants bugs, each of which must be caught. docs/testing.md says how to run it.

mod client;
pub(crate) mod dice;
mod door;
mod history;
mod invariants;
mod looks;
mod mutants;
mod nemesis;
mod pairs;
mod recorder;
mod report;
mod run;
mod settle;
mod steps;
mod strike;
mod timeline;
mod workers;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail, ensure};

use self::history::{Action, History};
use self::invariants::{Verdict, judge};
use self::mutants::Mutant;
use self::nemesis::Kind;
use self::run::{NO_FAULTS, Plan, run};
use crate::harness::hosts::on_hosts;

/// A short run, so that the checker stays whole; it must find nothing.
#[test]
fn a_short_run_with_faults_breaks_no_invariant() -> Result<()> {
    let plan = Plan {
        seed: 1,
        seconds: 25,
        nodes: 3,
        lanes: 1,
        mutant: None,
        faults: vec![Kind::CutBothWays, Kind::KillPostgres],
    };
    let (history, verdicts) = checked(&plan)?;
    assert!(history.ok(Action::Create).count() > 100, "hardly anything was written");
    for action in [
        Action::Delete,
        Action::Revoke,
        Action::Destroy,
        Action::Rotate,
        Action::ReadPair,
    ] {
        assert!(history.ok(action).count() > 5, "{action:?} was hardly ever done");
    }
    assert_eq!(history.faults.len(), 2, "{:?}", history.faults);
    nothing_is_broken(&verdicts)
}

/// `make check`.
#[test]
#[ignore = "as long as it is told to be: make check"]
fn whatever_goes_wrong_no_invariant_is_broken() -> Result<()> {
    let mutant = text("MUTANT")
        .map(|name| Mutant::from_name(&name).with_context(|| format!("there is no mutant {name}")))
        .transpose()?;
    let plan = Plan {
        seed: number("SEED")?.unwrap_or_else(|| u64::from(std::process::id())),
        seconds: number("SECONDS")?.unwrap_or(60),
        nodes: number("NODES")?.unwrap_or(3),
        lanes: number("LANES")?.unwrap_or(1),
        faults: faults(mutant)?,
        mutant,
    };
    nothing_is_broken(&checked(&plan)?.1)
}

/// `make check-again`.
#[test]
#[ignore = "needs a history: make check-again HISTORY=file"]
fn a_history_is_judged_again() -> Result<()> {
    let path = PathBuf::from(text("HISTORY").context("HISTORY is to name a file that a run has left")?);
    let history = History::read(&path)?;
    let verdicts = judge(&history);
    say(&report::text(&history, &verdicts), &path);
    nothing_is_broken(&verdicts)
}

/// Runs a plan, judges it, and tells.
fn checked(plan: &Plan) -> Result<(History, Vec<Verdict>)> {
    let (history, path) = on_hosts(async |hosts| run(plan, &hosts).await)?;
    let verdicts = judge(&history);
    let report = report::text(&history, &verdicts);
    fs::write(plan.folder().join("report.md"), &report)?;
    say(&report, &path);
    Ok((history, verdicts))
}

fn nothing_is_broken(verdicts: &[Verdict]) -> Result<()> {
    let broken: Vec<&str> = verdicts.iter().filter(|one| !one.holds()).map(|one| one.name).collect();
    ensure!(broken.is_empty(), "broken: {}", broken.join(", "));
    Ok(())
}

/// The kinds of faults that `FAULTS` names, else those of the mutant, else the usual ones.
fn faults(mutant: Option<Mutant>) -> Result<Vec<Kind>> {
    let Some(names) = text("FAULTS") else {
        return Ok(mutant.map_or_else(Kind::usual, Mutant::faults));
    };
    let kind = |name: &str| Kind::from_name(name).with_context(|| format!("there is no fault {name}"));
    names.split(',').filter(|name| *name != NO_FAULTS).map(kind).collect()
}

/// What `make` hands over as `CHECK_…`; empty is nothing.
fn text(name: &str) -> Option<String> {
    std::env::var(format!("CHECK_{name}"))
        .ok()
        .filter(|text| !text.is_empty())
}

fn number<T: FromStr>(name: &str) -> Result<Option<T>> {
    let Some(text) = text(name) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => bail!("{name} is a number, not {text}"),
    }
}

fn say(report: &str, history: &Path) {
    // Nobody listens when this fails.
    writeln!(std::io::stdout(), "{report}\nHistory: {}", history.display()).ok();
}

macro_rules! caught {
    ($($name:ident: $mutant:ident;)*) => {
        $(#[test]
        #[ignore = "a minute each: make check-mutants"]
        fn $name() -> Result<()> {
            is_caught(Mutant::$mutant)
        })*
    };
}

caught! {
    mutant_whose_clock_decides_is_caught: WallClockWinner;
    mutant_that_forgets_tombstones_is_caught: ForgottenTombstone;
    mutant_that_skips_a_part_of_a_slot_is_caught: SkippedSlotRange;
    mutant_that_acknowledges_before_it_commits_is_caught: AcknowledgeBeforeCommit;
    mutant_that_swaps_ties_on_one_node_is_caught: SwappedTieBreak;
    mutant_that_drops_a_row_is_caught: DroppedRow;
    mutant_that_purges_too_early_is_caught: PurgeBeforeAllHaveIt;
    mutant_whose_states_go_back_is_caught: LatticeByVersion;
    mutant_that_changes_a_row_is_caught: ChangedRow;
    mutant_whose_keys_take_names_is_caught: NameTakesKey;
    mutant_that_tears_rows_is_caught: TornRow;
    mutant_with_another_current_version_is_caught: OtherCurrentVersion;
    mutant_that_is_none_breaks_nothing: RoundedVersions;
}

/// The invariants that are to catch a mutant do, and one that has no bug breaks nothing.
fn is_caught(mutant: Mutant) -> Result<()> {
    let plan = Plan {
        seed: number("SEED")?.unwrap_or(1),
        seconds: number("SECONDS")?.unwrap_or(30),
        nodes: 3,
        lanes: number("LANES")?.unwrap_or(1),
        faults: faults(Some(mutant))?,
        mutant: Some(mutant),
    };
    let (_, verdicts) = checked(&plan)?;
    if mutant.caught_by().is_empty() {
        return nothing_is_broken(&verdicts);
    }
    let broken: Vec<&str> = verdicts.iter().filter(|one| !one.holds()).map(|one| one.name).collect();
    let missed: Vec<_> = mutant
        .caught_by()
        .iter()
        .filter(|name| !broken.contains(name))
        .collect();
    ensure!(missed.is_empty(), "not caught by {missed:?}; broken: {broken:?}");
    Ok(())
}
