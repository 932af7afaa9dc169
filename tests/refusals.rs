//! Bad input: told clearly, with nothing lost.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use keystead::NodeNumber;
use keystead::clock::Micros;
use keystead::join::preflight::MemberFacts;
use keystead::peer::Reply;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sql::call;
use tokio_postgres::Config;

use crate::harness::cluster::Lab;
use crate::harness::node::PATIENCE;
use crate::harness::rest::{Answer, Rest};
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::removal::revoked;

/// Is `answer` a refusal with this status whose text holds `text`?
pub(crate) fn refused(answer: &Answer, status: u16, text: &str) -> Result<()> {
    let said = answer.refusal()?;
    ensure!(
        answer.status == status && said.contains(text),
        "{} {said:?} is not {status} {text:?}",
        answer.status
    );
    Ok(())
}

/// A node with a key of its own, which must survive every refusal.
pub(crate) async fn with_key(lab: &mut Lab) -> Result<Node> {
    let node = lab.single().await?;
    node.json(&["keys", "create", "--name", "own"]).await?;
    Ok(node)
}

/// The node is in no cluster and has its key.
pub(crate) async fn is_untouched(node: &Node) -> Result<()> {
    let info = node.json(&["cluster", "info"]).await?;
    assert_eq!(info["status"]["code"], "none", "{info}");
    node.json(&["keys", "get", "--name", "own"]).await?;
    assert_eq!(node.links().await?, "");
    Ok(())
}

async fn csr(node: &Rest, host: &str) -> Result<Value> {
    Ok(node
        .post("cluster/csr", &json!({"localNodeHost": host}))
        .await?
        .good()?["csr"]
        .clone())
}

/// Has `member` sign a request of `node` for `host`; the body of the join that follows.
pub(crate) async fn ticket(member: &Node, node: &Node, host: &str) -> Result<Value> {
    let csr = csr(&node.rest().await?, host).await?;
    let mut body = member
        .rest()
        .await?
        .post("nodes", &json!({"csr": csr, "newNodeHost": host}))
        .await?
        .good()?;
    body["localNodeHost"] = host.into();
    body["memberNodeHost"] = member.address.to_string().into();
    Ok(body)
}

pub(crate) async fn join(node: &Node, body: &Value) -> Result<Answer> {
    node.rest().await?.post("cluster/join", body).await
}

#[tokio::test]
async fn a_request_that_is_no_good_is_not_signed() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let node = cluster.lab.single().await?;
    let (member, host) = (cluster.first().rest().await?, node.address.to_string());
    let good = csr(&node.rest().await?, &host).await?;
    let good = good.as_str().unwrap_or_default();
    let sign = async |csr: &str| member.post("nodes", &json!({"csr": csr, "newNodeHost": host})).await;

    refused(&sign("").await?, 400, "csr is missing")?;
    refused(&sign("not PEM").await?, 400, "PEM")?;
    refused(&sign(&tampered(good)).await?, 400, "not signed by its own key")?;
    refused(&sign(&asking_for_ca_rights()?).await?, 400, "authority")?;
    refused(&sign(&"A".repeat(1 << 20)).await?, 413, "")?;
    refused(&sign(&"A".repeat(1 << 19)).await?, 400, "")?;
    let listed = cluster.first().json(&["cluster", "nodes", "list"]).await?;
    assert_eq!(listed["total"], 1, "{listed}");
    sign(good).await?.good().map(drop)
}

/// The request with one byte of its signature changed.
fn tampered(csr: &str) -> String {
    let mut lines: Vec<String> = csr.lines().map(str::to_owned).collect();
    let last = lines.len().saturating_sub(2);
    if let Some(line) = lines.get_mut(last) {
        let changed = if line.starts_with('A') { "B" } else { "A" };
        line.replace_range(..1, changed);
    }
    lines.join("\n")
}

fn asking_for_ca_rights() -> Result<String> {
    let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)?;
    Ok(params.serialize_request(&key)?.pem()?)
}

