//! The arithmetic of measurements: medians, percentiles, ratios of rounds.

/// The value below which so many percent of all lie. Not a number when there is none.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((last * percent + 50) / 100).copied().unwrap_or(f64::NAN)
}

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The median of what each round says of two things measured in it: other rounds had another machine.
pub(crate) fn median_ratio(ours: &[f64], peers: &[f64]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(peers).map(|(ours, peers)| ours / peers).collect();
    median(&ratios)
}
