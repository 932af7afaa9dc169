//! Nodes agree: soon after each fault what was written before it is everywhere, and at the end all digests are equal and
//! stay so.

use super::Verdict;
use super::lost::by_key;
use crate::check::history::{History, Nanos, Settled};
use crate::check::settle::BOUND;

/// Judges.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new("agreement", "nodes agree within 60 s of a fault's end, and stay so");
    if let Some(why) = &history.end.broke_off {
        verdict.broken(None, format!("the run broke off: {why}"));
    }
    for settled in &history.settled {
        if settled.took.is_none_or(is_late) {
            verdict.broken(None, told(settled));
        }
    }
    match history.end.equal_after {
        None => verdict.broken(None, "the digests never became equal"),
        Some(took) if is_late(took) => {
            verdict.broken(None, format!("the digests were equal after {} only", shown(took)));
        }
        Some(_) if !history.end.still_equal => {
            verdict.broken(None, "the digests were equal, and some seconds later were not");
        }
        Some(took) => verdict.figure("digests equal after", shown(took)),
    }
    let different = different(history);
    if let Some(key) = different.first() {
        verdict.broken(
            Some(key),
            format!("nodes end with different rows of {} keys", different.len()),
        );
    }
    let mut took: Vec<Nanos> = history.settled.iter().filter_map(|settled| settled.took).collect();
    took.sort_unstable();
    if !took.is_empty() {
        let part = |percent: usize| shown(took[(took.len() - 1) * percent / 100]);
        let all = format!("p50 {}, p95 {}, max {}", part(50), part(95), part(100));
        verdict.figure("time to converge", all);
    }
    verdict
}

fn is_late(took: Nanos) -> bool {
    u128::from(took) > BOUND.as_nanos()
}

fn told(settled: &Settled) -> String {
    match settled.took {
        Some(took) => format!("after {} it took {}", settled.after, shown(took)),
        None => format!("after {} nodes never agreed", settled.after),
    }
}

fn shown(nanos: Nanos) -> String {
    format!("{}.{:01} s", nanos / 1_000_000_000, nanos / 100_000_000 % 10)
}

/// The keys of which nodes have different rows.
fn different(history: &History) -> Vec<&str> {
    let Some((first, others)) = history.dumps.split_first() else {
        return Vec::new();
    };
    let here = by_key(first);
    let mut keys: Vec<&str> = Vec::new();
    for dump in others {
        let there = by_key(dump);
        let all = here.keys().chain(there.keys().filter(|key| !here.contains_key(*key)));
        keys.extend(all.filter(|key| here.get(*key) != there.get(*key)));
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}