#[tokio::test]
async fn a_ticket_is_good_for_one_cluster_one_key_and_one_time() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let node = with_key(&mut cluster.lab).await?;
    let member = cluster.first();
    let host = node.address.to_string();

    let other = Cluster::new(1).await?;
    let mut foreign = ticket(other.first(), &node, &host).await?;
    foreign["memberNodeHost"] = member.address.to_string().into();
    refused(&join(&node, &foreign).await?, 403, "not of this cluster")?;

    let for_an_older_key = ticket(member, &node, &host).await?;
    csr(&node.rest().await?, &host).await?;
    refused(&join(&node, &for_an_older_key).await?, 403, "made for another key")?;

    let mut mixed = ticket(member, &node, &host).await?;
    mixed["mkek_blob"] = for_an_older_key["mkek_blob"].clone();
    refused(
        &join(&node, &mixed).await?,
        403,
        "the sealed master key was made for another key",
    )?;

    let expired = ticket(member, &node, &host).await?;
    member
        .db("keystead_local")
        .await?
        .execute("update ticket set not_after = now() - interval '1 s'", &[])
        .await?;
    expired_is_refused(&node, &expired).await?;
    is_untouched(&node).await?;
    let serial = certs::Identity::from_pem(expired["cert"].as_str().unwrap_or_default())?.serial;
    until("its certificate is revoked", PATIENCE, async || {
        Ok(revoked(member)?.contains(&serial.to_uppercase()))
    })
    .await?;
    another_authority_is_refused(member, &node).await?;
    is_untouched(&node).await?;

    used_twice(&mut cluster, node).await
}

#[tokio::test]
async fn a_ticket_is_good_at_the_member_that_gave_it_and_at_no_other() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let node = with_key(&mut cluster.lab).await?;
    let given = ticket(&cluster.nodes[0], &node, &node.address.to_string()).await?;
    let mut elsewhere = given.clone();
    elsewhere["memberNodeHost"] = cluster.nodes[1].address.to_string().into();
    refused(&join(&node, &elsewhere).await?, 403, "answers in the place of node")?;
    is_untouched(&node).await?;
    join(&node, &given).await?.good()?;
    node.wait_until_ready().await
}

/// A member stops letting the holder of an old ticket in when it looks after its links the next time. Until then it tells
/// the ticket's age when the join asks for a place.
async fn expired_is_refused(node: &Node, ticket: &Value) -> Result<()> {
    let answer = join(node, ticket).await?;
    if answer.status == StatusCode::UNAUTHORIZED {
        return refused(&answer, 401, "does not admit this node");
    }
    if answer.status == StatusCode::FORBIDDEN {
        return refused(&answer, 403, "refuses this node's certificate: it was revoked");
    }
    answer.good()?;
    until("the join has failed for the ticket's age", PATIENCE, async || {
        let status = node.json(&["cluster", "info"]).await?["status"].clone();
        let reason = status["reason"].to_string();
        ensure!(
            status["code"] == "k"
                && ["expired", "does not admit", "it was revoked"]
                    .iter()
                    .any(|text| reason.contains(text)),
            "{status}"
        );
        Ok(true)
    })
    .await?;
    node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
    Ok(())
}

/// Somebody adds an authority of their own on the way.
async fn another_authority_is_refused(member: &Node, node: &Node) -> Result<()> {
    let good = ticket(member, node, &node.address.to_string()).await?;
    let (chain, cert) = (text_of(&good, "cachain"), text_of(&good, "cert"));
    let ours = certs::Identity::from_pem(&cert)?;
    let added = certs::Authority::create(&ours.cluster_id, ours.not_before, ours.not_after)?;
    for (chain, status, why) in [
        (
            chain.clone() + added.cert_pem(),
            403,
            "is not the one that the member gave",
        ),
        (
            added.cert_pem().to_owned() + &chain,
            403,
            "is not the one that the member gave",
        ),
        (chain.clone() + &chain, 400, "the same certificate twice"),
        (chain.clone() + &cert, 400, "not that of a certificate authority"),
    ] {
        let mut body = good.clone();
        body["cachain"] = chain.into();
        refused(&join(node, &body).await?, status, why)?;
    }
    Ok(())
}

fn text_of(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_host_that_means_this_machine_is_refused_unless_all_nodes_are_on_it() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.node()?;
    node.forbid_loopback()?;
    node.start_new("").await?;
    let rest = node.rest().await?;
    for host in [
        node.address.to_string().as_str(),
        "localhost",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "127.1",
    ] {
        let body = json!({"localNodeHost": host});
        for path in ["cluster/new", "cluster/csr"] {
            refused(
                &rest.post(path, &body).await?,
                400,
                "localNodeHost means another machine on every node",
            )?;
        }
    }
    let request = csr(&rest, "10.0.0.1").await?;
    for (local, member, field) in [
        ("::1", "10.0.0.1", "localNodeHost"),
        ("10.0.0.2", "localhost", "memberNodeHost"),
    ] {
        let body =
            json!({"cert": "c", "cachain": "c", "mkek_blob": "m", "localNodeHost": local, "memberNodeHost": member});
        refused(&rest.post("cluster/join", &body).await?, 400, field)?;
    }
    // Of a cluster of one, the address is asked of nobody.
    rest.post("cluster/new", &json!({"localNodeHost": "10.0.0.1"}))
        .await?
        .good()?;
    let body = json!({"csr": request, "newNodeHost": "127.0.0.1"});
    refused(
        &rest.post("nodes", &body).await?,
        400,
        "newNodeHost means another machine on every node",
    )
}

