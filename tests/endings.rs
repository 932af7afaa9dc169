//! How keys end: revoked, destroyed, each step once and none back. That no merge takes them back: `check`.

use anyhow::{Context as _, Result};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::cluster::Lab;

#[tokio::test]
async fn a_key_is_revoked_then_destroyed_and_its_material_is_gone() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let made = node.json(&["keys", "create", "--name", "mortal"]).await?;
    let refused = node.ksctl(&["keys", "destroy", "--name", "mortal"]).await?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("revoke it first"), "{refused:?}");

    let revoked = node
        .json(&["keys", "revoke", "--name", "mortal", "--reason", "KeyCompromise"])
        .await?;
    assert_eq!(revoked["state"], "Compromised");
    assert!(
        revoked["rowVersion"].as_i64() > made["rowVersion"].as_i64(),
        "{revoked}"
    );
    let destroyed = node.json(&["keys", "destroy", "--name", "mortal"]).await?;
    assert_eq!(destroyed["state"], "Destroyed Compromised");
    assert_eq!(
        destroyed["sha256Fingerprint"], made["sha256Fingerprint"],
        "what is said of it stays"
    );

    let rest = node.rest().await?;
    let id = made["id"].as_str().context("an id")?;
    for (action, body) in [
        ("export", json!({})),
        ("destroy", json!({})),
        ("revoke", json!({"reason": "Superseded"})),
    ] {
        let refused = rest.post(&format!("vault/keys2/{id}/{action}"), &body).await?;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{action}: {refused:?}");
    }
    assert_eq!(
        node.query("select (wrapped is null)::text from public.key").await?,
        "true"
    );
    Ok(())
}

#[tokio::test]
async fn what_may_not_be_deleted_is_not_destroyed_and_a_reason_has_to_be_known() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    node.json(&["keys", "create", "--name", "kept", "--nodelete"]).await?;
    let rest = node.rest().await?;
    let revoke = async |reason: Value| rest.post("vault/keys2/kept/revoke", &json!({"reason": reason})).await;
    assert_eq!(revoke("Boredom".into()).await?.status, StatusCode::BAD_REQUEST);
    assert_eq!(revoke(Value::Null).await?.status, StatusCode::BAD_REQUEST);
    assert_eq!(revoke("Superseded".into()).await?.good()?["state"], "Deactivated");
    let refused = rest.post("vault/keys2/kept/destroy", &json!({})).await?;
    assert!(refused.refusal()?.contains("undeletable"), "{refused:?}");
    Ok(())
}
