//! A peer that takes connections and stands still, or talks without end: every question ends in its time, with an error
//! that says who did not answer what, and the session with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use keystead::NodeNumber;
use keystead::deadline::{Sizes, Terms};
use keystead::join::request::Address;
use keystead::join::stage::Stage;
use keystead::member::roster::{Member, NodeState};
use keystead::replication::digest::Bounds;
use keystead::replication::names;
use serde_json::json;
use sql::{Error, Peer, copy, digest, heartbeat, lane, lease, link, node, replication, resync, server, verify};
use tokio::time::Instant;

use crate::node::{Alone, Node, ONE, PATIENCE, Pair, TWO};
use crate::relay::{Answers, Relayed, to_nobody};

const SHORT: Duration = Duration::from_millis(300);

/// Everything is over soon, and may be as long as in life.
const HASTY: Terms = Terms {
    connect: SHORT,
    look: SHORT,
    call: SHORT,
    slot: SHORT,
    reading: Duration::from_secs(20),
    standstill: SHORT,
    sizes: Terms::PRODUCT.sizes,
};

/// Long enough for what is answered, on a machine that is busy.
const CALM: Terms = Terms {
    look: PATIENCE,
    connect: PATIENCE,
    ..HASTY
};

/// Asks a peer that has stopped answering, and names the question it did not answer.
async fn unanswered<T>(node: &Node, asking: impl AsyncFnOnce(&Peer) -> sql::Result<T>) -> Result<&'static str> {
    let relayed = Relayed::open(&node.config, HASTY).await?;
    relayed.answers(Answers::StandStillAfter(0));
    let began = Instant::now();
    let outcome = asking(&relayed.peer).await;
    ensure!(began.elapsed() < PATIENCE, "it took {:?}", began.elapsed());
    let Err(Error::Lapsed { peer, question, after }) = outcome else {
        anyhow::bail!("it ended with {:?}", outcome.map(drop))
    };
    assert_eq!((peer.as_str(), after), ("10.0.0.2:5432", SHORT));
    assert_eq!(relayed.heard.failed(), [question], "it is told once");
    ensure!(gone(&relayed.peer).await, "the session goes on after {question}");
    Ok(question)
}

/// Nothing can be asked any more in this session, whoever answers now.
async fn gone(peer: &Peer) -> bool {
    let again = server::clock(peer).await;
    peer.is_closed() && again.is_err_and(|error| !matches!(error, Error::Lapsed { .. }))
}

fn joiner() -> Result<Member> {
    Ok(Member {
        id: "a".repeat(32).parse()?,
        number: NodeNumber(7),
        address: Address {
            host: "10.0.0.3".to_owned(),
            port: 5432,
        },
        public_address: String::new(),
        state: NodeState::Joining,
        stage: Stage::Creating,
        serial: "7".to_owned(),
        row_version: 0,
    })
}

/// What questions are called that ended.
type Ended = BTreeSet<&'static str>;

/// Asks all of these, each of a peer that has stopped answering.
macro_rules! ask {
    ($node:expr, $($asking:expr),* $(,)?) => {{
        let mut ended = Ended::new();
        $( ended.insert(unanswered($node, $asking).await?); )*
        Ok(ended)
    }};
}

async fn about_members(node: &Node) -> Result<Ended> {
    let member = joiner()?;
    ask!(
        node,
        async |peer: &Peer| node::all(peer).await,
        async |peer: &Peer| lease::grant(peer, "holder", 5).await,
        async |peer: &Peer| lease::reserve(peer, "holder", NodeNumber(7)).await,
        async |peer: &Peer| lease::record_node(peer, "holder", &member).await,
        async |peer: &Peer| lease::end(peer, "holder").await,
        async |peer: &Peer| sql::call::ask(peer, "hello", &json!({})).await,
        async |peer: &Peer| sql::call::answer(peer, 1).await,
    )
}

async fn about_slots(node: &Node) -> Result<Ended> {
    ask!(
        node,
        async |peer: &Peer| lane::end(peer, 1).await,
        async |peer: &Peer| link::is_admitted(peer).await,
        async |peer: &Peer| link::my_lag(peer).await,
        async |peer: &Peer| resync::slot_kept(peer).await,
    )
}

