//! The plot that comes out: `docs/scale.svg`, one panel for each thing that grows, all over the number of nodes.
//!
//! Plain SVG, in colours that can be told apart on light and dark ground.

use std::fmt::Write as _;

use keystead::member::MAX_NODES;

use super::Step;

const COLUMNS: usize = 2;
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 260.0;
/// Around the drawing of a panel: left, top, right, bottom.
const MARGIN: [f64; 4] = [56.0, 40.0, 16.0, 40.0];
const COLOURS: [&str; 3] = ["#2f7ed8", "#e07b1a", "#3a9a4b"];

/// A panel: its title with the unit, and its lines with their names.
struct Panel {
    title: &'static str,
    lines: Vec<(&'static str, Vec<f64>)>,
}

/// The whole picture.
pub(super) fn of(steps: &[Step]) -> String {
    let panels = panels(steps);
    let nodes: Vec<f64> = steps.iter().map(Step::count).collect();
    let rows = panels.len().div_ceil(COLUMNS);
    let (width, height) = (WIDTH * as_float(COLUMNS), HEIGHT * as_float(rows));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#777\">\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        let (x, y) = (WIDTH * as_float(at % COLUMNS), HEIGHT * as_float(at / COLUMNS));
        // Writing to a text cannot fail.
        writeln!(
            svg,
            "<g transform=\"translate({x} {y})\">\n{}</g>",
            drawn(panel, &nodes)
        )
        .ok();
    }
    svg.push_str("</svg>\n");
    svg
}

fn panels(steps: &[Step]) -> Vec<Panel> {
    let all = |value: fn(&Step) -> f64| steps.iter().map(value).collect::<Vec<f64>>();
    vec![
        Panel {
            title: "time of a join, s",
            lines: vec![
                ("join", all(|step| step.join)),
                ("until all find all ready", all(|step| step.join + step.settled)),
            ],
        },
        Panel {
            title: "until all others see a dead node, s",
            lines: vec![
                ("killed", all(|step| step.killed.last)),
                ("frozen", all(|step| step.frozen.last)),
            ],
        },
        Panel {
            title: "memory of all nodes, MB",
            lines: vec![
                ("PostgreSQL", all(|step| step.memory.postgres)),
                ("agents", all(|step| step.memory.agents)),
            ],
        },
        Panel {
            title: "links",
            lines: vec![
                ("slots", all(|step| f64::from(step.slots))),
                ("subscriptions", all(|step| f64::from(step.subscriptions))),
            ],
        },
        Panel {
            title: "GET summary, ms",
            lines: vec![
                ("median", all(|step| step.summary.median)),
                ("99th percentile", all(|step| step.summary.most)),
            ],
        },
        Panel {
            title: "threads that an idle cluster keeps busy",
            lines: vec![("all nodes", all(|step| step.idle.cpu))],
        },
    ]
}

fn drawn(panel: &Panel, nodes: &[f64]) -> String {
    let highest = panel
        .lines
        .iter()
        .flat_map(|(_, line)| line)
        .copied()
        .fold(0.0, f64::max);
    let step = tick(highest);
    let top = (highest / step).ceil().max(1.0) * step;
    let [left, upper, right, lower] = MARGIN;
    let across = |nodes: f64| left + nodes / as_float(MAX_NODES) * (WIDTH - left - right);
    let up = |value: f64| HEIGHT - lower - value / top * (HEIGHT - upper - lower);
    let mut svg = format!(
        "<text x=\"{left}\" y=\"18\" font-weight=\"bold\">{}</text>\n",
        panel.title
    );
    let mut value = 0.0;
    while value <= top + step / 2.0 {
        let (y, label) = (up(value), label(value, step));
        writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#999\" stroke-opacity=\"0.35\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            WIDTH - right,
            left - 6.0,
            y + 4.0
        )
        .ok();
        value += step;
    }
    for count in (0..=MAX_NODES).step_by(4) {
        let (x, y) = (across(as_float(count)), HEIGHT - lower + 16.0);
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{count}</text>"
        )
        .ok();
    }
    let (x, y) = (across(as_float(MAX_NODES) / 2.0), HEIGHT - 8.0);
    writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">nodes</text>").ok();
    for (at, (name, line)) in panel.lines.iter().enumerate() {
        let points: Vec<_> = nodes.iter().zip(line).map(|(n, v)| (across(*n), up(*v))).collect();
        let colour = COLOURS.get(at).copied().unwrap_or("#777");
        svg.push_str(&curve(&points, colour));
        let x = left + 150.0 * as_float(at);
        writeln!(svg, "<text x=\"{x}\" y=\"33\" fill=\"{colour}\">● {name}</text>").ok();
    }
    svg
}

/// A line through points, each of them marked.
fn curve(points: &[(f64, f64)], colour: &str) -> String {
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let mut svg = format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
        path.join(" ")
    );
    for (x, y) in points {
        writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>").ok();
    }
    svg
}

/// A round distance of lines, so that there are three to six of them.
fn tick(highest: f64) -> f64 {
    let rough = highest.max(0.001) / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| round * power >= rough);
    round.unwrap_or(10.0) * power
}

fn label(value: f64, step: f64) -> String {
    let decimals = if step >= 1.0 {
        0
    } else if step >= 0.1 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}

#[expect(clippy::cast_precision_loss, reason = "counts of nodes and panels")]
fn as_float(count: usize) -> f64 {
    count as f64
}
