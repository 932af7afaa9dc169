//! What happens to a local write before it is stored.

use anyhow::Result;

use crate::node::Alone;

#[tokio::test]
async fn a_local_write_is_stamped_with_the_time_and_the_number_of_its_node() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.item values ('a', 'x')").await?;
    let row = node
        .row("select origin, abs(version - date_part('epoch', clock_timestamp()) * 1000000) < 60000000, deleted from public.item")
        .await?;
    assert_eq!(
        (row.get::<_, i32>(0), row.get::<_, bool>(1), row.get::<_, bool>(2)),
        (1, true, false)
    );
    Ok(())
}

#[tokio::test]
async fn a_writer_cannot_choose_version_or_origin() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.item (id, version, origin) values ('a', 9223372036854775807, 9)")
        .await?;
    node.run("update public.item set version = 9223372036854775807, origin = 9")
        .await?;
    assert_eq!(
        node.count("select count(*) from public.item where origin = 1 and version < 9223372036854775807")
            .await?,
        1
    );
    Ok(())
}

#[tokio::test]
async fn versions_rise_also_when_the_clock_stands_behind_the_row() -> Result<()> {
    let node = Alone::start().await?;
    // Written by a node whose clock is about a hundred years ahead.
    let ahead = 5_000_000_000_000_000_i64;
    let arriving = format!("insert into replication.outbox_item values ('a', 'from the future', {ahead}, 2, false)");
    node.apply(&arriving).await?;
    for step in 1..=3 {
        node.run(&format!("update public.item set value = 'step {step}'"))
            .await?;
        assert_eq!(node.count("select version from public.item").await?, ahead + step);
    }
    node.run("delete from public.item").await?;
    assert_eq!(
        node.count("select version from public.item where deleted").await?,
        ahead + 4
    );
    Ok(())
}

#[tokio::test]
async fn a_deleted_row_stays_as_a_tombstone_that_readers_do_not_see() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.item values ('a', 'x'), ('b', 'y')")
        .await?;
    let before = node.count("select version from public.item where id = 'a'").await?;
    node.run("delete from public.item where id = 'a'").await?;
    assert_eq!(node.text("select string_agg(id, ',') from live.item").await?, "b");
    assert!(
        node.count("select version from public.item where id = 'a' and deleted")
            .await?
            > before
    );
    Ok(())
}

#[tokio::test]
async fn deleting_a_tombstone_changes_nothing() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.item values ('a', 'x'); delete from public.item")
        .await?;
    let version = node.count("select version from public.item").await?;
    node.run("delete from public.item").await?;
    assert_eq!(node.count("select version from public.item").await?, version);
    Ok(())
}

#[tokio::test]
async fn what_a_writers_own_trigger_changes_is_captured_too() -> Result<()> {
    let node = Alone::start().await?;
    node.run(
        "create function public.shout() returns trigger language plpgsql as
             'begin new.value := upper(new.value); return new; end';
         create trigger shout before insert on public.item for each row execute function public.shout();
         insert into public.item values ('a', 'x')",
    )
    .await?;
    assert_eq!(node.text("select value from replication.outbox_item").await?, "X");
    Ok(())
}

#[tokio::test]
async fn truncate_is_refused_with_the_way_out() -> Result<()> {
    let node = Alone::start().await?;
    let refused = node.refused("truncate public.item").await?;
    assert!(
        refused.message().contains("truncate of item is refused") || refused.message().contains("public.item"),
        "{refused}"
    );
    assert_eq!(refused.hint(), Some("delete the rows instead"));
    Ok(())
}

#[tokio::test]
async fn a_primary_key_cannot_be_changed() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.item values ('a', 'x')").await?;
    let refused = node.refused("update public.item set id = 'b'").await?;
    assert_eq!(refused.hint(), Some("delete the row and insert another"));
    Ok(())
}