async fn about_the_past(node: &Node) -> Result<Ended> {
    ask!(
        node,
        async |peer: &Peer| heartbeat::newest(peer).await,
        async |peer: &Peer| replication::purged_up_to(peer).await,
        async |peer: &Peer| resync::peers_past(peer).await,
        async |peer: &Peer| resync::heard_of_me(peer).await,
        async |peer: &Peer| resync::newest(peer, ONE).await,
        async |peer: &Peer| server::clock(peer).await,
    )
}

/// Who serves the session is asked before what takes long.
async fn about_what_takes_long(node: &Node) -> Result<Ended> {
    let keys = json!([{"id": "a"}]);
    ask!(
        node,
        async |peer: &Peer| lane::keep(peer, 1).await,
        async |peer: &Peer| link::keep_changes(peer).await,
        async |peer: &Peer| resync::keep_changes_anew(peer).await,
        async |peer: &Peer| digest::within(peer, Bounds::ALL).await,
        async |peer: &Peer| copy::tables(peer).await,
        async |peer: &Peer| verify::rows_of_buckets(peer, "public.item", 1, &[0]).await,
        async |peer: &Peer| verify::rows_of_keys(peer, "public.item", &keys).await,
    )
}

async fn for_rows(node: &Node) -> Result<Ended> {
    let keys = json!([{"id": "a"}]);
    let db = async || node.session().await.expect("a session");
    ask!(
        node,
        async |peer: &Peer| copy::table(peer, &db().await, &item(), |_, _| {}).await,
        async |peer: &Peer| copy::merge(peer, &db().await, &[item()], |_, _| {}).await,
        async |peer: &Peer| verify::merge(peer, &db().await, &compared(), &keys).await,
        async |peer: &Peer| verify::take(peer, &db().await, &compared(), &keys).await,
    )
}

fn item() -> copy::Table {
    copy::Table {
        relation: "public.item".to_owned(),
        columns: ["id", "value", "version", "origin", "deleted"]
            .map(str::to_owned)
            .to_vec(),
        rows: 0,
        bytes: 0,
    }
}

fn compared() -> verify::Table {
    verify::Table {
        relation: item().relation,
        outbox: "replication.outbox_item".to_owned(),
        columns: item().columns,
    }
}

/// What a node asks of itself alone, in the same words.
const OF_ITSELF: [&str; 2] = ["resync/past", "resync/heard"];

/// After who serves the session was asked: these are tried by tests of their own.
const TAKES_LONG: [&str; 7] = [
    "lane/keep",
    "link/keep_changes",
    "resync/keep_changes_anew",
    "digest/all",
    "copy/tables",
    "verify/rows_of_buckets",
    "verify/rows_of_keys",
];

/// The questions that `sql/src` puts to either side.
fn questions() -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))? {
        let path = file?.path();
        if path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(path)?;
        for piece in text.split("query!(\"").skip(1) {
            let (name, rest) = piece.split_once('"').context("an unfinished text")?;
            let chain = rest.trim_start_matches(')').trim_start();
            if chain.starts_with(".ask") {
                found.insert(name.to_owned());
            }
        }
    }
    for name in OF_ITSELF {
        ensure!(found.remove(name), "{name} is asked no more");
    }
    Ok(found)
}

#[tokio::test]
async fn every_question_to_a_peer_that_stands_still_ends_in_its_time_and_says_who_did_not_answer_what() -> Result<()> {
    let node = Alone::start().await?;
    let ended = [
        about_members(&node).await?,
        about_slots(&node).await?,
        about_the_past(&node).await?,
        about_what_takes_long(&node).await?,
        for_rows(&node).await?,
    ];
    let ended: BTreeSet<String> = ended.into_iter().flatten().map(str::to_owned).collect();
    let mut expected = questions()?;
    for name in TAKES_LONG {
        ensure!(expected.remove(name), "{name} is asked no more");
    }
    expected.extend(["copy/out", "session/own", "verify/reading"].map(str::to_owned));
    assert_eq!(ended, expected);
    Ok(())
}

