//! The three steps of a join with files and with pipes, and the questions of commands that destroy.

use serde_json::json;

use crate::appliance::{Appliance, Reply, Request, refusal, state};
use crate::ksctl::User;

const CSR: &str = "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n";

fn answer(request: &Request) -> Reply {
    match request.line.as_str() {
        "POST /api/v1/cluster/csr" => (200, json!({ "csr": CSR })),
        "POST /api/v1/nodes" => (
            201,
            json!({"cert": "CERT\n", "cachain": "CHAIN\n", "mkek_blob": "BLOB"}),
        ),
        "POST /api/v1/cluster/join" => state("creating", "joining: creating (1/5)", 0),
        "GET /api/v1/nodes" => (
            200,
            json!({"skip": 0, "limit": 256, "total": 1, "resources": [
                {"nodeID": "78f3f9e6b0c14f1e9d52a3c7be713c02", "id": "78f3f9e6b0c14f1e9d52a3c7be713c02",
                 "status": {"code": "r", "description": "ready"}, "host": "node-2", "port": 5432, "state": "streaming",
                 "isThisNode": false, "publicAddress": "", "rowVersion": 1}]}),
        ),
        line if line.starts_with("DELETE") => (204, serde_json::Value::Null),
        _ => refusal(404, "NCERRResourceNotFound: Resource not found"),
    }
}

fn joined(appliance: &Appliance) -> serde_json::Value {
    appliance.asked().pop().map(|request| request.body).unwrap_or_default()
}

fn expected_join() -> serde_json::Value {
    json!({"cert": "CERT\n", "cachain": "CHAIN\n", "mkek_blob": "BLOB", "localNodeHost": "10.0.0.2",
        "memberNodeHost": "10.0.0.1", "blocking": false})
}

#[test]
fn the_three_steps_work_with_files() {
    let appliance = Appliance::start(answer).unwrap();
    let user = User::of(&appliance).unwrap();
    let ran = user.run("cluster csr --host 10.0.0.2 --csrfile node.csr").unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{}", ran.err);
    assert_eq!(user.file("node.csr"), CSR);
    let ran = user
        .run("cluster nodes create --host 10.0.0.2 --csrfile node.csr --shared-hsm-partition")
        .unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let expected = json!({"csr": CSR, "newNodeHost": "10.0.0.2", "shared_hsm_partition": true});
    assert_eq!(appliance.asked().pop().unwrap().body, expected);
    std::fs::write(user.path("ticket.json"), ran.out).unwrap();
    let line = "cluster join --host 10.0.0.2 --member 10.0.0.1 --ticketfile ticket.json";
    let ran = user.run_with(line, "y\n").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(joined(&appliance), expected_join());
    insta::assert_snapshot!(ran.err, @"
    When you add a node to a cluster, the existing data of the node is deleted.

    Are you sure want to join? [y/N]
    ");
}

#[test]
fn the_three_steps_work_with_pipes() {
    let appliance = Appliance::start(answer).unwrap();
    let user = User::of(&appliance).unwrap();
    for csr in ["cluster csr --host 10.0.0.2", "cluster csr --raw"] {
        let request = user.run(csr).unwrap().out;
        let ticket = user
            .run_with("cluster nodes create --newnodehost 10.0.0.2 --csrfile -", &request)
            .unwrap()
            .out;
        let line = "cluster join --host 10.0.0.2 --member 10.0.0.1 --ticketfile - -y";
        let ran = user.run_with(line, &ticket).unwrap();
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!(joined(&appliance), expected_join());
    }
}

#[test]
fn the_parts_of_the_ticket_may_be_given_one_by_one() {
    let appliance = Appliance::start(answer).unwrap();
    let user = User::of(&appliance).unwrap();
    std::fs::write(user.path("cert.pem"), "CERT\n").unwrap();
    std::fs::write(user.path("ca.pem"), "CHAIN\n").unwrap();
    let line = "cluster join --host 10.0.0.2 --member 10.0.0.1 --port 6432 --memberport 7432 --certfile cert.pem \
                --cafile ca.pem --mkek-blob BLOB --public-address https://n2 -y";
    let ran = user.run(line).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut expected = expected_join();
    expected["localNodePort"] = 6432.into();
    expected["memberNodePort"] = 7432.into();
    expected["localNodePublicAddress"] = "https://n2".into();
    assert_eq!(joined(&appliance), expected);
}

#[test]
fn without_a_yes_nothing_that_destroys_is_sent() {
    let appliance = Appliance::start(answer).unwrap();
    let user = User::of(&appliance).unwrap();
    let ticket = json!({"cert": "C", "cachain": "C", "mkek_blob": "B"}).to_string();
    std::fs::write(user.path("ticket.json"), ticket).unwrap();
    for line in [
        "cluster join --host a --member b --ticketfile ticket.json",
        "cluster fulljoin --member a --newnodehost b --newnodeurl c --newnodeuser d --newnodepass e",
        "cluster delete",
        "cluster nodes delete --id 78f3f9e6b0c14f1e9d52a3c7be713c01 --force",
    ] {
        for (input, hint) in [("n\n", false), ("\n", false), ("", true)] {
            let ran = user.run_with(line, input).unwrap();
            assert_eq!(
                (ran.code, ran.out.as_str()),
                (Some(1), ""),
                "{line} with {input:?}: {}",
                ran.err
            );
            assert_eq!(
                ran.err.contains("hint: -y answers yes"),
                hint,
                "{line} with {input:?}: {}",
                ran.err
            );
        }
    }
    assert_eq!(appliance.asked(), []);
}

#[test]
fn a_yes_lets_a_removal_through() {
    let appliance = Appliance::start(answer).unwrap();
    let user = User::of(&appliance).unwrap();
    let ran = user.run_with("cluster nodes delete --id node-2", "Y\n").unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{}", ran.err);
    insta::assert_snapshot!(ran.err, @"
    WARNING: this removes the node node-2 (78f3f9e6b0c14f1e9d52a3c7be713c02) from the cluster. It can come back only by joining again.

    Are you really sure you want to continue? [y/N]
    ");
    assert_eq!(
        user.run("cluster nodes delete --id 78f3f9e6b0c14f1e9d52a3c7be713c02 --force -y")
            .unwrap()
            .code,
        Some(0)
    );
    assert_eq!(user.run("cluster delete --yes").unwrap().code, Some(0));
    let asked: Vec<_> = appliance.asked().into_iter().map(|request| request.line).collect();
    let expected = [
        "GET /api/v1/nodes",
        "DELETE /api/v1/nodes/78f3f9e6b0c14f1e9d52a3c7be713c02",
        "DELETE /api/v1/nodes/78f3f9e6b0c14f1e9d52a3c7be713c02?force=true",
        "DELETE /api/v1/cluster",
    ];
    assert_eq!(asked, expected);
}
