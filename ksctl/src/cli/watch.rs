//! `--watch`: the same flag on every command that shows what changes.

use clap::Args;

/// What every such command takes.
#[derive(Clone, Args)]
pub(crate) struct WatchArgs {
    /// Show it again every 2 seconds, or as many as given, in place, as a table; `q` ends
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "2")]
    pub(crate) watch: Option<u64>,
}
