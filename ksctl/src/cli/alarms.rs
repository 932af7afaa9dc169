//! `ksctl alarms …`.
//!
//! Flags only; each command is a file in `commands/alarms/`.

use clap::{Args, Subcommand};

use super::page::PageArgs;

/// The second word after `alarms`.
#[derive(Clone, Subcommand)]
pub(crate) enum AlarmsCommand {
    /// Show the alarms of all nodes, the newest first
    List(ListArgs),
    /// Show one alarm
    Get(OneAlarmArgs),
    /// Say that somebody takes care of an alarm
    #[command(alias = "ack")]
    Acknowledge(OneAlarmArgs),
    /// Turn an alarm off until it is raised anew
    Clear(OneAlarmArgs),
}

/// `alarms list`.
#[derive(Clone, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) page: PageArgs,
    /// Only alarms of this name, such as "Cluster Node Down"
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Only alarms that are on, or off
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// Only alarms of this severity, such as critical
    #[arg(long)]
    pub(crate) severity: Option<String>,
    /// Only alarms that this node has raised, by its id or its name
    #[arg(long, value_name = "ID")]
    pub(crate) source: Option<String>,
}

/// `alarms get`, `alarms acknowledge` and `alarms clear`.
#[derive(Clone, Args)]
pub(crate) struct OneAlarmArgs {
    /// The alarm's id, or an unambiguous beginning of it
    #[arg(long)]
    pub(crate) id: String,
}
