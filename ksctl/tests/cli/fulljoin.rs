//! `fulljoin`: the order of its steps, its texts, what it bears and what it does not.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::appliance::{Anyhow, Appliance, Reply, Request, refusal, state, tokens};
use crate::ksctl::{Ran, User};

/// A member of a cluster of one that counts two once `joined` says so.
fn member() -> Anyhow<Appliance> {
    let polls = AtomicUsize::new(0);
    Appliance::start(move |request| match request.line.as_str() {
        // First the check; then the count, which lags behind the new node's own word.
        "GET /api/v1/cluster" => state(
            "r",
            "ready",
            if polls.fetch_add(1, Ordering::SeqCst) < 3 { 1 } else { 2 },
        ),
        "POST /api/v1/nodes" => (200, json!({"cert": "CERT", "cachain": "CHAIN", "mkek_blob": "BLOB"})),
        _ => refusal(404, "NCERRResourceNotFound: Resource not found"),
    })
}

/// The joining node until the join begins; then `after` answers each `GET /v1/cluster`, counted from 0.
fn joiner(after: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Anyhow<Appliance> {
    let polls = AtomicUsize::new(0);
    Appliance::start_bare(move |request| match request.line.as_str() {
        "POST /api/v1/cluster/csr" => (200, json!({"csr": "CSR"})),
        "POST /api/v1/cluster/join" => state("creating", "joining: creating (1/5)", 0),
        "GET /api/v1/cluster" => match polls.fetch_add(1, Ordering::SeqCst) {
            0 => state("none", "not clustered", 0),
            poll => after(poll - 1, request),
        },
        "POST /api/v1/auth/tokens" if request.body.get("password") == Some(&json!("secret")) => tokens("cluster-jwt"),
        "POST /api/v1/auth/tokens" => tokens("old-jwt"),
        _ => refusal(404, "NCERRResourceNotFound: Resource not found"),
    })
}

fn run(member: &Appliance, joiner: &Appliance, more: &str) -> Anyhow<(User, Ran)> {
    let user = User::of(member)?;
    let file = format!(
        "KSCTL_URL: {}\nKSCTL_USERNAME: admin\nKSCTL_PASSWORD: old\n",
        joiner.url()
    );
    std::fs::write(user.path("joiner.yaml"), file)?;
    let line = "cluster fulljoin --member 10.0.0.1 --newnodehost 10.0.0.2 --newnodeconfig joiner.yaml";
    let ran = user.run(&format!("{line} {more}"))?;
    Ok((user, ran))
}

fn progress(rows: u64) -> Reply {
    let body = json!({
        "nodeID": "", "status": {"code": "i", "description": "joining: initial sync (3/5)"},
        "progress": {"stage": "initial sync", "rowsDone": rows, "rowsTotal": 100},
    });
    (200, body)
}

#[test]
fn the_steps_are_told_on_standard_error_and_the_answer_is_the_joins() {
    let (member, joiner) = (member().unwrap(), joiner(|_, _| refusal(500, "not asked")).unwrap());
    let (user, ran) = run(&member, &joiner, "-y").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    insta::assert_snapshot!(ran.err, @"
    Checking if member is ready
    Checking if joining node is ready
    Getting CSR from joining node
    Getting Certificate and CA Chain from member node
    Joining new node to cluster
    ");
    assert!(ran.out.contains("joining: creating (1/5)"), "{}", ran.out);
    let asked: Vec<_> = joiner.asked().into_iter().map(|request| request.line).collect();
    assert_eq!(
        asked,
        [
            "GET /api/v1/cluster",
            "POST /api/v1/cluster/csr",
            "POST /api/v1/cluster/join"
        ]
    );
    let signed = member.asked().pop().unwrap().body;
    assert_eq!(
        signed,
        json!({"csr": "CSR", "newNodeHost": "10.0.0.2", "shared_hsm_partition": false})
    );
    assert!(
        user.file("joiner.yaml").contains("KSCTL_PASSWORD: old"),
        "-y alone must not write the file"
    );
}

#[test]
fn block_tells_each_stage_and_returns_when_the_member_counts_the_node() {
    let joiner = joiner(|poll, _| match poll {
        0 => state("creating", "joining: creating (1/5)", 0),
        1 => state("d", "down", 0),
        2 => refusal(503, "NCERRServiceUnavailable: starting"),
        3 => progress(10),
        4 => progress(90),
        _ => state("r", "ready", 2),
    })
    .unwrap();
    let member = member().unwrap();
    let (_, ran) = run(&member, &joiner, "--block -y").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    insta::assert_snapshot!(ran.err, @"
    Checking if member is ready
    Checking if joining node is ready
    Getting CSR from joining node
    Getting Certificate and CA Chain from member node
    Joining new node to cluster
    joining: creating (1/5)
    joining: initial sync (3/5)
    ");
    assert!(ran.out.contains("\"code\": \"r\""), "{}", ran.out);
    let counts = member
        .asked()
        .into_iter()
        .filter(|request| request.line == "GET /api/v1/cluster")
        .count();
    assert_eq!(counts, 4, "the member was not asked until it counted two");
}

#[test]
fn a_token_that_dies_in_the_middle_is_replaced_with_the_credentials_of_the_cluster() {
    let joiner = joiner(|poll, request| match (poll, request.token.as_str()) {
        (0, "old-jwt") => progress(10),
        (_, "cluster-jwt") => state("r", "ready", 2),
        _ => refusal(401, "NCERRUnauthorizedAccess: Invalid token"),
    })
    .unwrap();
    let (_, ran) = run(&member().unwrap(), &joiner, "--block -y").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let tried: Vec<_> = joiner.logins().iter().map(|login| login["password"].clone()).collect();
    assert_eq!(
        tried,
        ["old", "secret"],
        "the old password must not be tried on the cluster's account"
    );
}

#[test]
fn a_join_that_failed_ends_with_1_and_the_reason() {
    let joiner = joiner(|_, _| {
        let (status, mut body) = state("k", "killed", 0);
        body["status"]["reason"] = "10.0.0.1 does not answer on port 5432".into();
        (status, body)
    })
    .unwrap();
    let (_, ran) = run(&member().unwrap(), &joiner, "--block -y").unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(
        ran.err
            .ends_with("error: the join did not succeed, the node is killed: 10.0.0.1 does not answer on port 5432\n")
    );
}

#[test]
fn a_member_that_cannot_sign_now_is_asked_again() {
    let tries = AtomicUsize::new(0);
    let member = Appliance::start(move |request| match request.line.as_str() {
        "GET /api/v1/cluster" => state("r", "ready", 1),
        _ if tries.fetch_add(1, Ordering::SeqCst) == 0 => refusal(503, "NCERRx: consensus is down: another node joins"),
        _ => (200, json!({"cert": "CERT", "cachain": "CHAIN", "mkek_blob": "BLOB"})),
    })
    .unwrap();
    let (_, ran) = run(&member, &joiner(|_, _| progress(1)).unwrap(), "-y").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        ran.err
            .contains("NCERRx: consensus is down: another node joins; trying again\n"),
        "{}",
        ran.err
    );
}

#[test]
fn a_member_that_is_not_ready_ends_the_join_before_the_joining_node_is_touched() {
    let member = Appliance::start(|_| state("none", "not clustered", 0)).unwrap();
    let joiner = joiner(|_, _| progress(1)).unwrap();
    let (_, ran) = run(&member, &joiner, "-y").unwrap();
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err
            .contains("is not ready: not clustered\nhint: `ksctl cluster new"),
        "{}",
        ran.err
    );
    assert_eq!(joiner.asked(), []);
}

#[test]
fn a_node_that_is_a_member_already_is_left_alone() {
    let joiner = Appliance::start(|_| state("r", "ready", 3)).unwrap();
    let (_, ran) = run(&member().unwrap(), &joiner, "-y").unwrap();
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("cannot join: its status is ready"), "{}", ran.err);
    assert_eq!(joiner.asked().len(), 1);
}

