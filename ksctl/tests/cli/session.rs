//! Logging in, staying logged in, and what is kept where.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::appliance::{Appliance, Reply, Request, refusal, state, tokens};
use crate::ksctl::User;

const CONFIG: &str = ".ksctl/config.yaml";

fn ready(_: &Request) -> Reply {
    state("r", "ready", 1)
}

/// A token whose own claim says when it ends.
fn jwt(exp: u64) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(json!({ "exp": exp }).to_string()))
}

#[test]
fn after_a_login_later_commands_need_no_credentials() {
    let appliance = Appliance::start(ready).unwrap();
    let user = User::new().unwrap();
    let line = format!(
        "login --url {} --user admin --password secret --nosslverify -y",
        appliance.url()
    );
    let ran = user.run(&line).unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{}", ran.err);
    let ran = user.run("cluster info --respfmt json").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(appliance.asked()[0].token, "jwt-1");
    assert_eq!(appliance.logins().len(), 1);
    let config = user.file(CONFIG);
    assert!(
        config.contains("KSCTL_JWT: jwt-1") && config.contains("KSCTL_REFRESH_TOKEN: refresh-jwt-1"),
        "{config}"
    );
    assert!(!config.contains("secret"), "the password was stored: {config}");
}

#[test]
fn a_token_that_has_ended_is_replaced_by_the_refresh_token_without_being_sent() {
    let appliance = Appliance::start(ready).unwrap();
    let user = User::new().unwrap();
    let ended = jwt(1_000_000_000);
    let config = format!(
        "KSCTL_URL: {}\nKSCTL_JWT: {ended}\nKSCTL_REFRESH_TOKEN: r\n",
        appliance.url()
    );
    std::fs::write(user.path("c.yaml"), config).unwrap();
    let ran = user.run("cluster info --configfile c.yaml --nosslverify").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(appliance.logins()[0]["grant_type"], "refresh_token");
    assert_eq!(appliance.logins()[0]["refresh_token"], "r");
    assert_eq!(
        appliance
            .asked()
            .iter()
            .map(|request| request.token.as_str())
            .collect::<Vec<_>>(),
        ["jwt-1"]
    );
}

#[test]
fn a_refused_token_is_replaced_once() {
    let appliance = Appliance::start(|request| {
        if request.token == "jwt-1" {
            ready(request)
        } else {
            refusal(401, "NCERRUnauthorizedAccess: Invalid token")
        }
    })
    .unwrap();
    let user = User::new().unwrap();
    let good = jwt(99_999_999_999);
    let config = format!(
        "KSCTL_URL: {}\nKSCTL_JWT: {good}\nKSCTL_REFRESH_TOKEN: r\n",
        appliance.url()
    );
    std::fs::write(user.path("c.yaml"), config).unwrap();
    let ran = user.run("cluster info --configfile c.yaml --nosslverify").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let sent: Vec<_> = appliance.asked().into_iter().map(|request| request.token).collect();
    assert_eq!(sent, [good, "jwt-1".to_owned()]);
}

#[test]
fn a_refresh_token_that_is_refused_gives_way_to_the_password() {
    let appliance = Appliance::start_bare(|request| match request.body["grant_type"].as_str() {
        Some("refresh_token") => refusal(401, "NCERRUnauthorizedAccess: Token has been revoked"),
        Some(_) => tokens("jwt-2"),
        None => ready(request),
    })
    .unwrap();
    let user = User::new().unwrap();
    let config = format!(
        "KSCTL_URL: {}\nKSCTL_USERNAME: admin\nKSCTL_PASSWORD: secret\nKSCTL_REFRESH_TOKEN: r\n",
        appliance.url()
    );
    std::fs::write(user.path("c.yaml"), config).unwrap();
    let ran = user.run("cluster info --configfile c.yaml --nosslverify").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(appliance.asked()[0].token, "jwt-2");
}

#[test]
fn an_appliance_that_gives_no_tokens_while_it_joins_is_watched_with_the_old_one() {
    let appliance = Appliance::start_bare(|request| match request.body["grant_type"].as_str() {
        Some(_) => refusal(503, "NCERRServiceUnavailable: this node is joining a cluster"),
        None => ready(request),
    })
    .unwrap();
    let user = User::new().unwrap();
    // {"exp":0}
    let old = "e30.eyJleHAiOjB9.c2ln";
    let config = format!(
        "KSCTL_URL: {}\nKSCTL_JWT: {old}\nKSCTL_REFRESH_TOKEN: r\n",
        appliance.url()
    );
    std::fs::write(user.path("c.yaml"), config).unwrap();
    let ran = user.run("cluster info --configfile c.yaml --nosslverify").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(appliance.asked()[0].token, old);
}