/// A ticket that was spent opens nothing, also not for the node that spent it.
async fn used_twice(cluster: &mut Cluster, node: Node) -> Result<()> {
    let used = ticket(cluster.first(), &node, &node.address.to_string()).await?;
    let pending = node.data().join("pending/node.key");
    let key = std::fs::read(&pending)?;
    join(&node, &used).await?.good()?;
    node.wait_until_ready().await?;
    let id = node.json(&["cluster", "info"]).await?["nodeID"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    cluster
        .first()
        .ksctl(&["cluster", "nodes", "delete", "--id", &id, "-y"])
        .await?
        .text()?;
    until("the node knows that it was removed", PATIENCE, async || {
        Ok(node.json(&["cluster", "info"]).await?["status"]["code"] != "r")
    })
    .await?;
    node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
    refused(
        &join(&node, &used).await?,
        409,
        "no certificate request was made on this node",
    )?;

    // Somebody kept the key: the ticket is no good all the same.
    std::fs::write(&pending, key)?;
    std::fs::set_permissions(&pending, std::fs::Permissions::from_mode(0o600))?;
    refused(&join(&node, &used).await?, 403, "refuses this node's certificate")
}

#[tokio::test]
async fn a_side_that_cannot_be_reached_is_told_before_anything_is_wiped() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let node = with_key(&mut cluster.lab).await?;
    let nobody = cluster.lab.address(200).to_string();

    let mut wrong_member = ticket(cluster.first(), &node, &node.address.to_string()).await?;
    wrong_member["memberNodeHost"] = nobody.clone().into();
    refused(&join(&node, &wrong_member).await?, 503, &nobody)?;
    is_untouched(&node).await?;

    let wrong_self = ticket(cluster.first(), &node, &nobody).await?;
    refused(&join(&node, &wrong_self).await?, 503, &nobody)?;
    is_untouched(&node).await?;

    let mut another_name = ticket(cluster.first(), &node, &node.address.to_string()).await?;
    another_name["localNodeHost"] = nobody.into();
    refused(&join(&node, &another_name).await?, 400, "the certificate is for")?;
    is_untouched(&node).await
}

#[tokio::test]
async fn of_two_requests_at_once_that_would_change_where_a_node_stands_one_is_refused() -> Result<()> {
    let mut lab = Lab::new()?;
    let (first, second) = (lab.single().await?, lab.single().await?);

    let (one, two) = (first.rest().await?, first.rest().await?);
    let host = json!({"localNodeHost": first.address.to_string()});
    let (one, two) = tokio::join!(one.post("cluster/new", &host), two.post("cluster/new", &host));
    one_is_refused(one?, two?, "in a cluster already")?;

    let body = ticket(&first, &second, &second.address.to_string()).await?;
    let (one, two) = (second.rest().await?, second.rest().await?);
    let (one, two) = tokio::join!(one.post("cluster/join", &body), two.post("cluster/join", &body));
    one_is_refused(one?, two?, "joining a cluster already")?;
    second.wait_until_ready().await?;
    assert_eq!(first.json(&["cluster", "nodes", "list"]).await?["total"], 2);
    Ok(())
}

fn one_is_refused(one: Answer, two: Answer, text: &str) -> Result<()> {
    let (good, bad) = if one.status.is_success() {
        (one, two)
    } else {
        (two, one)
    };
    good.good()?;
    refused(&bad, 409, text)
}

