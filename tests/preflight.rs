//! The pre-flight of a join: every check is listed with what was seen, failures with the way out, and nothing is changed.

use anyhow::{Context as _, Result, ensure};
use keystead::server_version::ServerVersion;
use serde_json::{Value, json};

use crate::harness::cli::Said;
use crate::harness::cluster::fulljoin;
use crate::harness::node::{PASSWORD, PATIENCE};
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::refusals::{is_untouched, join, refused, ticket, with_key};

/// `cluster preflight` of `node`, which would be reached at `host`, asked of `member`, which would be reached at `way`.
async fn preflight(member: &Node, way: &str, node: &Node, host: &str) -> Result<Said> {
    let url = node.url();
    let sides = ["--member", way, "--newnodehost", host, "--newnodeurl", &url];
    let account = ["--newnodeuser", "admin", "--newnodepass", PASSWORD];
    member
        .ksctl(&[["cluster", "preflight"].as_slice(), &sides, &account].concat())
        .await
}

/// Name and outcome of every check.
fn outcomes(report: &Value) -> Vec<(&str, &str)> {
    let checks = report["checks"].as_array().into_iter().flatten();
    checks
        .map(|check| {
            (
                check["name"].as_str().unwrap_or_default(),
                check["outcome"].as_str().unwrap_or_default(),
            )
        })
        .collect()
}

fn check<'a>(report: &'a Value, name: &str) -> Result<&'a Value> {
    let mut checks = report["checks"].as_array().into_iter().flatten();
    checks
        .find(|check| check["name"] == name)
        .with_context(|| format!("no check {name} in {report}"))
}

#[tokio::test]
async fn every_check_is_listed_and_neither_side_is_changed() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let node = with_key(&mut cluster.lab).await?;
    let (way, host) = (cluster.first().address.to_string(), node.address.to_string());

    let report = preflight(cluster.first(), &way, &node, &host).await?.json()?;
    assert_eq!(report["passed"], true, "{report}");
    // Both run the PostgreSQL that the tests run with, which may be older than the fix.
    let number = cluster
        .first()
        .query("select current_setting('server_version_num')")
        .await?;
    let minor = if ServerVersion::of_number(number.parse()?).is_fixed() {
        "passed"
    } else {
        "warning"
    };
    let expected = [
        ("standing", "passed"),
        ("certificate", "passed"),
        ("way to the member", "passed"),
        ("cluster", "passed"),
        ("version", "passed"),
        ("postgresql", minor),
        ("clocks", "passed"),
        ("room", "passed"),
        ("members", "passed"),
        ("disk", "passed"),
        ("way back", "passed"),
        ("hsm", "not-needed"),
        ("licence", "not-needed"),
    ];
    assert_eq!(outcomes(&report), expected, "{report}");
    assert_eq!(check(&report, "room")?["detail"], "it has 1 of 20 nodes");
    is_untouched(&node).await?;
    assert_eq!(cluster.first().links().await?, "", "the ticket was not given back");

    cluster.join(node).await?;
    // One that is in already is told so, and that nothing else was looked at.
    let member = cluster.nodes[1].rest().await?;
    let asked = json!({"cert": "x", "cachain": "x", "mkek_blob": "x", "localNodeHost": host, "memberNodeHost": way});
    let report = member.post("cluster/preflight", &asked).await?.good()?;
    assert_eq!(
        outcomes(&report)[..2],
        [("standing", "failed"), ("certificate", "not-checked")]
    );
    Ok(())
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_with_the_way_out() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let node = with_key(&mut cluster.lab).await?;
    let nobody = cluster.lab.address(200).to_string();
    let (way, host) = (cluster.first().address.to_string(), node.address.to_string());

    let said = preflight(cluster.first(), &way, &node, &nobody).await?;
    ensure!(
        said.code == Some(1) && said.stderr.contains("the node cannot join: way back"),
        "{said:?}"
    );
    let report: Value = serde_json::from_str(&said.stdout)?;
    let back = check(&report, "way back")?;
    assert!(back["detail"].to_string().contains(&nobody), "{report}");
    assert!(back["hint"].to_string().contains("firewall"), "{report}");
    assert_eq!(check(&report, "clocks")?["outcome"], "passed");

    let said = preflight(cluster.first(), &nobody, &node, &host).await?;
    let report: Value = serde_json::from_str(&said.stdout)?;
    assert_eq!(check(&report, "way to the member")?["outcome"], "failed", "{report}");
    assert_eq!(check(&report, "room")?["outcome"], "not-checked", "{report}");

    // A join is refused with the same words, and says them by `fulljoin`.
    let wrong = ticket(cluster.first(), &node, &nobody).await?;
    refused(
        &join(&node, &wrong).await?,
        503,
        back["detail"].as_str().unwrap_or("no detail"),
    )?;
    is_untouched(&node).await?;
    fulljoin(cluster.first(), &node, true).await.map(drop)
}

#[tokio::test]
async fn a_member_that_ends_the_session_in_the_middle_is_asked_again() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let node = with_key(&mut cluster.lab).await?;
    let member = cluster.first();
    let given = ticket(member, &node, &node.address.to_string()).await?;

    member.halt_agent()?;
    let ended = async {
        until("the session of the joining node is ended", PATIENCE, async || {
            let end = "select coalesce(bool_or(pg_terminate_backend(pid)), false)::text from pg_stat_ssl where ssl";
            Ok(member.query(end).await? == "true")
        })
        .await?;
        member.let_agent_go_on()
    };
    let (answer, ended) = tokio::join!(join(&node, &given), ended);
    ended?;
    answer?.good()?;
    node.wait_until_ready().await
}
