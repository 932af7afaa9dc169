//! What people meet at a terminal: tables that fit, colours, watching, and passwords that are asked for.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::appliance::{Appliance, Reply, Request, refusal, state, tokens};
use crate::ksctl::User;

fn nodes(request: &Request) -> Reply {
    if !request.line.starts_with("GET /api/v1/nodes") {
        return refusal(404, "NCERRResourceNotFound: Resource not found");
    }
    let node = |number: u8, code: &str, description: &str| {
        let id = format!("{number:02}f3f9e6b0c14f1e9d52a3c7be713c02");
        json!({"nodeID": id, "id": id, "status": {"code": code, "description": description}, "port": 5432,
            "host": format!("node-{number}.example.com"), "state": "streaming", "isThisNode": false,
            "publicAddress": format!("https://keystead-{number}.example.com"), "rowVersion": 1})
    };
    let resources = [node(1, "r", "ready"), node(2, "d", "down")];
    (
        200,
        json!({"skip": 0, "limit": 256, "total": 2, "resources": resources}),
    )
}

#[test]
fn a_table_is_as_wide_as_the_terminal_and_bad_states_are_red() {
    let appliance = Appliance::start(nodes).unwrap();
    let user = User::of(&appliance).unwrap();
    let line = "cluster nodes list --respfmt table";
    let (code, shown) = user.at_terminal(70, line).unwrap().end().unwrap();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("\u{1b}[1m\u{1b}[31mdown\u{1b}[0m"), "{shown:?}");
    assert!(shown.contains("left out: "), "{shown}");

    let user = user.with("NO_COLOR", "1");
    let (_, shown) = user.at_terminal(70, line).unwrap().end().unwrap();
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    let rows = shown.lines().filter(|line| !line.starts_with("left out"));
    assert!(
        rows.clone().count() == 3 && rows.clone().all(|row| row.chars().count() <= 70),
        "{shown}"
    );

    // In a pipe nothing is lost.
    let piped = user.run(line).unwrap().out;
    assert!(
        piped.contains("02f3f9e6b0c14f1e9d52a3c7be713c02") && piped.contains("https://keystead-2.example.com"),
        "{piped}"
    );
    assert!(!piped.contains('\u{1b}'), "{piped:?}");
}

#[test]
fn whatever_shows_something_shows_a_table_and_what_another_command_reads_stays_json() {
    let appliance = Appliance::start(|request| match request.line.as_str() {
        "POST /api/v1/cluster/csr" => (200, json!({"csr": "-----BEGIN"})),
        _ => state("r", "ready", 3),
    })
    .unwrap();
    let user = User::of(&appliance).unwrap().with("KSCTL_RESP", "table");
    for line in [
        "cluster info",
        "cluster ack get",
        "cluster certificates list",
        "backup status",
        "keys get --name a",
    ] {
        let ran = user.run(line).unwrap();
        assert!(
            ran.code == Some(0) && ran.out.starts_with("FIELD"),
            "{line}: {} {}",
            ran.out,
            ran.err
        );
    }
    // What has a table of its own is an error rather than JSON when the answer is another one.
    let ran = user.run("cluster links").unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (Some(4), ""), "{}", ran.err);
    let ran = user.run("cluster csr --host a").unwrap();
    assert!(ran.out.starts_with('{'), "{}", ran.out);
}

#[test]
fn a_list_is_watched_in_place_with_one_login_until_q() {
    let looks = AtomicUsize::new(0);
    let appliance = Appliance::start(move |request| match looks.fetch_add(1, Ordering::SeqCst) {
        1 => refusal(503, "NCERRServiceUnavailable: starting"),
        _ => nodes(request),
    })
    .unwrap();
    let user = User::of(&appliance).unwrap();
    let mut terminal = user.at_terminal(90, "cluster nodes list --watch=1").unwrap();
    terminal.wait_for("\u{1b}[2J\u{1b}[H").unwrap();
    terminal.wait_for("node-2.example.com").unwrap();
    terminal.wait_for("q ends").unwrap();
    // A look that fails is shown, and the next one is good again.
    terminal.wait_for("NCERRServiceUnavailable: starting").unwrap();
    terminal.wait_for("node-2.example.com").unwrap();
    terminal.press("q").unwrap();
    assert_eq!(terminal.end().unwrap().0, Some(0));
    assert_eq!(appliance.logins().len(), 1, "each look logged in");
}

