//! Ways not to get an answer, and what each ends with.

use std::net::TcpListener;

use crate::appliance::{Appliance, refusal, state};
use crate::ksctl::User;

#[test]
fn nobody_listening_ends_with_3() {
    // Bound, then let go: a port that nobody has.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let user = User::new().unwrap();
    let ran = user
        .run(&format!("cluster info --url {address} --jwt t --nosslverify"))
        .unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""));
    let text = ran.err.replace(&address.to_string(), "ADDRESS");
    insta::assert_snapshot!(text, @"
    error: cannot reach https://ADDRESS/: Connection refused (os error 111)
    hint: is the appliance running, and is the URL right?
    ");
}

#[test]
fn a_server_that_says_nothing_ends_with_3_after_the_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let user = User::new().unwrap();
    let ran = user
        .run(&format!(
            "cluster info --url {address} --jwt t --nosslverify --timeout 1"
        ))
        .unwrap();
    assert_eq!(ran.code, Some(3));
    let text = ran.err.replace(&address.to_string(), "ADDRESS");
    insta::assert_snapshot!(text, @"
    error: no answer from https://ADDRESS/ within 1 s
    hint: --timeout SECONDS waits longer
    ");
}

#[test]
fn a_certificate_of_nobody_known_ends_with_3_and_names_the_ways_out() {
    let appliance = Appliance::start(|_| state("r", "ready", 1)).unwrap();
    let user = User::of(&appliance).unwrap();
    let ran = user.run("cluster info --nosslverify=false").unwrap();
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("is not trusted"), "{}", ran.err);
    assert!(
        ran.err.contains("--cacert FILE") && ran.err.contains("--nosslverify"),
        "{}",
        ran.err
    );
    assert!(
        appliance.logins().is_empty(),
        "a password went to someone who is not trusted"
    );
}

#[test]
fn a_certificate_of_a_given_ca_is_trusted() {
    let appliance = Appliance::start(|_| state("r", "ready", 1)).unwrap();
    let user = User::of(&appliance).unwrap();
    std::fs::write(user.path("ca.pem"), appliance.certificate()).unwrap();
    let ran = user.run("cluster info --nosslverify=false --cacert ca.pem").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    std::fs::write(user.path("ca.pem"), "no certificate").unwrap();
    let ran = user.run("cluster info --nosslverify=false --cacert ca.pem").unwrap();
    assert_eq!(ran.code, Some(2), "{}", ran.err);
}

#[test]
fn a_refusal_ends_with_1_and_shows_the_words_of_the_appliance() {
    let appliance =
        Appliance::start_bare(|_| refusal(401, "NCERRUnauthorizedAccess: Wrong username or password.")).unwrap();
    let ran = User::of(&appliance).unwrap().run("cluster info").unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    let words = "error: NCERRUnauthorizedAccess: Wrong username or password. (asked https://";
    assert!(ran.err.starts_with(words), "{}", ran.err);
    assert_eq!(appliance.logins().len(), 1, "a wrong password was tried again");
}

#[test]
fn a_redirect_is_not_followed() {
    let appliance = Appliance::start(|_| (307, serde_json::json!({}))).unwrap();
    let ran = User::of(&appliance).unwrap().run("cluster info").unwrap();
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("answered with a redirect (307"), "{}", ran.err);
}

#[test]
fn an_answer_that_makes_no_sense_ends_with_4() {
    let appliance = Appliance::start_bare(|_| (200, serde_json::json!("just a text"))).unwrap();
    let ran = User::of(&appliance).unwrap().run("cluster info").unwrap();
    assert_eq!(ran.code, Some(4), "{}", ran.err);
}

#[test]
fn an_answer_is_shown_as_it_was_sent_indented_by_tabs() {
    let appliance = Appliance::start(|_| state("r", "ready", 3)).unwrap();
    let ran = User::of(&appliance)
        .unwrap()
        .run("--respfmt json cluster info")
        .unwrap();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let expected = "{\n\t\"nodeCount\": 3,\n\t\"nodeID\": \"78f3f9e6b0c14f1e9d52a3c7be713c01\",\n\t\"status\": \
                    {\n\t\t\"code\": \"r\",\n\t\t\"description\": \"ready\"\n\t}\n}\n";
    assert_eq!(ran.out, expected);
}

#[test]
fn global_flags_count_before_and_after_the_command_and_with_either_spelling() {
    let appliance = Appliance::start(|_| state("r", "ready", 3)).unwrap();
    let (url, user) = (appliance.url(), User::new().unwrap());
    for line in [
        format!("--url {url} --user u --password p --nosslverify --timeout 20 cluster info --respfmt json"),
        format!("cluster info --url={url} --user=u --password=p --nosslverify=true --domain=root --auth-domain root"),
    ] {
        let ran = user.run(&line).unwrap();
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.err);
    }
    let domains: Vec<_> = appliance
        .logins()
        .iter()
        .map(|login| login["auth_domain"].clone())
        .collect();
    assert_eq!(domains, [serde_json::Value::Null, "root".into()]);
}

#[test]
fn a_well_cluster_has_an_empty_list_of_errors() {
    let appliance =
        Appliance::start(|_| (200, serde_json::json!({"skip":0,"limit":10,"total":0,"resources":[]}))).unwrap();
    let ran = User::of(&appliance).unwrap().run("cluster errors").unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "[]\n"));
}

#[test]
fn lists_are_asked_for_by_page_and_by_filter() {
    let empty = serde_json::json!({"skip":0,"limit":10,"total":0,"resources":[]});
    let appliance = Appliance::start(move |_| (200, empty.clone())).unwrap();
    let user = User::of(&appliance).unwrap();
    for line in [
        "cluster nodes list --limit 500 --skip 2 --allowlist x",
        "keys list --name a/b --state Pre-Active --respfmt table",
        "keys get --name a/b",
        "keys delete --name 00ff --type id",
        "keys delete --name a --version 0",
        "vkeys create --name a --description b",
        "vkeys list --name a --limit 5 --respfmt table",
        "vkeys get --name a --version 3",
        "vkeys export --name 00ff --type id --version 3",
    ] {
        assert_eq!(user.run(line).unwrap().code, Some(0), "{line}");
    }
    let asked: Vec<_> = appliance.asked().into_iter().map(|request| request.line).collect();
    assert_eq!(
        asked,
        [
            "GET /api/v1/nodes?skip=2&limit=500",
            "GET /api/v1/vault/keys2?name=a%2Fb&state=Pre-Active",
            "GET /api/v1/vault/keys2/a%2Fb?type=name",
            "DELETE /api/v1/vault/keys2/00ff?type=id",
            "DELETE /api/v1/vault/keys2/a?type=name&version=0",
            "POST /api/v1/vault/keys2/a/versions?type=name",
            "GET /api/v1/vault/keys2/a/versions?limit=5&type=name",
            "GET /api/v1/vault/keys2/a?type=name&version=3",
            "POST /api/v1/vault/keys2/00ff/export?type=id&version=3",
        ]
    );
}

#[test]
fn a_proxy_is_named_when_it_was_used_and_not_used_for_excepted_hosts() {
    let appliance = Appliance::start(|_| state("r", "ready", 1)).unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let user = User::of(&appliance).unwrap().with("https_proxy", &nobody.to_string());
    let ran = user.run("cluster info").unwrap();
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    let named = format!("by the proxy http://{nobody}, which https_proxy names: Connection refused");
    assert!(ran.err.contains(&named) && ran.err.contains("NO_PROXY"), "{}", ran.err);
    let ran = user.with("NO_PROXY", "*").run("cluster info").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}
