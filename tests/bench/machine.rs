//! On what machine, when, and how busy with other things.

use std::fs;

use anyhow::Result;

/// A paragraph that describes it, with this version of PostgreSQL.
pub(crate) fn described(version: &str) -> Result<String> {
    #[expect(clippy::disallowed_methods, reason = "the date on the page; nothing depends on it")]
    let today = chrono::Utc::now().format("%Y-%m-%d");
    let cores = std::thread::available_parallelism()?;
    Ok(format!(
        "Measured on {today} with {} ({cores} threads), {} of memory, Linux {}, PostgreSQL {version}; load average at the \
         time: {}.",
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned()),
        memory(),
        fs::read_to_string("/proc/sys/kernel/osrelease")?.trim(),
        fs::read_to_string("/proc/loadavg")?
            .split_whitespace()
            .take(3)
            .collect::<Vec<_>>()
            .join(", "),
    ))
}

fn memory() -> String {
    let kilobytes = field("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    kilobytes.map_or_else(|| "an unknown amount".to_owned(), |kb| format!("{} GiB", kb >> 20))
}

/// The value of the first line `name : value` of a file.
pub(crate) fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}
