//! What users send is looked at before anything is done with it, what was kept before these rules can still be read and
//! deleted, and what can be piled up has a bound.

use anyhow::{Context as _, Result, ensure};
use keystead::quota::Quota;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::Node;
use crate::harness::cluster::Lab;
use crate::harness::rest::{Answer, Rest};

/// A name that clears a screen, turns what follows around, and forges a line.
const WILD: &str = "\u{1b}[2J\u{9b}2J\u{202e}evil\u{200b}\nforged";

/// What is shown of it.
const SHOWN: &str = r"\u{1b}[2J\u{9b}2J\u{202e}evil\u{200b}\nforged";

/// One name in the two forms that Unicode has for it.
const COMPOSED: &str = "caf\u{e9}";
const DECOMPOSED: &str = "cafe\u{301}";

#[tokio::test]
async fn what_cannot_be_taken_is_refused_by_its_name_before_anything_is_done() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let rest = node.rest().await?;
    no_text_has_a_nul(&rest).await?;
    bodies_are_objects(&rest).await?;
    names_are_what_is_seen(&rest).await?;
    assert_eq!(
        rest.get("vault/keys2").await?.good()?["total"],
        1,
        "only what was taken"
    );
    Ok(())
}

/// Refused with this at the beginning of its text.
fn refused(answer: &Answer, begin: &str) -> Result<()> {
    let text = answer.refusal()?;
    ensure!(answer.status == StatusCode::BAD_REQUEST, "{}: {text}", answer.status);
    let said = text.split_once(": ").map_or(text, |(_, said)| said);
    ensure!(said.starts_with(begin), "{text}");
    Ok(())
}

async fn no_text_has_a_nul(rest: &Rest) -> Result<()> {
    for path in ["vault/keys2/a%00b", "backups/%00", "nodes/%00", "nowhere/%00"] {
        refused(&rest.get(path).await?, "the path has a NUL")?;
    }
    for list in ["vault/keys2", "system/alarms", "nodes"] {
        refused(
            &rest.get(&format!("{list}?skip=0&name=a%00")).await?,
            "the parameter name has a NUL",
        )?;
    }
    refused(
        &rest.post("vault/keys2", &json!({"name": "a\0"})).await?,
        "name has a NUL",
    )?;
    refused(
        &rest.post("vault/keys2", &json!({"labels": {"a": "\0"}})).await?,
        "labels.a has a NUL",
    )?;
    refused(
        &rest.post("backups", &json!({"description": "\0"})).await?,
        "description has a NUL",
    )?;
    let log_in = json!({"username": "admin\0", "password": "x"});
    refused(&rest.post("auth/tokens", &log_in).await?, "username has a NUL")
}

async fn bodies_are_objects(rest: &Rest) -> Result<()> {
    for path in [
        "vault/keys2",
        "system/alarms/x/acknowledge",
        "backupkeys",
        "auth/tokens",
    ] {
        for body in [json!([]), json!(["x"]), json!("x"), json!(1)] {
            refused(&rest.post(path, &body).await?, "the body is no JSON object")?;
        }
    }
    refused(
        &rest.post("vault/keys2", &Value::Null).await?,
        "the body is no JSON object",
    )?;
    // Clients send `null` with what only does something: it got as far as looking for the alarm.
    let answer = rest.post("system/alarms/x/acknowledge", &Value::Null).await?;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    Ok(())
}