#[tokio::test]
async fn a_server_that_takes_a_connection_and_says_nothing_is_given_up() -> Result<()> {
    let node = Alone::start().await?;
    let refused = to_nobody(&node.config, HASTY).await.map(drop);
    let Err(Error::Lapsed { question, after, .. }) = refused else {
        anyhow::bail!("it ended with {refused:?}")
    };
    assert_eq!((question, after), ("connect", SHORT));
    Ok(())
}

/// Ends with the name of the question that stood still after its beginning.
async fn stands_still_in<T>(
    node: &Node,
    after: u64,
    asking: impl AsyncFnOnce(&Peer) -> sql::Result<T>,
) -> Result<&'static str> {
    let relayed = Relayed::open(
        &node.config,
        Terms {
            look: PATIENCE,
            ..HASTY
        },
    )
    .await?;
    // Who serves it is known from here on.
    digest::within(&relayed.peer, Bounds::ALL).await?;
    relayed.answers(Answers::StandStillAfter(after));
    let outcome = asking(&relayed.peer).await;
    ensure!(gone(&relayed.peer).await, "the session goes on");
    match outcome {
        Err(Error::Lapsed { question, after, .. }) if after == SHORT => Ok(question),
        outcome => anyhow::bail!("it ended with {:?}", outcome.map(drop)),
    }
}

#[tokio::test]
async fn what_takes_long_ends_when_neither_bytes_come_nor_the_server_is_at_it() -> Result<()> {
    let node = Alone::start().await?;
    let keys = json!([{"id": "a"}]);
    let ended = [
        stands_still_in(&node, 0, async |peer: &Peer| lane::keep(peer, 1).await).await?,
        stands_still_in(&node, 0, async |peer: &Peer| link::keep_changes(peer).await).await?,
        stands_still_in(&node, 0, async |peer: &Peer| resync::keep_changes_anew(peer).await).await?,
        stands_still_in(&node, 0, async |peer: &Peer| digest::within(peer, Bounds::ALL).await).await?,
        stands_still_in(&node, 0, async |peer: &Peer| copy::tables(peer).await).await?,
        stands_still_in(&node, 0, async |peer: &Peer| {
            verify::rows_of_buckets(peer, "public.item", 1, &[0]).await
        })
        .await?,
        stands_still_in(&node, 0, async |peer: &Peer| {
            verify::rows_of_keys(peer, "public.item", &keys).await
        })
        .await?,
    ];
    assert_eq!(ended, TAKES_LONG);
    Ok(())
}

