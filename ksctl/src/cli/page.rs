//! Which part of a list is wanted: the same two flags on every command that shows one.

use clap::Args;

use super::watch::WatchArgs;

/// What every list takes.
#[derive(Clone, Args)]
pub(crate) struct PageArgs {
    /// How many to show at the most
    #[arg(long)]
    pub(crate) limit: Option<u64>,
    /// How many to leave out at the front
    #[arg(long)]
    pub(crate) skip: Option<u64>,
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
}