#[test]
fn a_watch_that_is_interrupted_ends_with_130_and_one_without_a_terminal_does_not_begin() {
    let appliance = Appliance::start(|_| state("r", "ready", 2)).unwrap();
    let user = User::of(&appliance).unwrap();
    let mut terminal = user.at_terminal(80, "cluster info --watch").unwrap();
    terminal.wait_for("status.code").unwrap();
    terminal.wait_for("q ends").unwrap();
    terminal.press("\u{3}").unwrap();
    assert_eq!(terminal.end().unwrap().0, Some(130));
    let ran = user.run("cluster info --watch").unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("--watch needs a terminal"), "{}", ran.err);
}

#[test]
fn a_join_that_is_watched_goes_on_when_the_user_leaves() {
    let appliance = Appliance::start(|_| state("i", "joining: initial sync (3/5)", 0)).unwrap();
    let user = User::of(&appliance).unwrap();
    let ticket = json!({"cert": "C", "cachain": "C", "mkek_blob": "B"}).to_string();
    std::fs::write(user.path("ticket.json"), ticket).unwrap();
    let line = "cluster join --host a --member b --ticketfile ticket.json -y --watch";
    let mut terminal = user.at_terminal(80, line).unwrap();
    terminal.wait_for("initial sync").unwrap();
    terminal.press("q").unwrap();
    let (code, shown) = terminal.end().unwrap();
    assert_eq!(code, Some(130), "{shown}");
    assert!(shown.contains("the join goes on"), "{shown}");
    let ran = user.run(line).unwrap();
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    let joins = appliance
        .asked()
        .iter()
        .filter(|request| request.line.contains("join"))
        .count();
    assert_eq!(joins, 1, "a join that cannot be watched was begun");
}

#[test]
fn a_new_password_is_asked_for_twice_and_again_until_it_is_good() {
    let appliance = Appliance::start_bare(|request| match request.body["password"].as_str() {
        Some("admin") if request.line.starts_with("PATCH") => (200, json!({"username": "admin", "row_version": 2})),
        Some("admin") => refusal(403, "NCERRForbidden: the password must be changed before anything else"),
        _ => tokens("jwt-1"),
    })
    .unwrap();
    let user = User::new().unwrap();
    let line = format!(
        "login --url {} --user admin --password admin --nosslverify",
        appliance.url()
    );
    let mut terminal = user.at_terminal(120, &line).unwrap();
    terminal
        .wait_for("the new password must have 8 to 1024 characters")
        .unwrap();
    for (prompt, typed) in [
        ("new password", "weak\n"),
        ("must have 8 to 1024", ""),
        ("new password", "Fresh-1-pass\n"),
        ("new password again", "Fresh-1-pass\n"),
    ] {
        terminal.wait_for(prompt).unwrap();
        if !typed.is_empty() {
            terminal.wait_for_secrecy().unwrap();
            terminal.press(typed).unwrap();
        }
    }
    let (code, shown) = terminal.end().unwrap();
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(appliance.logins().pop().unwrap()["password"], "Fresh-1-pass");
}

#[test]
fn a_full_join_offers_to_change_the_first_password_of_the_joining_node() {
    let member = Appliance::start(|_| state("r", "ready", 1)).unwrap();
    let joiner = Appliance::start_bare(|request| match request.body["password"].as_str() {
        Some("admin") if request.line.starts_with("PATCH") => (200, json!({"username": "admin", "row_version": 2})),
        Some("admin") => refusal(403, "NCERRForbidden: the password must be changed before anything else"),
        Some(_) => tokens("jwt-1"),
        None => refusal(409, "NCERRConflict: far enough"),
    })
    .unwrap();
    let user = User::of(&member).unwrap();
    let line = format!(
        "cluster fulljoin --member a --newnodehost b --newnodeurl {} --newnodeuser admin --newnodepass admin -y",
        joiner.url()
    );
    let mut terminal = user.at_terminal(120, &line).unwrap();
    terminal
        .wait_for("the new password must have 8 to 1024 characters")
        .unwrap();
    for prompt in ["new password", "new password again"] {
        terminal.wait_for(prompt).unwrap();
        terminal.wait_for_secrecy().unwrap();
        terminal.press("Fresh-1-pass\n").unwrap();
    }
    terminal
        .wait_for(&format!("the password of admin at {}/ was changed", joiner.url()))
        .unwrap();
    let (code, shown) = terminal.end().unwrap();
    assert!(code == Some(1) && shown.contains("far enough"), "{shown}");
    assert_eq!(joiner.logins().pop().unwrap()["password"], "Fresh-1-pass");
}