#[test]
fn a_session_that_has_ended_says_how_to_begin_another() {
    let appliance = Appliance::start_bare(|_| refusal(401, "NCERRUnauthorizedAccess: Invalid token")).unwrap();
    let user = User::new()
        .unwrap()
        .with("KSCTL_URL", &appliance.url())
        .with("KSCTL_NOSSLVERIFY", "true");
    let ran = user.run("cluster info --jwt old").unwrap();
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.err, @"
    error: NCERRUnauthorizedAccess: Invalid token
    hint: log in again: `ksctl login --url URL --user USER`
    ");
}

#[test]
fn a_first_password_is_changed_on_the_way_in() {
    let appliance = Appliance::start_bare(|request| match request.body["password"].as_str() {
        Some("admin") if request.line.starts_with("PATCH") => (200, json!({"username": "admin", "row_version": 2})),
        Some("admin") => refusal(403, "NCERRForbidden: the password must be changed before anything else"),
        _ => tokens("jwt-1"),
    })
    .unwrap();
    let user = User::new().unwrap();
    let login = format!(
        "login --url {} --user admin --password admin --nosslverify",
        appliance.url()
    );
    let ran = user.run(&login).unwrap();
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("--new-password"), "{}", ran.err);
    let ran = user.run(&format!("{login} --new-password Fresh-1-pass")).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let changed = appliance.asked().pop().unwrap();
    assert_eq!(changed.line, "PATCH /api/v1/auth/changepw");
    assert_eq!(
        changed.body,
        json!({"username": "admin", "password": "admin", "new_password": "Fresh-1-pass"})
    );
    assert_eq!(appliance.logins().pop().unwrap()["password"], "Fresh-1-pass");
}

#[test]
fn the_session_of_another_appliance_is_not_overwritten_without_a_yes() {
    let (one, two) = (Appliance::start(ready).unwrap(), Appliance::start(ready).unwrap());
    let user = User::new().unwrap();
    let login = |to: &Appliance| format!("login --url {} --user admin --password secret --nosslverify", to.url());
    assert_eq!(user.run(&login(&one)).unwrap().code, Some(0));
    let before = user.file(CONFIG);
    for answer in ["", "n\n"] {
        let ran = user.run_with(&login(&two), answer).unwrap();
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.err.contains("Overwrite it? [y/N]"), "{}", ran.err);
    }
    assert_eq!(user.file(CONFIG), before);
    assert!(two.logins().is_empty());
    assert_eq!(
        user.run(&login(&one)).unwrap().code,
        Some(0),
        "the same appliance needs no yes"
    );
    assert_eq!(user.run_with(&login(&two), "y\n").unwrap().code, Some(0));
    assert!(user.file(CONFIG).contains(&two.url()));
}

#[test]
fn the_order_of_places_is_flag_then_named_file_then_environment_then_home() {
    let appliance = Appliance::start(ready).unwrap();
    let user = User::of(&appliance).unwrap();
    std::fs::create_dir(user.path(".ksctl")).unwrap();
    std::fs::write(user.path(CONFIG), "KSCTL_USERNAME: home\nKSCTL_DOMAIN: home\n").unwrap();
    std::fs::write(user.path("c.yaml"), "KSCTL_USERNAME: named\nKSCTL_PASSWORD: p\n").unwrap();
    for line in [
        "cluster info",
        "cluster info --configfile c.yaml",
        "cluster info --configfile c.yaml --user flag --password p",
    ] {
        assert_eq!(user.run(line).unwrap().code, Some(0), "{line}");
    }
    let names: Vec<_> = appliance
        .logins()
        .iter()
        .map(|login| login["username"].clone())
        .collect();
    assert_eq!(names, ["admin", "named", "flag"]);
    assert_eq!(appliance.logins()[0]["domain"], "home");
}