#[tokio::test]
async fn a_digest_may_take_long_as_long_as_the_server_says_that_it_is_at_it_and_no_longer_than_anything_may()
-> Result<()> {
    let pair = Pair::apart().await?;
    let role = names::role(&"b".repeat(32).parse()?);
    link::make_role(&pair.one.db, &role).await?;
    link::admit(&pair.one.db, &role).await?;
    // As a peer, not as the superuser: what a peer may see of its own sessions.
    let as_peer = pair.one.config.clone().user(&role).clone();
    let slow = |seconds: f64| {
        format!(
            "create or replace function peer.digest(buckets integer, until bigint, purged_up_to bigint)
                 returns table (relation text, bucket integer, row_count bigint, total text)
                 language plpgsql security definer set search_path = pg_catalog, pg_temp as
             $$begin
                 perform pg_sleep({seconds});
                 return query select 'public.item'::text, 0, 1::bigint, 'sum'::text;
             end$$;
             alter function peer.digest owner to keystead"
        )
    };
    pair.one.run(&slow(3.0 * SHORT.as_secs_f64())).await?;
    let relayed = Relayed::open(&as_peer, CALM).await?;
    let found = digest::within(&relayed.peer, Bounds::ALL).await?;
    assert_eq!(found.len(), 1, "it took longer than an answer may stand still");

    pair.one.run(&slow(3600.0)).await?;
    let reading = 4 * SHORT;
    let relayed = Relayed::open(&as_peer, Terms { reading, ..CALM }).await?;
    let endless = digest::within(&relayed.peer, Bounds::ALL).await;
    ensure!(
        matches!(endless, Err(Error::Lapsed { after, .. }) if after == reading),
        "{endless:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_slot_is_waited_for_as_long_as_the_server_says_that_it_is_at_it() -> Result<()> {
    let node = Alone::start().await?;
    let seconds = 3.0 * SHORT.as_secs_f64();
    node.run(&format!(
        "create or replace function peer.keep_changes() returns pg_lsn language plpgsql as
             $$begin perform pg_sleep({seconds}); return '0/1'; end$$"
    ))
    .await?;
    let relayed = Relayed::open(&node.config, CALM).await?;
    assert_eq!(link::keep_changes(&relayed.peer).await?, 1);
    Ok(())
}

/// Rows that take many pieces, on the first node.
async fn filled() -> Result<Pair> {
    let pair = Pair::apart().await?;
    pair.one
        .run("insert into public.item select n, repeat('x', 100) from generate_series(1, 1000) n")
        .await?;
    Ok(pair)
}

#[tokio::test]
async fn a_copy_that_progresses_may_take_as_long_as_it_needs() -> Result<()> {
    let pair = filled().await?;
    let relayed = Relayed::open(&pair.one.config, CALM).await?;
    relayed.answers(Answers::Slowly(SHORT / 10));
    let began = Instant::now();
    copy::table(&relayed.peer, &pair.two.db, &item(), |_, _| {}).await?;
    ensure!(began.elapsed() > 2 * SHORT, "too fast to tell: {:?}", began.elapsed());
    assert_eq!(pair.two.count("select count(*) from public.item").await?, 1000);
    Ok(())
}

#[tokio::test]
async fn a_copy_that_stands_still_ends_and_leaves_nothing() -> Result<()> {
    let pair = filled().await?;
    let half = 50_000;
    for round in 0..2 {
        let (relayed, db) = (Relayed::open(&pair.one.config, CALM).await?, pair.two.session().await?);
        relayed.answers(Answers::StandStillAfter(half));
        let ended = if round == 0 {
            copy::table(&relayed.peer, &db, &item(), |_, _| {}).await
        } else {
            copy::merge(&relayed.peer, &db, &[item()], |_, _| {}).await
        };
        ensure!(
            matches!(ended, Err(Error::Lapsed { question: "copy/out", after, .. }) if after == SHORT),
            "{ended:?}"
        );
        ensure!(relayed.carried() > half / 2, "it had begun");
        drop(db);
        assert_eq!(pair.two.count("select count(*) from public.item").await?, 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_copy_is_not_ended_because_this_node_is_slow_to_store_it() -> Result<()> {
    let pair = filled().await?;
    let relayed = Relayed::open(&pair.one.config, CALM).await?;
    let (mut first, waiting, item) = (true, pair.two.session().await?, item());
    // The table is locked here for longer than the peer may stand still.
    waiting.batch_execute("begin; lock table public.item").await?;
    let unlocking = async {
        tokio::time::sleep(3 * SHORT).await;
        waiting.batch_execute("commit").await.map_err(anyhow::Error::from)
    };
    let copying = async {
        let copied = copy::table(&relayed.peer, &pair.two.db, &item, |_, _| first = false);
        copied.await.map_err(anyhow::Error::from)
    };
    tokio::try_join!(unlocking, copying)?;
    ensure!(!first);
    assert_eq!(pair.two.count("select count(*) from public.item").await?, 1000);
    Ok(())
}

#[tokio::test]
async fn an_answer_of_another_type_or_number_of_columns_or_rows_is_an_error_and_no_more() -> Result<()> {
    let pair = Pair::apart().await?;
    pair.one
        .run(
            "drop function peer.purged_up_to(); create function peer.purged_up_to() returns text language sql as $$select 'x'$$;
             drop function peer.heard_of_me();
             create function peer.heard_of_me() returns table (run text, beat boolean, version text)
                 language sql as $$select 'x', true, 'y' union all select 'x', false, 'z'$$;
             drop function peer.past(); create function peer.past() returns table (run text, ended text)
                 language sql as $$select 'x', null$$;
             drop function peer.my_lag(); create function peer.my_lag() returns setof bigint language sql as $$select 1 where false$$",
        )
        .await?;
    let relayed = Relayed::open(&pair.one.config, CALM).await?;
    let peer = &relayed.peer;
    let purged = replication::purged_up_to(peer).await.map(drop);
    ensure!(
        matches!(
            purged,
            Err(Error::Answer {
                query: "replication/purged_up_to",
                ..
            })
        ),
        "{purged:?}"
    );
    let past = resync::peers_past(peer).await.map(drop);
    ensure!(
        matches!(
            past,
            Err(Error::Answer {
                query: "resync/peers_past",
                ..
            })
        ),
        "{past:?}"
    );
    for outcome in [
        resync::heard_of_me(peer).await.map(drop),
        link::my_lag(peer).await.map(drop),
    ] {
        ensure!(matches!(outcome, Err(Error::Unexpected(_))), "{outcome:?}");
    }
    server::clock(peer).await?;
    Ok(())
}

#[tokio::test]
async fn a_peer_that_talks_without_end_is_cut_off() -> Result<()> {
    let node = Alone::start().await?;
    node.run(
        "create or replace function replication.wordy() returns text language sql as $$select repeat('x', 200000)$$;
         drop function peer.slot_kept();
         create function peer.slot_kept() returns text language sql as $$select replication.wordy()$$",
    )
    .await?;
    let sizes = Sizes {
        answer: 100_000,
        ..Terms::PRODUCT.sizes
    };
    let terms = Terms { sizes, ..CALM };
    let relayed = Relayed::open(&node.config, terms).await?;
    let wordy = resync::slot_kept(&relayed.peer).await;
    ensure!(
        matches!(
            wordy,
            Err(Error::Overlong {
                question: "resync/slot_kept",
                bytes: 100_000,
                ..
            })
        ),
        "{wordy:?}"
    );
    ensure!(gone(&relayed.peer).await);
    assert_eq!(relayed.heard.failed(), ["resync/slot_kept"]);

    // Two gigabytes are announced: nobody waits for them, or makes room.
    let relayed = Relayed::open(&node.config, terms).await?;
    relayed.answers(Answers::Replace(vec![b'D', 0x7f, 0xff, 0xff, 0xff]));
    let announced = server::clock(&relayed.peer).await;
    ensure!(matches!(announced, Err(Error::Overlong { .. })), "{announced:?}");
    Ok(())
}

#[tokio::test]
async fn a_peer_cannot_have_a_node_ask_for_types_without_end() -> Result<()> {
    let node = Alone::start().await?;
    node.run(
        "create type public.deep as enum ('kept');
         drop function peer.slot_kept();
         create function peer.slot_kept() returns public.deep language sql as $$select 'kept'::public.deep$$",
    )
    .await?;
    let relayed = Relayed::open(&node.config, CALM).await?;
    let typed = resync::slot_kept(&relayed.peer).await;
    ensure!(matches!(typed, Err(Error::Unexpected(_))), "{typed:?}");
    ensure!(gone(&relayed.peer).await);
    Ok(())
}

#[tokio::test]
async fn making_a_subscription_to_a_peer_that_stands_still_ends_too() -> Result<()> {
    let pair = Pair::apart().await?;
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let from = format!(
        "host=127.0.0.1 port={} user=nobody dbname=none sslmode=disable",
        silent.local_addr()?.port()
    );
    let name = names::lane(ONE, TWO, 1);
    let began = Instant::now();
    let made = link::subscribe_to(&pair.two.db, &name, &from, "keystead").await;
    ensure!(
        made.is_err() && began.elapsed() < PATIENCE,
        "{made:?} after {:?}",
        began.elapsed()
    );
    // The connection is as good as before.
    assert_eq!(pair.two.text("show statement_timeout").await?, "0");
    Ok(())
}
