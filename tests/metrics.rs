//! What Prometheus gets: read as it reads it, with the token alone, on every node.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::harness::cluster::Lab;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

const PATH: &str = "api/v1/system/metrics/prometheus";

/// What a scrape with this token is answered: status, type, text.
async fn scrape(node: &Node, token: &str) -> Result<(u16, String, String)> {
    let trusted = reqwest::Certificate::from_pem(&std::fs::read(node.rest_certificate())?)?;
    let client = reqwest::Client::builder().tls_certs_only([trusted]).build()?;
    let answer = client
        .get(format!("{}/{PATH}", node.url()))
        .bearer_auth(token)
        .send()
        .await?;
    let kind = answer.headers()["content-type"].to_str()?.to_owned();
    Ok((answer.status().as_u16(), kind, answer.text().await?))
}

/// The text as series and values. Refuses what the format does not allow.
fn parse(text: &str) -> Result<BTreeMap<String, f64>> {
    let (mut series, mut typed) = (BTreeMap::new(), "");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').context("a type")?;
            ensure!(["gauge", "counter"].contains(&kind), "{line}");
            typed = name;
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').with_context(|| format!("no value: {line}"))?;
            let base = name.split('{').next().unwrap_or_default();
            ensure!(base == typed, "{line} is not under its type");
            let is_new = series.insert(name.to_owned(), value.parse()?).is_none();
            ensure!(is_new, "{line} is there twice");
        }
    }
    Ok(series)
}

#[tokio::test]
async fn every_node_tells_of_itself_and_of_the_others_to_whoever_has_the_token() -> Result<()> {
    let cluster = Cluster::new(2).await?;
    let (one, two) = (cluster.first(), &cluster.nodes[1]);
    assert_eq!(scrape(one, "anything").await?.0, 401, "nothing is enabled yet");
    let off = one.json(&["metrics", "prometheus", "status"]).await?;
    assert_eq!(off, json!({"enabled": false, "token": ""}));

    // As one client does it, double slash and body included.
    let body = json!({"id": "", "enabled": true});
    let on = one
        .rest()
        .await?
        .post("/system/metrics/prometheus/enable", &body)
        .await?
        .good()?;
    let token = on["token"].as_str().context("a token")?.to_owned();
    assert_eq!(
        one.json(&["metrics", "prometheus", "enable"]).await?,
        on,
        "twice is once"
    );
    until("the token is good on the other node", PATIENCE, async || {
        Ok(scrape(two, &token).await?.0 == 200)
    })
    .await?;

    for (node, other) in [(one, two), (two, one)] {
        tells_of(node, other, &token).await?;
    }
    let printed = two.ksctl(&["metrics", "prometheus", "get"]).await?.text()?;
    assert!(parse(&printed)?.contains_key("keystead_outbox_bytes"), "{printed}");

    let renewed = two.json(&["metrics", "prometheus", "renew-token"]).await?;
    assert_ne!(renewed["token"], Value::from(token.as_str()));
    until("the old token is refused", PATIENCE, async || {
        Ok(scrape(one, &token).await?.0 == 401)
    })
    .await?;
    let jwt = one.rest().await?;
    assert_eq!(
        jwt.get("system/metrics/prometheus").await?.status,
        401,
        "a log-in is not for scraping"
    );
    Ok(())
}

async fn tells_of(node: &Node, other: &Node, token: &str) -> Result<()> {
    let (status, kind, text) = scrape(node, token).await?;
    assert_eq!(
        (status, kind.as_str()),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    let series = parse(&text)?;
    let of_other = |name: &str| series.get(&format!("{name}{{host=\"{}\"}}", other.address)).copied();
    assert_eq!(of_other("ciphertrust_cluster_connected"), Some(1.0), "{text}");
    assert_eq!(of_other("ciphertrust_cluster_replication_blocked"), Some(0.0), "{text}");
    assert!(
        of_other("ciphertrust_cluster_connect_time").is_some_and(|at| at > 1.7e9),
        "{text}"
    );
    assert!(
        of_other("keystead_slot_left_bytes").is_some_and(|left| left > 1e9),
        "{text}"
    );
    assert_eq!(of_other("keystead_lag_rows"), Some(0.0), "{text}");
    assert_eq!(series.get("keystead_members"), Some(&2.0));
    let days = series.get("keystead_certificate_days_left{certificate=\"node\"}");
    assert!(days.is_some_and(|days| (363.0..=365.0).contains(days)), "{text}");
    let age = series.get("keystead_horizon_age_seconds").copied();
    assert!(age.is_some_and(|age| (0.0..30.0).contains(&age)), "{text}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the Debian package prometheus; takes half a minute"]
async fn a_real_prometheus_scrapes_a_node() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let token = node.json(&["metrics", "prometheus", "enable"]).await?["token"].clone();
    let (address, certificate) = (node.address, node.rest_certificate());
    let config = lab.file(
        "prometheus.yml",
        &format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: keystead\n  scheme: https\n  \
             metrics_path: /{PATH}\n  authorization: {{credentials: {token}}}\n  \
             tls_config: {{ca_file: {}}}\n  static_configs: [{{targets: [\"{address}:8443\"]}}]\n",
            certificate.display()
        ),
    )?;
    let place = lab.address(200);
    let mut prometheus = Command::new("prometheus")
        .args([
            format!("--config.file={config}"),
            format!("--storage.tsdb.path={config}.data"),
            format!("--web.listen-address={place}:9090"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("install it: apt-get install prometheus")?;
    let url = format!("http://{place}:9090/api/v1/query?query=keystead_info");
    let scraped = until("Prometheus has scraped the node", Duration::from_mins(1), async || {
        let answer: Value = serde_json::from_str(&reqwest::get(&url).await?.text().await?)?;
        let result = &answer["data"]["result"][0];
        ensure!(result["metric"]["instance"] == format!("{address}:8443"), "{answer}");
        Ok(result["value"][1] == "1")
    })
    .await;
    prometheus.kill().await?;
    scraped
}