#[tokio::test]
async fn a_member_of_another_version_is_not_joined() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let node = with_key(&mut cluster.lab).await?;
    let body = ticket(cluster.first(), &node, &node.address.to_string()).await?;

    // From here on the test answers in place of the member's agent.
    let mut config = Config::new();
    config
        .host_path(cluster.first().data().join("pg-run"))
        .user("keystead")
        .dbname("keystead");
    let member = sql::connect(&config).await?;
    let cluster_id: String = certs::Identity::from_pem(body["cert"].as_str().unwrap_or_default())?.cluster_id;
    cluster.nodes[0].kill()?;
    let old = async {
        until("the joining node asks who this is", PATIENCE, async || {
            let hello = call::pending(&member).await?.pop().context("no call")?;
            let now: i64 = member
                .query_one("select (date_part('epoch', now()) * 1000000)::bigint", &[])
                .await?
                .get(0);
            let facts = MemberFacts {
                others: Vec::new(),
                cluster_id: cluster_id.clone(),
                version: "0.0.1".to_owned(),
                schema: 1,
                now: Micros(now),
                nodes: 1,
                max_nodes: 20,
                members: 1,
                silent: Vec::new(),
                bytes: 0,
                number: NodeNumber::FIRST,
                addresses: BTreeMap::new(),
                ids: BTreeMap::new(),
                postgres: None,
            };
            call::respond(&member, hello.id, &serde_json::to_value(Reply::Ok(facts))?).await?;
            Ok(true)
        })
        .await
    };
    let (answer, answered) = tokio::join!(join(&node, &body), old);
    answered?;
    refused(&answer?, 409, "version mismatch")?;
    is_untouched(&node).await
}

#[tokio::test]
async fn membership_is_not_taken_twice_nor_given_up_by_mistake() -> Result<()> {
    let cluster = Cluster::new(2).await?;
    let (one, two) = (&cluster.nodes[0], &cluster.nodes[1]);
    let id = one.json(&["cluster", "info"]).await?["nodeID"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let rest = one.rest().await?;
    let host = one.address.to_string();

    refused(
        &rest.post("cluster/new", &json!({"localNodeHost": host})).await?,
        409,
        "in a cluster already",
    )?;
    refused(
        &rest.post("cluster/csr", &json!({"localNodeHost": host})).await?,
        409,
        "in a cluster already",
    )?;
    let parts = json!({"cert": "x", "cachain": "x", "mkek_blob": "x", "localNodeHost": host,
                       "memberNodeHost": two.address.to_string()});
    refused(
        &rest.post("cluster/join", &parts).await?,
        409,
        "a member of a cluster already",
    )?;
    refused(&rest.delete(&format!("nodes/{id}")).await?, 409, "")?;
    refused(&rest.delete("cluster").await?, 409, "")?;
    refused(
        &rest.delete("nodes/00000000000000000000000000000000").await?,
        404,
        "Resource not found",
    )?;

    let mut stranger = Rest::new(&one.url(), &one.rest_certificate())?;
    assert!(
        stranger.log_in("admin", "wrong").await.is_err(),
        "a wrong password was accepted"
    );
    refused(&stranger.get("vault/keys2").await?, 401, "NCERRUnauthorizedAccess")?;

    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await
}

#[tokio::test]
async fn a_node_that_cannot_start_says_why() -> Result<()> {
    let mut lab = Lab::new()?;

    let mut without = lab.node()?;
    let nothing = lab.file("nothing", "")?;
    std::fs::remove_file(&nothing)?;
    std::fs::create_dir(&nothing)?;
    without.configure(&format!("bin_dir = \"{nothing}\""))?;
    cannot_start(&mut without, &nothing).await?;

    let mut foreign = lab.node()?;
    std::fs::create_dir_all(foreign.data().join("pg"))?;
    std::fs::write(foreign.data().join("pg/PG_VERSION"), "9.6\n")?;
    cannot_start(&mut foreign, "PG_VERSION").await?;
    std::fs::write(foreign.data().join("pg/PG_VERSION"), "13\n")?;
    cannot_start(&mut foreign, "was made by PostgreSQL 13").await?;

    for port in [5432, 8443] {
        let mut unlucky = lab.node()?;
        let _taken = TcpListener::bind((unlucky.address, port))?;
        let address = format!("{}:{port}", unlucky.address);
        cannot_start(&mut unlucky, &address).await?;
    }
    Ok(())
}

async fn cannot_start(node: &mut Node, because: &str) -> Result<()> {
    node.spawn("")?;
    let ended = tokio::time::timeout(Duration::from_secs(30), node.wait_until_it_ends()).await??;
    let words = node.last_words();
    ensure!(
        matches!(ended.code(), Some(1 | 2)) && words.contains(because),
        "{ended}, not because of {because}: {words}"
    );
    ensure!(words.contains("hint"), "no way out is told: {words}");
    Ok(())
}
