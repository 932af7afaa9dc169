//! Rotated keys: every version is kept with its material, one is current, and after a partition it is the same one on all
//! nodes.

use anyhow::{Context as _, Result, ensure};
use keystead::api::key::Key;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::Cluster;
use crate::harness::cluster::Lab;
use crate::harness::hosts::on_hosts;
use crate::harness::rest::Rest;

const KEY: &str = "vault/keys2/rotated";

async fn material(rest: &Rest, id: &Value) -> Result<Value> {
    let id = id.as_str().context("an id")?;
    let exported = rest.post(&format!("vault/keys2/{id}/export"), &json!({})).await?;
    Ok(exported.good()?["material"].clone())
}

fn ids(versions: &Value) -> Vec<&Value> {
    let all = versions["resources"].as_array().into_iter().flatten();
    all.map(|version| &version["id"]).collect()
}

#[tokio::test]
async fn a_rotated_key_has_new_material_and_keeps_the_old() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let first = node
        .json(&[
            "keys",
            "create",
            "--name",
            "rotated",
            "--size",
            "128",
            "--description",
            "said",
        ])
        .await?;
    let second = node.json(&["vkeys", "create", "--name", "rotated"]).await?;
    assert_eq!((&first["version"], &second["version"]), (&json!(0), &json!(1)));
    assert_eq!(
        (&second["name"], &second["size"], &second["description"]),
        (&json!("rotated"), &json!(128), &json!("said")),
        "what is said of it is as before"
    );
    assert_ne!(second["sha256Fingerprint"], first["sha256Fingerprint"]);

    let rest = node.rest().await?;
    let current = rest.get(KEY).await?.good()?;
    assert_eq!(current["id"], second["id"], "the name is that of the current version");
    let old = node
        .json(&["vkeys", "export", "--name", "rotated", "--version", "0"])
        .await?;
    assert_eq!(old["id"], first["id"]);
    assert_eq!(old["material"], material(&rest, &first["id"]).await?);
    assert_ne!(old["material"], material(&rest, &second["id"]).await?);

    // By the id of any of its versions; a revoked key is what one rotates.
    node.json(&["keys", "revoke", "--name", "rotated", "--reason", "KeyCompromise"])
        .await?;
    let path = format!("vault/keys2/{}/versions", first["id"].as_str().context("an id")?);
    let imported = json!({"material": "00".repeat(16), "description": "brought in"});
    let third = rest.post(&path, &imported).await?;
    assert_eq!(third.status, StatusCode::CREATED, "{third:?}");
    let third = third.body;
    assert_eq!((&third["version"], &third["state"]), (&json!(2), &json!("Active")));
    let listed = node.json(&["vkeys", "list", "--name", "rotated"]).await?;
    assert_eq!(listed["total"], 3);
    assert_eq!(ids(&listed), [&third["id"], &second["id"], &first["id"]]);
    assert_eq!(
        node.json(&["cluster", "clashes"]).await?["total"],
        0,
        "versions do not clash"
    );

    let too_long = rest.post(&path, &json!({"material": "00".repeat(32)})).await?;
    assert_eq!(too_long.status, StatusCode::BAD_REQUEST, "{too_long:?}");
    let nobody = rest.post("vault/keys2/nobody/versions", &json!({})).await?;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND, "{nobody:?}");
    assert_eq!(
        rest.get(&format!("{KEY}?version=7")).await?.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        rest.get(&format!("{KEY}?version=new")).await?.status,
        StatusCode::BAD_REQUEST
    );
    Ok(())
}

#[tokio::test]
async fn a_key_with_versions_is_not_deleted_by_its_name_alone() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    node.json(&["keys", "create", "--name", "rotated"]).await?;
    let second = node.json(&["vkeys", "create", "--name", "rotated"]).await?;
    let rest = node.rest().await?;
    let refused = rest.delete(KEY).await?;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
    ensure!(refused.refusal()?.contains("has 2 versions"), "{refused:?}");
    let deleted = node
        .ksctl(&["keys", "delete", "--name", "rotated", "--version", "0"])
        .await?;
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    assert_eq!(rest.get(KEY).await?.good()?["id"], second["id"]);
    let renamed = rest.patch(KEY, &json!({"name": "other"})).await?.good()?;
    assert_eq!(renamed["id"], second["id"]);
    assert_eq!(
        rest.delete("vault/keys2/other").await?.status,
        StatusCode::NO_CONTENT,
        "it is the only one"
    );
    Ok(())
}

#[test]
fn a_key_that_both_sides_of_a_partition_rotate_keeps_all_versions_and_has_one_current_everywhere() -> Result<()> {
    on_hosts(async |hosts| {
        let cluster = Cluster::with_hosts(hosts.clone(), 3).await?;
        let [a, b, c] = &cluster.nodes[..] else {
            unreachable!("three nodes")
        };
        let first = a.json(&["keys", "create", "--name", "rotated"]).await?;
        cluster.wait_until_all_have_all().await?;
        let acknowledged = a.rest().await?.post(&format!("{KEY}/versions"), &json!({})).await?;
        assert_eq!(acknowledged.ack.as_deref(), Some("any-1"), "as when a key is made");
        cluster.wait_until_all_have_all().await?;

        hosts.isolate(c)?;
        let mut made = vec![first, acknowledged.good()?];
        for (node, times) in [(a, 1), (b, 1), (c, 2)] {
            for _ in 0..times {
                made.push(
                    node.json(&["vkeys", "create", "--name", "rotated", "--ack", "local"])
                        .await?,
                );
            }
        }
        let mut materials = Vec::new();
        for (version, node) in made.iter().zip([a, a, a, b, c, c]) {
            materials.push(material(&node.rest().await?, &version["id"]).await?);
        }
        hosts.heal()?;
        cluster.wait_until_all_have_all().await?;

        let expected = current_of(&made)?;
        for node in &cluster.nodes {
            let rest = node.rest().await?;
            let listed = rest.get(&format!("{KEY}/versions")).await?.good()?;
            assert_eq!(listed["total"], 6, "on {}: {listed}", node.address);
            assert_eq!(rest.get(KEY).await?.good()?["id"], *expected, "on {}", node.address);
            assert_eq!(ids(&listed)[0], expected, "on {}", node.address);
            for (version, material_then) in made.iter().zip(&materials) {
                assert_eq!(
                    material(&rest, &version["id"]).await?,
                    *material_then,
                    "on {}",
                    node.address
                );
            }
            let next = rest.get("cluster/clashes").await?.good()?;
            assert_eq!(next["total"], 0, "{next}");
        }
        cluster.wait_until_equal().await
    })
}

/// The id of the version that all nodes are to show: the highest number, then the latest, then the highest id.
fn current_of(made: &[Value]) -> Result<&Value> {
    let mut ranked = Vec::new();
    for version in made {
        let key: Key = serde_json::from_value(version.clone())?;
        ranked.push(((key.version, key.created_at, key.id), &version["id"]));
    }
    Ok(ranked
        .into_iter()
        .max_by_key(|(rank, _)| rank.clone())
        .context("versions")?
        .1)
}
