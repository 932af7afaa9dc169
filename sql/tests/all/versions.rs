//! Versions of a key: all are kept, one is current, and it is the same one on all nodes.

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta};
use keystead::key::request::KeyChange;
use keystead::key::state::KeyState;
use keystead::text::name::Name;
use sql::key::{self, Change, Key, Wrapped};
use sql::{Connection, alarm};

use crate::node::{Alone, Node, Pair};

fn version(first: Option<&str>, id: &str, number: i32, made: i64) -> Key {
    let made = DateTime::UNIX_EPOCH + TimeDelta::seconds(made);
    Key {
        id: id.to_owned(),
        name: "rotated".to_owned(),
        state: KeyState::Active,
        algorithm: "AES".to_owned(),
        size: 256,
        usage_mask: 12,
        description: String::new(),
        unexportable: false,
        undeletable: false,
        fingerprint: String::new(),
        material_version: number,
        activation_date: None,
        created_at: made,
        updated_at: made,
        version_of: first.map(str::to_owned),
        row_version: 0,
    }
}

const WRAPPED: Wrapped<'_> = Wrapped {
    epoch: 1,
    bytes: b"wrapped",
};

async fn make(db: &Connection, key: Key) -> Result<Key> {
    let row_version = key::create(db, &key, WRAPPED, 0).await?.context("the name is taken")?;
    Ok(Key { row_version, ..key })
}

/// Makes a version after the current one.
async fn rotate(db: &Connection, id: &str, number: i32, made: i64) -> Result<Option<i64>> {
    let newest = key::version(db, "first", None).await?.context("a current version")?;
    let key = version(Some("first"), id, number, made);
    Ok(key::create_version(db, &key, &newest, WRAPPED, 0).await?)
}

async fn current(node: &Node) -> Result<Vec<String>> {
    let named = key::by_name(&node.db, "rotated", None).await?;
    Ok(named.into_iter().map(|key| key.id).collect())
}

async fn all(node: &Node) -> Result<Vec<String>> {
    let versions = key::versions(&node.db, "first", 0, 100).await?;
    Ok(versions.into_iter().map(|key| key.id).collect())
}

#[tokio::test]
async fn both_sides_of_a_partition_keep_their_versions_and_come_to_one_current() -> Result<()> {
    let pair = Pair::apart().await?;
    // The same key on both; the clock of the side whose number stays lower is ahead.
    for node in [&pair.one, &pair.two] {
        make(&node.db, version(None, "first", 0, 0)).await?;
    }
    rotate(&pair.one.db, "one-1", 1, 900).await?.context("made")?;
    rotate(&pair.two.db, "two-1", 1, 500).await?.context("made")?;
    rotate(&pair.two.db, "two-2", 2, 10).await?.context("made")?;
    pair.link().await?;
    pair.settle().await?;
    for node in [&pair.one, &pair.two] {
        assert_eq!(current(node).await?, ["two-2"], "the highest number is current");
        assert_eq!(all(node).await?, ["two-2", "one-1", "two-1", "first"]);
        let ones = key::by_name(&node.db, "rotated", Some(1)).await?;
        assert_eq!(ones.len(), 1);
        assert_eq!(ones[0].id, "one-1", "of one number the later counts");
        assert_eq!(alarm::clashes(&node.db).await?, [], "versions of one key do not clash");
    }
    Ok(())
}

#[tokio::test]
async fn a_version_is_made_after_the_one_that_was_seen_or_not_at_all() -> Result<()> {
    let node = Alone::start().await?;
    let first = make(&node.db, version(None, "first", 0, 0)).await?;
    rotate(&node.db, "v1", 1, 1).await?.context("made")?;
    let again = version(Some("first"), "other", 1, 2);
    let after = key::create_version(&node.db, &again, &first, WRAPPED, 0).await?;
    assert_eq!(after, None, "the number is given");
    let seen = key::version(&node.db, "first", None).await?.context("v1")?;
    node.run("update public.key set usage_mask = 4 where id = 'v1'").await?;
    let stale = version(Some("first"), "v2", 2, 2);
    assert_eq!(key::create_version(&node.db, &stale, &seen, WRAPPED, 0).await?, None);
    rotate(&node.db, "v2", 2, 2).await?.context("made")?;
    key::delete(&node.db, "v2", 0).await?;
    assert_eq!(current(&node).await?, ["v1"]);
    assert_eq!(
        key::highest_version(&node.db, "first").await?,
        Some(2),
        "a number is given once"
    );
    Ok(())
}

#[tokio::test]
async fn a_key_is_renamed_with_all_its_versions_and_either_name_of_two_finds_it() -> Result<()> {
    let node = Alone::start().await?;
    make(&node.db, version(None, "first", 0, 0)).await?;
    rotate(&node.db, "v1", 1, 1).await?.context("made")?;
    let renamed = |name: &str| KeyChange {
        name: Some(Name::checked("name", name, 100).expect("a name")),
        ..KeyChange::default()
    };
    let change = key::change(&node.db, "first", &renamed("new"), 0).await?;
    assert!(matches!(change, Change::Made(key) if key.name == "new"));
    assert_eq!(current(&node).await?, Vec::<String>::new());
    // Somebody who had not heard of the new name has made a version with the old one.
    rotate(&node.db, "v2", 2, 2).await?.context("made")?;
    for name in ["new", "rotated"] {
        let found = key::by_name(&node.db, name, None).await?;
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].id, "v2", "{name}");
    }
    let taken = make(
        &node.db,
        Key {
            name: "other".to_owned(),
            ..version(None, "another", 0, 0)
        },
    )
    .await?;
    assert!(matches!(
        key::change(&node.db, &taken.id, &renamed("rotated"), 0).await?,
        Change::NameTaken
    ));
    key::change(&node.db, "v1", &renamed("new"), 0).await?;
    let names = node
        .text("select string_agg(distinct name, ' ') from live.key where name <> 'other'")
        .await?;
    assert_eq!(names, "new", "naming it again gives all versions the one name");
    Ok(())
}

/// Many keys, one in ten of them rotated.
const KEYS: &str = "
    insert into public.key (id, name, state, algorithm, size, usage_mask, description, unexportable, undeletable,
                            fingerprint, material_version, epoch, version_of)
    select 'id' || n, 'name-' || n, 'Active', 'AES', 256, 12, '', false, false, '', 0, 1, null from generate_series(1, 20000) n;
    insert into public.key (id, name, state, algorithm, size, usage_mask, description, unexportable, undeletable,
                            fingerprint, material_version, epoch, version_of)
    select 'v' || n, 'name-' || n, 'Active', 'AES', 256, 12, '', false, false, '', 1, 1, 'id' || n
    from generate_series(10, 20000, 10) n";

#[tokio::test]
async fn finding_a_version_among_many_keys_reads_indexes_alone() -> Result<()> {
    let node = Alone::start().await?;
    node.run(KEYS).await?;
    node.run("vacuum analyze public.key").await?;
    let find = "select id from live.key where (id = 'id50' or version_of = 'id50') and (null::integer is null or false)
                order by material_version desc, created_at desc, id desc limit 1";
    let by_name = "select id from live.key
                   where id in (select public.newest_version(coalesce(version_of, id), null) from live.key where name = 'name-50')";
    for query in [find, by_name] {
        assert_eq!(node.text(query).await?, "v50");
        let rows = node.db.query(&format!("explain {query}"), &[]).await?;
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
    Ok(())
}