#[test]
fn the_version_is_told_with_and_without_an_appliance() {
    let info = json!({"name": "n", "version": "9.9.9", "version_suffix": "null", "model": "Keystead", "vendor": "Keystead",
        "crypto_version": "c", "uptime": "u", "system_time": "t", "postgres_version": "15"});
    let appliance = Appliance::start(move |_| (200, info.clone())).unwrap();
    let ran = User::of(&appliance).unwrap().run("version").unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "{{\n\t\"version\": \"{version}\",\n\t\"server_model\": \"Keystead\",\n\t\"server_version\": \"9.9.9\"\n}}\n"
    );
    assert_eq!((ran.code, ran.out), (Some(0), expected));
    let ran = User::new().unwrap().run("version").unwrap();
    assert_eq!(
        (ran.code, ran.out),
        (Some(0), format!("{{\n\t\"version\": \"{version}\"\n}}\n"))
    );
    assert!(
        ran.err.contains("the version of the appliance is not known"),
        "{}",
        ran.err
    );
}

#[test]
fn the_services_of_an_appliance_are_told_without_a_login() {
    let appliance = Appliance::start(|_| (200, json!({"status": "started", "services": []}))).unwrap();
    let user = User::new().unwrap();
    let ran = user
        .run(&format!("services status --url {} --nosslverify", appliance.url()))
        .unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(appliance.logins().is_empty());
}

#[test]
fn a_reset_names_the_node_that_it_asks_about() {
    let appliance = Appliance::start(|request| match request.line.as_str() {
        "GET /api/v1/system/info" => (
            200,
            json!({"name": "north", "version": "1", "version_suffix": "", "model": "m", "vendor": "v",
                   "crypto_version": "c", "uptime": "u", "system_time": "t", "postgres_version": "15"}),
        ),
        _ => (200, json!({"status": "resetting", "delay": 5})),
    })
    .unwrap();
    let user = User::of(&appliance).unwrap();
    let ran = user.run_with("services reset", "n\n").unwrap();
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("everything on the node north"), "{}", ran.err);
    assert!(!appliance.asked().iter().any(|request| request.line.contains("reset")));

    let confirmed = |line: &str| {
        let ran = user.run(line).unwrap();
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        appliance.asked().pop().unwrap().body
    };
    assert_eq!(confirmed("services reset -y"), json!({"confirm": "north"}));
    let named = confirmed("services reset --delay 9 --node south -y");
    assert_eq!(named, json!({"delay": 9, "confirm": "south"}));
}

#[test]
fn a_refused_login_names_where_each_part_came_from() {
    let appliance =
        Appliance::start_bare(|_| refusal(401, "NCERRUnauthorizedAccess: Wrong username or password")).unwrap();
    let user = User::new().unwrap().with("KSCTL_PASSWORD", "of another node");
    std::fs::write(user.path("c.yaml"), "KSCTL_USERNAME: admin\n").unwrap();
    let line = format!("login --url {} --configfile c.yaml --nosslverify", appliance.url());
    let ran = user.run(&line).unwrap();
    assert_eq!(ran.code, Some(1));
    assert_eq!(
        ran.err.replace(&appliance.url(), "URL"),
        "error: NCERRUnauthorizedAccess: Wrong username or password (asked URL/ from --url, as \"admin\" from \
         KSCTL_USERNAME in c.yaml, with the password from KSCTL_PASSWORD in the environment)\n"
    );
}

#[test]
fn a_password_that_was_changed_is_said_to_be_although_the_session_cannot_be_kept() {
    let appliance = Appliance::start_bare(|request| match request.body["password"].as_str() {
        Some("admin") if request.line.starts_with("PATCH") => (200, json!({"username": "admin", "row_version": 2})),
        Some("admin") => refusal(403, "NCERRForbidden: the password must be changed before anything else"),
        _ => tokens("jwt-1"),
    })
    .unwrap();
    let user = User::new().unwrap();
    // A home that cannot be written, for root too.
    std::fs::write(user.path(".ksctl"), "in the way").unwrap();
    let line = "--user admin --password admin --nosslverify --new-password Fresh-1-pass";
    let ran = user.run(&format!("login --url {} {line}", appliance.url())).unwrap();
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    let both = format!(
        "error: the password of admin at {}/ was changed, but: cannot write ",
        appliance.url()
    );
    assert!(ran.err.contains(&both), "{}", ran.err);
}
