//! What clients ask of keys is done as asked, or refused by name: nothing is taken and dropped.

use anyhow::{Context as _, Result};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::cluster::Lab;
use crate::harness::node::PASSWORD;
use crate::harness::rest::Rest;
use crate::refusals::refused;

async fn made(rest: &Rest, body: Value) -> Result<String> {
    let key = rest.post("vault/keys2", &body).await?.good()?;
    Ok(key["id"].as_str().context("an id")?.to_owned())
}

async fn found(rest: &Rest, query: &str) -> Result<Vec<String>> {
    let list = rest.get(&format!("vault/keys2?limit=0&{query}")).await?.good()?;
    let names = list["resources"].as_array().into_iter().flatten();
    let version = |key: &Value| format!("{}-{}", key["name"].as_str().unwrap_or_default(), key["version"]);
    Ok(names.map(version).collect())
}

#[tokio::test]
async fn what_is_asked_of_a_key_is_done_or_refused_by_name() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let rest = node.rest().await?;
    material_is_given_out_as_asked_or_not_at_all(&rest).await?;
    what_protects_a_key_is_changed_where_that_is_safe(&rest).await?;
    a_key_is_found_by_every_name_that_it_is_shown_with(&rest).await?;
    a_list_is_what_was_asked_for(&rest).await?;
    let nothing_to_do = rest.delete("cluster").await?;
    assert_eq!(nothing_to_do.status, StatusCode::NO_CONTENT);
    Ok(())
}

async fn material_is_given_out_as_asked_or_not_at_all(rest: &Rest) -> Result<()> {
    let material = "AAECAwQFBgcICQoLDA0ODw==";
    let key = made(
        rest,
        json!({"name": "imported", "material": material, "encoding": "base64", "id": "", "labels": {}}),
    )
    .await?;
    let export = format!("vault/keys2/{key}/export");
    for (body, expected) in [
        (json!({"encoding": "base64"}), material),
        (
            json!({"format": "raw", "wrapKeyName": ""}),
            "000102030405060708090a0b0c0d0e0f",
        ),
    ] {
        assert_eq!(rest.post(&export, &body).await?.good()?["material"], expected, "{body}");
    }
    for (field, body) in [
        ("wrapKeyName", json!({"wrapKeyName": "kek"})),
        ("wrapPublicKey", json!({"wrapPublicKey": "-----BEGIN PUBLIC KEY-----"})),
        ("format pkcs8", json!({"format": "pkcs8"})),
        ("encoding pem", json!({"encoding": "pem"})),
    ] {
        let answer = rest.post(&export, &body).await?;
        assert!(!answer.body.to_string().contains("material"), "{}", answer.body);
        refused(&answer, 501, &format!("{field} is not built"))?;
    }
    for (field, body) in [
        (
            "activationDate",
            json!({"name": "later", "activationDate": "2999-01-01T00:00:00Z"}),
        ),
        ("state Pre-Active", json!({"name": "later", "state": "Pre-Active"})),
        ("emptyMaterial", json!({"name": "later", "emptyMaterial": true})),
        ("xts", json!({"name": "later", "xts": true})),
    ] {
        refused(
            &rest.post("vault/keys2", &body).await?,
            501,
            &format!("{field} is not built"),
        )?;
    }
    assert_eq!(found(rest, "name=later").await?, Vec::<String>::new());
    Ok(())
}

async fn what_protects_a_key_is_changed_where_that_is_safe(rest: &Rest) -> Result<()> {
    let key = made(rest, json!({"name": "guarded", "undeletable": true})).await?;
    let path = format!("vault/keys2/{key}");
    assert!(!rest.delete(&path).await?.status.is_success());
    let shown = rest
        .patch(&path, &json!({"undeletable": false, "unexportable": true}))
        .await?
        .good()?;
    assert_eq!(
        (&shown["undeletable"], &shown["unexportable"]),
        (&json!(false), &json!(true))
    );
    refused(
        &rest
            .patch(&path, &json!({"unexportable": false, "description": "d"}))
            .await?,
        409,
        "that is not taken back",
    )?;
    assert_eq!(
        rest.get(&path).await?.good()?["description"],
        "",
        "nothing of a refused change is made"
    );
    refused(
        &rest.post(&format!("{path}/export"), &json!({})).await?,
        403,
        "may not leave the system",
    )?;
    refused(
        &rest.patch(&path, &json!({"labels": {"a": "b"}})).await?,
        501,
        "labels is not built",
    )?;
    assert_eq!(rest.delete(&path).await?.status, StatusCode::NO_CONTENT);
    Ok(())
}

async fn a_key_is_found_by_every_name_that_it_is_shown_with(rest: &Rest) -> Result<()> {
    let first = made(rest, json!({"name": "sought"})).await?;
    let second = rest.post("vault/keys2/sought/versions", &json!({})).await?.good()?;
    for id in [json!(first), second["id"].clone()] {
        let id = id.as_str().unwrap_or_default();
        let uuid = rest.get(&format!("vault/keys2/{id}")).await?.good()?["uuid"].clone();
        let uuid = uuid.as_str().context("a UUID")?;
        for query in [format!("{uuid}?type=uuid"), uuid.to_owned(), format!("{id}?type=id")] {
            assert_eq!(
                rest.get(&format!("vault/keys2/{query}")).await?.good()?["id"],
                id,
                "{query}"
            );
        }
        let newest = rest.get(&format!("vault/keys2/{id}?version=-1")).await?.good()?;
        assert_eq!(newest["id"], second["id"]);
    }
    for kind in ["alias", "muid"] {
        let answer = rest.get(&format!("vault/keys2/sought?type={kind}")).await?;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{kind}");
    }
    Ok(())
}

async fn a_list_is_what_was_asked_for(rest: &Rest) -> Result<()> {
    for (query, expected) in [
        ("name=sought", vec!["sought-0", "sought-1"]),
        ("name=sought&version=-1", vec!["sought-1"]),
        ("name=sought&version=0", vec!["sought-0"]),
        ("name=sought&sort=name", vec!["sought-1", "sought-0"]),
        ("version=-1&sort=-name", vec!["sought-1", "imported-0"]),
        ("sort=-createdAt", vec!["sought-1", "sought-0", "imported-0"]),
        ("size=128", vec!["imported-0"]),
        ("objectType=Public+Key", vec![]),
        ("curveid=secp384r1", vec![]),
        ("labels_query=a%3Db", vec![]),
        ("usageMask=1", vec![]),
    ] {
        assert_eq!(found(rest, query).await?, expected, "{query}");
    }
    refused(&rest.get("vault/keys2?sort=colour").await?, 400, "sort is one of")
}

#[tokio::test]
async fn whoever_means_another_account_is_not_let_in_and_a_form_is_taken_as_json_is() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let rest = Rest::new(&node.url(), &node.rest_certificate())?;
    let form = format!("grant_type=password&username=admin&password={PASSWORD}");
    assert_eq!(rest.post_form("auth/tokens", &form).await?, StatusCode::OK);
    for (field, good, bad) in [
        ("connection", "local_account", "ldap"),
        ("auth_domain", "root", "sales"),
        ("auth_domain_path", "/", "/sales"),
        ("domain", "root", "sales"),
    ] {
        for (value, expected) in [
            ("", StatusCode::OK),
            (good, StatusCode::OK),
            (bad, StatusCode::UNAUTHORIZED),
        ] {
            let body = json!({"username": "admin", "password": PASSWORD, field: value});
            assert_eq!(
                rest.post("auth/tokens", &body).await?.status,
                expected,
                "{field} {value:?}"
            );
        }
    }
    Ok(())
}
