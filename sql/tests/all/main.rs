//! The promises of the room that keeps, on a real PostgreSQL.
//!
//! `node.rs` makes databases that are nodes; every other file proves one thing about them. The server under them is
//! made by `tests/harness/postgres.rs`, which the tests of whole clusters use too.

#[path = "../../../tests/harness/postgres.rs"]
mod postgres;
#[path = "../../../tests/harness/run.rs"]
mod run;
#[path = "../../../tests/harness/scratch.rs"]
mod scratch;
#[path = "../../../tests/harness/wait.rs"]
mod wait;

mod alarm;
mod arriving;
mod bad_rows;
mod calls;
mod convergence;
mod copying;
mod deadlines;
mod digest;
mod enlisting;
mod heartbeat;
mod hostile;
mod key_state;
mod lanes;
mod lease;
mod merging;
mod migrations;
mod names;
mod node;
mod orphans;
mod outbox;
mod pools;
mod purging;
mod relay;
mod resync;
mod rights;
mod stamping;
mod tables;
mod twin;
mod upgrading;
mod verify;
mod versions;
mod waiting;
