//! A join under load, beside a plain `copy` of the same table.

use anyhow::Result;

use crate::load::joining::{Pace, join_while_writing};
use crate::report::{Figure, Section, Wanted};

pub(crate) async fn measure(keys: u64) -> Result<Section> {
    let seen = join_while_writing(keys).await?;
    let line = |what: &str, pace: Pace| {
        vec![
            what.to_owned(),
            pace.rows.to_string(),
            format!("{:.2}", pace.seconds),
            format!("{:.0}", a_second(pace)),
        ]
    };
    Ok(Section {
        title: "A join under load",
        how: format!(
            "{keys} keys are created through REST on two nodes over 4 connections each, as fast as they can. Then a third \
             node joins while that goes on at a steady pace, then all three take writes. Afterwards all nodes had the \
             same digest and each of the {} acknowledged keys. The rows of the join are those of the stage of the \
             initial sync, over TLS, its time is that from the first table on: before that it waits up to a second for \
             a heartbeat of each member. The plain `copy`, just before and under the same load, is `psql` to `psql` over \
             local sockets in binary format, into a table with the same indexes.",
            seen.acknowledged
        ),
        figures: vec![Figure::new(
            "rows a second of a join under load, of a plain `copy`",
            a_second(seen.copied) / a_second(seen.plain),
            Some(Wanted::AtLeast(0.5)),
        )],
        table: vec![
            ["", "rows", "seconds", "rows a second"].map(str::to_owned).to_vec(),
            line("keys created through REST", seen.made),
            line("plain `copy`", seen.plain),
            line("initial sync of the join", seen.copied),
            line("keys created while the third joined", seen.meanwhile),
        ],
    })
}

fn a_second(pace: Pace) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^52")]
    let rows = pace.rows as f64;
    rows / pace.seconds
}
