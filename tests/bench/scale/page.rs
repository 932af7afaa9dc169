//! The page that comes out: `docs/scale.md`.

use std::fmt::Write as _;

use super::{Refusal, Step};
use crate::report::table;

/// What stands above the tables.
const HEAD: &str = "# How a cluster grows

Written by `make scale`; changes made here are lost. All nodes are real agents, each with a PostgreSQL of its own (16 MB of
shared buffers), on addresses of one machine and on one disk in memory: the absolute values are those of that machine, which
does the work of all nodes; how they grow is what is to be seen. Nobody works on the cluster meanwhile.
";

const HOW: &str = "
- **join**: from `ksctl cluster fulljoin --block` until the last of these nodes is a member; **settled**: from then until
  every node finds every node ready.
- **killed**: agent and PostgreSQL of one node are killed at once, so that its connections break. **frozen**: they are
  stopped and their connections stay, as when a machine hangs or its cable is pulled. Seconds until the first and until the
  last of the other nodes shows it as down, and from its coming back until all nodes find all nodes ready.
- **memory**: of all nodes together, what processes share counted once (PSS).
- **links**: one slot and one subscription for each direction of each pair.
- **idle**: threads of the machine that all nodes together keep busy, and WAL that each node writes, over 10 s. It is what
  heartbeats (of each node one a second, but of all together eight at the most) and views (of each node one every two
  seconds, but of all together four a second at the most) cost where they arrive.
- **summary**: 50 times `GET /v1/cluster/summary` at one node; it holds the view of every node of every node.
";

/// The whole page.
pub(super) fn text(machine: &str, steps: &[Step], refusal: Option<&Refusal>) -> String {
    let mut page = format!("{HEAD}\n{machine}\n\n![how each grows with the number of nodes](scale.svg)\n");
    for (title, lines) in [
        ("Joining and dying", dying(steps)),
        ("Memory and links", memory(steps)),
        ("An idle cluster and its summary", idle(steps)),
    ] {
        // Writing to a text cannot fail.
        write!(page, "\n## {title}\n\n{}", table(&lines)).ok();
    }
    page.push_str(HOW);
    if let Some(Refusal { text, seconds }) = refusal {
        write!(
            page,
            "\n## One too many\n\nThe node after the last one was refused in {seconds:.1} s, before anything was signed, \
             recorded or wiped:\n\n```\n{text}\n```\n"
        )
        .ok();
    }
    page
}

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn dying(steps: &[Step]) -> Vec<Vec<String>> {
    let names = [
        "nodes",
        "join, s",
        "settled, s",
        "killed: first, s",
        "last, s",
        "well again, s",
        "frozen: first, s",
        "last, s",
        "well again, s",
    ];
    let mut lines = vec![head(&names)];
    lines.extend(steps.iter().map(|step| {
        let (killed, frozen) = (&step.killed, &step.frozen);
        let times = [
            step.join,
            step.settled,
            killed.first,
            killed.last,
            killed.back,
            frozen.first,
            frozen.last,
            frozen.back,
        ];
        let times = times.iter().map(|seconds| format!("{seconds:.1}"));
        std::iter::once(step.nodes.to_string()).chain(times).collect()
    }));
    lines
}

fn memory(steps: &[Step]) -> Vec<Vec<String>> {
    let names = [
        "nodes",
        "agents, MB",
        "largest agent, MB",
        "PostgreSQL, MB",
        "a node's PostgreSQL, MB",
        "its processes",
        "slots",
        "subscriptions",
    ];
    let mut lines = vec![head(&names)];
    lines.extend(steps.iter().map(|step| {
        let memory = &step.memory;
        vec![
            step.nodes.to_string(),
            format!("{:.0}", memory.agents),
            format!("{:.1}", memory.largest_agent),
            format!("{:.0}", memory.postgres),
            format!("{:.0}", memory.postgres / step.count()),
            (memory.processes / step.nodes).to_string(),
            step.slots.to_string(),
            step.subscriptions.to_string(),
        ]
    }));
    lines
}

fn idle(steps: &[Step]) -> Vec<Vec<String>> {
    let names = [
        "nodes",
        "threads busy",
        "WAL of a node, kB/s",
        "summary, median, ms",
        "99th percentile, ms",
        "its size, kB",
    ];
    let mut lines = vec![head(&names)];
    lines.extend(steps.iter().map(|step| {
        vec![
            step.nodes.to_string(),
            format!("{:.2}", step.idle.cpu),
            format!("{:.0}", step.idle.wal),
            format!("{:.1}", step.summary.median),
            format!("{:.1}", step.summary.most),
            format!("{:.0}", step.summary.kilobytes),
        ]
    }));
    lines
}