async fn names_are_what_is_seen(rest: &Rest) -> Result<()> {
    refused(
        &rest.post("vault/keys2", &json!({"name": WILD})).await?,
        "name has a character that nobody sees: U+001B",
    )?;
    refused(
        &rest.post("backups", &json!({"description": "a\u{202e}b"})).await?,
        "description has a character",
    )?;
    refused(
        &rest.post("configs/syslogs", &json!({"host": "a\u{200b}b"})).await?,
        "host is not a host name",
    )?;
    let local = json!({"localNodeHost": "10.0.0.1", "publicAddress": "x\u{2028}"});
    refused(
        &rest.post("cluster/new", &local).await?,
        "publicAddress has a character",
    )?;

    let made = rest.post("vault/keys2", &json!({"name": DECOMPOSED})).await?.good()?;
    assert_eq!(made["name"], COMPOSED);
    for spelling in [COMPOSED, DECOMPOSED] {
        let again = rest.post("vault/keys2", &json!({"name": spelling})).await?;
        assert_eq!(again.status, StatusCode::CONFLICT, "{spelling:?} is the same name");
        assert_eq!(
            rest.get(&format!("vault/keys2/{spelling}")).await?.good()?["id"],
            made["id"]
        );
        assert_eq!(
            rest.get(&format!("vault/keys2?name={spelling}")).await?.good()?["total"],
            1
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_name_of_before_is_found_shown_harmlessly_and_deleted() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let rest = node.rest().await?;
    for name in [WILD, DECOMPOSED] {
        keep_as_before(&node, name).await?;
    }

    let table = node.ksctl(&["keys", "list", "--respfmt", "table"]).await?.text()?;
    ensure!(table.contains(SHOWN), "{table}");
    let document = node.ksctl(&["keys", "list"]).await?.text()?;
    for printed in [&table, &document] {
        ensure!(
            printed.chars().all(|c| c == '\n' || c == '\t' || !is_wild(c)),
            "{printed:?}"
        );
    }
    let listed: Value = serde_json::from_str(&document)?;
    ensure!(
        listed["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|key| key["name"] == WILD),
        "{listed}"
    );
    // Found by its name, and shown harmlessly in an error too.
    let refused = node.ksctl(&["keys", "destroy", "--name", WILD]).await?;
    ensure!(
        refused.code == Some(1) && !refused.stderr.contains('\u{1b}'),
        "{refused:?}"
    );

    let taken = rest.post("vault/keys2", &json!({"name": COMPOSED})).await?;
    assert_eq!(taken.status, StatusCode::CONFLICT, "what is there is the same name");
    for name in [WILD, DECOMPOSED] {
        node.ksctl(&["keys", "delete", "--name", name, "-y"]).await?.text()?;
    }
    assert_eq!(rest.get("vault/keys2").await?.good()?["total"], 0);
    rest.post("vault/keys2", &json!({"name": COMPOSED})).await?.good()?;
    Ok(())
}

/// What a terminal would follow, of what is tried here.
fn is_wild(c: char) -> bool {
    keystead::text::escape::is_hidden(c)
}

/// A key with a name that an earlier version took.
async fn keep_as_before(node: &Node, name: &str) -> Result<()> {
    let made = node.json(&["keys", "create"]).await?;
    let id = made["id"].as_str().context("an id")?;
    let db = node.db(sql::database::CLUSTER).await?;
    db.execute("update public.key set name = $1 where id = $2", &[&name, &id])
        .await?;
    Ok(())
}

#[tokio::test]
async fn what_users_pile_up_has_a_bound_and_a_way_out_and_what_arrives_is_taken_all_the_same() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let rest = node.rest().await?;
    let most = Quota::SyslogServers.most();
    let server = json!({"host": "192.0.2.1"});
    // All at once: none slips past the bound.
    let mut adding = tokio::task::JoinSet::new();
    for _ in 0..most + 4 {
        let rest = node.rest().await?;
        let server = server.clone();
        adding.spawn(async move { rest.post("configs/syslogs", &server).await });
    }
    let mut answers = Vec::new();
    while let Some(answer) = adding.join_next().await {
        answers.push(answer??);
    }
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.status == StatusCode::CREATED)
            .count(),
        most
    );

    // One more comes from another node.
    let db = node.db(sql::database::CLUSTER).await?;
    db.execute("insert into public.syslog select 'arrived', host, port, transport, format, ca_cert, now(), now() from live.syslog limit 1", &[])
        .await?;
    assert_eq!(rest.get("configs/syslogs").await?.good()?["total"], most + 1);
    let full = rest.post("configs/syslogs", &server).await?;
    assert_eq!(full.status, StatusCode::CONFLICT);
    ensure!(full.refusal()?.contains(&format!("{most} is the most")), "{full:?}");
    ensure!(
        full.body["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("delete one")),
        "{full:?}"
    );
    // What is there can be changed, and the way out is one.
    rest.patch("configs/syslogs/arrived", &json!({"port": 1514}))
        .await?
        .good()?;
    let ids = rest.get("configs/syslogs?limit=2").await?.good()?;
    for id in ids["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["id"].as_str())
    {
        assert_eq!(
            rest.delete(&format!("configs/syslogs/{id}")).await?.status,
            StatusCode::NO_CONTENT
        );
    }
    rest.post("configs/syslogs", &server).await?.good()?;
    Ok(())
}
