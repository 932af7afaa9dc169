//! Alarms at a real syslog server: every way, once each, as the standard has them; and none lost while it is away.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::harness::Node;
use crate::harness::cluster::Lab;
use crate::harness::node::PATIENCE;
use crate::harness::rsyslog::{Rsyslog, WAYS};
use crate::harness::wait::until;

/// A name with everything that means something in syslog.
const NAME: &str = "pay]\"\\roll\r\n<130>1 forged";

/// That name in structured data.
const SHOWN: &str = "subject=\"key pay\\]\\\"\\\\roll<0D><0A><130>1 forged\"";

#[tokio::test]
async fn every_alarm_arrives_once_by_every_way_also_after_the_server_was_away() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let mut server = Rsyslog::new(lab.address(200))?;
    server.start().await?;
    for way in WAYS {
        enter(&node, way, &lab.address(200).to_string(), &server.certificate).await?;
    }

    let id = clash(&node).await?;
    wait_for(&server, "raised", 1).await?;
    for way in WAYS {
        let line = about(&server, way, "raised").remove(0);
        let parts: Vec<&str> = line.split('|').collect();
        assert_eq!(parts[0], "local0.warning", "{line}");
        assert_eq!(parts[3], "keysteadd", "{line}");
        assert_eq!(parts[5], "name-clash", "{line}");
        assert!(
            parts[6].starts_with("[alarm@32473 event=\"raised\"") && line.contains(SHOWN),
            "{line}"
        );
    }

    let alarm = node.json(&["alarms", "list", "--name", "Name Clash"]).await?["resources"][0].clone();
    let alarm = alarm["id"].as_str().context("an alarm")?;
    node.json(&["alarms", "acknowledge", "--id", alarm]).await?;
    wait_for(&server, "acknowledged", 1).await?;

    server.stop()?;
    rename(&node, &id).await?;
    let is_raised = async || raised(&node, "Syslog Server Unreachable", "on").await;
    until("that the server is away is an alarm", PATIENCE, async || {
        Ok(is_raised().await? >= 2)
    })
    .await?;
    server.start().await?;
    // Datagrams to a port where nobody listens are lost; streams lose nothing.
    until("what waited arrives", PATIENCE, async || {
        let arrived = ["tcp", "tls"].map(|way| about(&server, way, "cleared").len());
        ensure!(arrived == [1, 1], "{arrived:?}");
        Ok(true)
    })
    .await?;
    until("nothing is away any more", PATIENCE, async || {
        let still = raised(&node, "Syslog Server Unreachable", "on").await?;
        ensure!(still == 0, "{still} are");
        Ok(true)
    })
    .await?;
    for way in ["tcp", "tls"] {
        for event in ["raised", "acknowledged", "cleared"] {
            assert_eq!(about(&server, way, event).len(), 1, "{event} by {way}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_who_it_should_be_gets_nothing() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let address = lab.address(200);
    let mut server = Rsyslog::new(address)?;
    server.start().await?;
    let (other, _) = certs::self_signed(&[address.to_string()], 1_600_000_000, 2_000_000_000)?;
    enter(&node, "tls", &address.to_string(), &other).await?;
    clash(&node).await?;
    let away = async || Ok(raised(&node, "Syslog Server Unreachable", "on").await? == 1);
    until("the server is not believed", PATIENCE, away).await?;
    assert_eq!(server.read("tls"), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn servers_are_entered_changed_and_deleted_as_clients_do_it() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let rest = node.rest().await?;
    let asked = json!({"id": "", "host": "logs.example", "transport": "tcp", "port": 0, "messageFormat": "cef"});
    let made = rest.post("configs/syslogs", &asked).await?;
    assert_eq!(made.status, 201);
    let made = made.good()?;
    let path = format!("configs/syslogs/{}", made["id"].as_str().context("an id")?);
    assert_eq!(rest.get(&path).await?.good()?, made, "what was made is what is read");
    assert_eq!((&made["port"], &made["transport"]), (&json!(514), &json!("tcp")));
    let changed = rest.patch(&path, &json!({"port": 1514})).await?.good()?;
    assert_eq!(
        (&changed["port"], &changed["messageFormat"]),
        (&json!(1514), &json!("cef"))
    );
    assert_eq!(rest.get("configs/syslogs?limit=1").await?.good()?["total"], 1);
    assert_eq!(
        rest.post("configs/syslogs", &json!({"host": "x", "transport": "tls"}))
            .await?
            .status,
        400
    );
    assert_eq!(rest.delete(&path).await?.status, 204);
    assert_eq!(rest.get(&path).await?.status, 404);
    assert_eq!(rest.delete(&path).await?.status, 404);
    Ok(())
}

async fn enter(node: &Node, way: &str, host: &str, certificate: &str) -> Result<Value> {
    let asked = json!({"host": host, "transport": way, "port": Rsyslog::port(way), "caCert": certificate});
    node.rest().await?.post("configs/syslogs", &asked).await?.good()
}

/// Two keys of one name, as a partition leaves them. The id of one of them.
async fn clash(node: &Node) -> Result<String> {
    let made = node.json(&["keys", "create", "--name", "first"]).await?;
    let other = node.json(&["keys", "create", "--name", "second"]).await?;
    let id = |key: &Value| key["id"].as_str().map(str::to_owned).context("an id");
    let db = node.db("keystead").await?;
    let ids = vec![id(&made)?, id(&other)?];
    db.execute("update public.key set name = $1 where id = any ($2)", &[&NAME, &ids])
        .await?;
    id(&other)
}

async fn rename(node: &Node, id: &str) -> Result<()> {
    let path = format!("vault/keys2/{id}");
    node.rest()
        .await?
        .patch(&path, &json!({"name": "renamed"}))
        .await?
        .good()?;
    Ok(())
}

/// How many alarms of this name are in this state.
async fn raised(node: &Node, name: &str, state: &str) -> Result<u64> {
    let list = node.json(&["alarms", "list", "--name", name, "--state", state]).await?;
    list["total"].as_u64().context("a list")
}

/// What the server has read of the clash.
fn about(server: &Rsyslog, way: &str, event: &str) -> Vec<String> {
    let of = format!("name-clash|[alarm@32473 event=\"{event}\"");
    server.read(way).into_iter().filter(|line| line.contains(&of)).collect()
}

async fn wait_for(server: &Rsyslog, event: &str, count: usize) -> Result<()> {
    until(&format!("{event} has arrived by every way"), PATIENCE, async || {
        let arrived = WAYS.map(|way| about(server, way, event).len());
        ensure!(arrived == [count; 3], "{arrived:?}");
        Ok(true)
    })
    .await
}
