//! What a verification says of itself to users.

use keystead::api::verify::{ComparedMember, RowDifference, RowVersion, VerifyReport, VerifyState};
use keystead::clock::Micros;
use keystead::member::roster::Member;
use keystead::verify::cure::Cure;
use keystead::verify::{Difference, Row};
use keystead::{Error, Kind};

use super::Outcome;
use super::look::Looked;
use super::mend::Cures;

/// No more rows than this are listed.
const LISTED: usize = 1000;

/// One that has just begun.
pub(super) fn begun(repair: bool, now: Micros) -> VerifyReport {
    VerifyReport {
        state: VerifyState::Running,
        repair,
        started_at: now.to_utc().unwrap_or_default(),
        ended_at: None,
        error: None,
        members: Vec::new(),
        differences: Vec::new(),
        not_listed: 0,
        remaining: None,
    }
}

/// It has come to its end.
pub(super) fn done(report: &mut VerifyReport, outcome: &Outcome) {
    report.state = VerifyState::Done;
    report.members = outcome
        .last
        .as_ref()
        .unwrap_or(&outcome.first)
        .iter()
        .map(member)
        .collect();
    let cures = report.repair.then_some(&outcome.cures);
    report.differences = listed(&outcome.first, cures, &outcome.first);
    report.not_listed = (count(&outcome.first) - report.differences.len()) as u64;
    report.remaining = outcome.last.as_ref().map(|last| listed(last, None, &outcome.first));
}

/// It was cut off.
pub(super) fn failed(report: &mut VerifyReport, error: &Error) {
    if error.kind() == Kind::Internal {
        tracing::error!(error = error.chain(), "a verification failed");
    }
    report.state = VerifyState::Failed;
    report.error = Some(error.to_string());
}

fn count(looked: &[Looked]) -> usize {
    let found = looked.iter().filter_map(|one| one.found.as_ref().ok());
    found.map(|found| found.differences.len()).sum()
}

fn member(one: &Looked) -> ComparedMember {
    let (outcome, reason) = match &one.found {
        Ok(found) if found.differences.is_empty() => ("equal", None),
        Ok(_) => ("different", None),
        Err(error) => ("not compared", Some(error.to_string())),
    };
    ComparedMember {
        node_id: one.member.id.clone(),
        host: one.member.address.host.clone(),
        outcome: outcome.to_owned(),
        reason,
        up_to: one.found.as_ref().ok().and_then(|found| found.bounds.until.to_utc()),
        differing_rows: one.found.as_ref().map_or(0, |found| found.differences.len() as u64),
    }
}

/// The rows to list, with what was done to them; `all` names the members.
fn listed(looked: &[Looked], cures: Option<&Cures>, all: &[Looked]) -> Vec<RowDifference> {
    let rows = looked.iter().flat_map(|one| {
        let found = one.found.iter().flat_map(|found| &found.differences);
        found.map(|difference| row(&one.member, difference, cures, all))
    });
    rows.take(LISTED).collect()
}

fn row(member: &Member, difference: &Difference, cures: Option<&Cures>, all: &[Looked]) -> RowDifference {
    let id = (difference.table.clone(), difference.key.clone());
    let cure = cures.and_then(|cures| cures.get(&id));
    RowDifference {
        node_id: member.id.clone(),
        table: difference.table.clone(),
        // It was made by PostgreSQL's own JSON.
        key: serde_json::from_str(&difference.key).unwrap_or_default(),
        problem: difference.problem().as_str().to_owned(),
        here: difference.here.map(version),
        there: difference.there.map(version),
        repaired: cure.map(|cure| told(*cure, all)),
    }
}

fn told(cure: Cure, all: &[Looked]) -> String {
    match cure {
        Cure::SendAgain => "sent again".to_owned(),
        Cure::Keep => "kept here".to_owned(),
        Cure::Take(number) => {
            let member = all.iter().find(|one| one.member.number == number);
            let name = member.map_or_else(|| number.to_string(), |one| one.member.id.to_string());
            format!("taken from {name}")
        }
        Cure::Leave => "left alone".to_owned(),
    }
}

fn version(row: Row) -> RowVersion {
    RowVersion {
        version: row.version.0,
        origin: row.origin.0,
        deleted: row.deleted,
    }
}
