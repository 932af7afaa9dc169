//! Alarms: one row a cause, what users say to it merges, and clashes of names are found by the index alone.

use anyhow::Result;
use keystead::alarm::{Alarm, Cause, Finding, Severity};
use keystead::clock::Micros;
use sql::alarm::{self, Filter, Mark};

use crate::node::{Alone, Node, Pair};

const NOW: Micros = Micros(1_800_000_000_000_000);

fn full() -> Finding {
    Finding {
        cause: Cause::new(Alarm::Disk, "data"),
        severity: Severity::Warning,
        text: "71 % is used".to_owned(),
    }
}

async fn only(node: &Node) -> Result<alarm::State> {
    let mut list = alarm::list(&node.db, &Filter::default(), 0, 10).await?;
    assert_eq!(list.len(), 1, "{list:?}");
    Ok(list.remove(0))
}

#[tokio::test]
async fn raised_again_it_is_the_same_alarm_and_unacknowledged() -> Result<()> {
    let node = Alone::start().await?;
    let id = alarm::raise(&node.db, "n1", &full(), NOW).await?;
    assert!(alarm::mark(&node.db, &only(&node).await?, Mark::Acknowledged, "ann", NOW).await?);
    assert!(!alarm::mark(&node.db, &only(&node).await?, Mark::Acknowledged, "bob", NOW).await?);
    assert_eq!(
        only(&node).await?.acknowledged.map(|(_, who)| who).as_deref(),
        Some("ann")
    );
    assert_eq!(alarm::clear(&node.db, &full().cause, NOW).await?, Some(id.clone()));
    assert_eq!(alarm::clear(&node.db, &full().cause, NOW).await?, None);
    let off = only(&node).await?;
    assert_eq!(
        (off.state.as_str(), off.cleared.map(|(_, who)| who)),
        ("off", Some("system".to_owned()))
    );
    assert_eq!(alarm::raise(&node.db, "n1", &full(), NOW).await?, id);
    let again = only(&node).await?;
    assert_eq!(
        (again.episode, again.acknowledged, again.state.as_str()),
        (2, None, "on")
    );
    Ok(())
}

#[tokio::test]
async fn one_cleared_by_a_user_is_off_until_it_is_raised_anew() -> Result<()> {
    let node = Alone::start().await?;
    alarm::raise(&node.db, "n1", &full(), NOW).await?;
    alarm::mark(&node.db, &only(&node).await?, Mark::Cleared, "ann", NOW).await?;
    assert_eq!(only(&node).await?.state, "off");
    assert_eq!(alarm::raised(&node.db).await?.len(), 1, "its node still finds it");
    alarm::raise(&node.db, "n1", &full(), NOW).await?;
    assert_eq!(only(&node).await?.state, "on");
    alarm::forget_old(&node.db).await?;
    assert_eq!(node.count("select count(*) from live.alarm_mark").await?, 0);
    Ok(())
}

#[tokio::test]
async fn two_nodes_that_find_the_same_and_users_on_both_lose_nothing_of_each_other() -> Result<()> {
    let pair = Pair::linked().await?;
    let id = alarm::raise(&pair.one.db, "n1", &full(), NOW).await?;
    let other = alarm::raise(&pair.two.db, "n2", &full(), NOW).await?;
    assert_ne!(id, other);
    pair.settle().await?;
    // At once: the node tells it in other words, and a user of the other node takes notice of it.
    let seen = alarm::by_id(&pair.two.db, &id).await?.expect("it has arrived");
    alarm::mark(&pair.two.db, &seen, Mark::Acknowledged, "ann", NOW).await?;
    let worse = Finding {
        text: "75 % is used".to_owned(),
        ..full()
    };
    alarm::retell(&pair.one.db, &worse, NOW).await?;
    pair.settle().await?;
    for node in [&pair.one, &pair.two] {
        let merged = alarm::by_id(&node.db, &id).await?.expect("it is there");
        assert_eq!(merged.description, "75 % is used", "on node {}", node.number);
        assert_eq!(
            merged.acknowledged.map(|(_, who)| who).as_deref(),
            Some("ann"),
            "on node {}",
            node.number
        );
    }
    let of_two = Filter {
        source: Some("n2".to_owned()),
        ..Filter::default()
    };
    assert_eq!(alarm::count(&pair.one.db, &of_two).await?, 1);
    Ok(())
}

#[tokio::test]
async fn the_alarms_of_a_node_that_is_no_more_are_off() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.node values ('a', 1, 'h', 5432, '', 'ready', 'ready', 's')")
        .await?;
    alarm::raise(&node.db, "a", &full(), NOW).await?;
    assert_eq!(only(&node).await?.state, "on");
    node.run("update public.node set state = 'removed'").await?;
    assert_eq!(only(&node).await?.state, "off");
    Ok(())
}

/// Rows that a partition left: two of one name, and many that clash with nothing.
const KEYS: &str = "
    insert into public.key (id, name, state, algorithm, size, usage_mask, description, unexportable, undeletable,
                            fingerprint, material_version, epoch)
    select 'id' || n, case when n <= 2 then 'shared' else 'name-' || n end, 'Active', 'AES', 256, 12, '', false, false, '', 0, 1
    from generate_series(1, 20000) n";

#[tokio::test]
async fn a_clash_is_there_until_one_is_renamed_or_deleted() -> Result<()> {
    let node = Alone::start().await?;
    node.run(KEYS).await?;
    let clashes = alarm::clashes(&node.db).await?;
    assert_eq!(clashes.len(), 1);
    assert_eq!((clashes[0].kind.as_str(), clashes[0].name.as_str()), ("key", "shared"));
    assert_eq!(clashes[0].ids, ["id1", "id2"]);
    node.run("delete from public.key where id = 'id2'").await?;
    assert_eq!(alarm::clashes(&node.db).await?, []);
    Ok(())
}

#[tokio::test]
async fn finding_clashes_reads_no_more_than_the_index_of_names() -> Result<()> {
    let node = Alone::start().await?;
    node.run(KEYS).await?;
    node.run("vacuum analyze public.key").await?;
    let rows = node.db.query("explain select * from public.name_clash", &[]).await?;
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("Index Only Scan using key_name"), "{plan}");
    assert!(!plan.contains("Seq Scan on key"), "{plan}");
    Ok(())
}