#[test]
fn the_credentials_of_the_cluster_are_written_on_demand() {
    let (user, ran) = run(
        &member().unwrap(),
        &joiner(|_, _| progress(1)).unwrap(),
        "-y --writetoconfig",
    )
    .unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        user.file("joiner.yaml").contains("KSCTL_PASSWORD: secret"),
        "{}",
        user.file("joiner.yaml")
    );
}

#[test]
fn both_questions_are_answered_from_standard_input() {
    let (member, joiner) = (member().unwrap(), joiner(|_, _| progress(1)).unwrap());
    let user = User::of(&member).unwrap();
    let file = format!(
        "KSCTL_URL: {}\nKSCTL_USERNAME: admin\nKSCTL_PASSWORD: old\n",
        joiner.url()
    );
    std::fs::write(user.path("joiner.yaml"), file).unwrap();
    let line = "cluster fulljoin --member 10.0.0.1 --newnodehost 10.0.0.2 --newnodeconfig joiner.yaml";
    let ran = user.run_with(line, "y\ny\n").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let err = ran.err.replace("[y/N] \n", "[y/N]\n");
    insta::assert_snapshot!(err, @"
    When you add a node to a cluster, the existing data of the node is deleted.

    Are you sure want to join? [y/N]
    Checking if member is ready
    Checking if joining node is ready
    Getting CSR from joining node
    Getting Certificate and CA Chain from member node
    Joining new node to cluster
    When a node joins a cluster, the node adopts the credentials of the cluster. Would you like to write the new cluster credentials
    to the provided configuration file? [y/N]
    the credentials of the cluster are in joiner.yaml
    ");
    assert!(user.file("joiner.yaml").contains("KSCTL_PASSWORD: secret"));
}
