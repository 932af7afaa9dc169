//! What happens to a local write before it is stored.

use anyhow::Result;
use sql::digest;

use crate::node::{Alone, Pair, refused};

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
         create trigger shout before insert or update on public.item for each row execute function public.shout();
         insert into public.item values ('a', 'x');
         update public.item set value = 'y'",
    )
    .await?;
    assert_eq!(node.text("select value from replication.outbox_item").await?, "Y");
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
async fn another_primary_key_is_another_row_and_the_end_of_the_first() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.one
        .run("insert into public.item values ('a', 'x'), ('b', 'y'); update public.item set id = id || '2', value = 'z' where id = 'a'")
        .await?;
    pair.settle().await?;
    for node in [&pair.one, &pair.two] {
        let all =
            "select string_agg(id || '=' || value || case when deleted then ' deleted' else '' end, ', ' order by id)
                   from public.item";
        assert_eq!(
            node.text(all).await?,
            "a=x deleted, a2=z, b=y",
            "on node {}",
            node.number
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_primary_key_that_another_row_has_cannot_be_taken() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.item values ('a', 'x'), ('b', 'y')")
        .await?;
    let refused = node.refused("update public.item set id = 'b' where id = 'a'").await?;
    assert_eq!(refused.code().code(), "23505", "{refused}");
    assert_eq!(node.count("select count(*) from live.item").await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_row_that_was_deleted_can_be_written_again_on_any_node() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.one.run("insert into public.item values ('a', 'first')").await?;
    for (step, writer) in [&pair.two, &pair.one, &pair.two].into_iter().enumerate() {
        pair.settle().await?;
        writer.run("delete from public.item where id = 'a'").await?;
        let before = writer.count("select version from public.item").await?;
        writer
            .run(&format!("insert into public.item values ('a', 'again {step}')"))
            .await?;
        assert!(writer.count("select version from public.item").await? > before);
        pair.settle().await?;
        for node in [&pair.one, &pair.two] {
            let value = node.text("select value from live.item").await?;
            assert_eq!(value, format!("again {step}"), "on node {}", node.number);
        }
    }
    Ok(())
}

#[tokio::test]
async fn two_who_write_a_deleted_row_again_at_once_are_told_apart_as_ever() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.item values ('a', 'x'); delete from public.item")
        .await?;
    let other = node.session().await?;
    other
        .batch_execute("begin; insert into public.item values ('a', 'mine')")
        .await?;
    let second = refused(
        &node.db,
        "set lock_timeout = '200ms'; insert into public.item values ('a', 'too')",
    )
    .await?;
    assert_eq!(second.code().code(), "55P03", "{second}");
    other.batch_execute("commit").await?;
    assert_eq!(
        node.refused("insert into public.item values ('a', 'too')")
            .await?
            .code()
            .code(),
        "23505"
    );
    Ok(())
}

#[tokio::test]
async fn where_deleting_is_for_good_an_id_is_never_used_again() -> Result<()> {
    let node = Alone::start().await?;
    node.run(
        r#"create table public.final (id text primary key);
           select replication.enlist('public.final', '{"deleted": "greatest"}');
           insert into public.final values ('a'); delete from public.final"#,
    )
    .await?;
    assert_eq!(
        node.refused("insert into public.final values ('a')")
            .await?
            .code()
            .code(),
        "23505"
    );
    node.run("update public.final set deleted = false").await?;
    assert_eq!(node.count("select count(*) from live.final").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_writers_own_triggers_may_write_the_same_rows_again() -> Result<()> {
    let pair = Pair::linked().await?;
    for node in [&pair.one, &pair.two] {
        node.run(
            "create function public.again() returns trigger language plpgsql as
                 'begin
                      if pg_trigger_depth() = 1 then
                          update public.item set value = value || ''!'' where id = new.id;
                          insert into public.item values (new.id || ''-copy'', new.value)
                          on conflict (id) do update set value = excluded.value;
                      end if;
                      return null;
                  end';
             create trigger again after insert or update on public.item for each row execute function public.again();
             create trigger aa_again after insert or update on public.item for each row execute function public.again()",
        )
        .await?;
    }
    pair.one
        .run("insert into public.item values ('a', 'x'), ('b', 'y')")
        .await?;
    pair.settle().await?;
    pair.two
        .run("update public.item set value = 'z' where id = 'a'")
        .await?;
    pair.settle().await?;
    let all = "select string_agg(id || '=' || value, ' ' order by id) from live.item";
    let there = pair.one.text(all).await?;
    assert!(there.starts_with("a=z!!"), "{there}");
    assert_eq!(pair.two.text(all).await?, there);
    assert_eq!(digest::all(&pair.one.db).await?, digest::all(&pair.two.db).await?);
    Ok(())
}
