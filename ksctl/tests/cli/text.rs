//! What the program says of itself, and of command lines it does not understand.

use crate::ksctl::User;

#[test]
fn the_help_shows_the_tree() {
    let ran = User::new().unwrap().run("--help").unwrap();
    assert_eq!(ran.code, Some(0));
    insta::assert_snapshot!(ran.out, @"
    The command line of a Keystead cluster

    Usage: ksctl [OPTIONS] <COMMAND>

    Commands:
      cluster      Make, join, watch and leave a cluster
      alarms       Show what is wrong, and say that somebody takes care of it
      metrics      Say whether Prometheus may scrape, and show what it gets
      keys         Make, list and delete keys
      vkeys        Rotate keys, and show their versions
      backup       Make, restore and move backups of a node
      backupkeys   Make and move the keys that open backups
      login        Log in and keep the session, so that later commands need no credentials
      version      Show the versions of this program and of the appliance
      system       Show what an appliance is
      services     Show how the services of an appliance are
      deploy       Print what a machine needs beside the node
      completions  Print the completions for a shell
      man          Write the man pages
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Global options:
          --url <URL>             The appliance, such as `https://node-1`; the scheme may be left out
          --user <NAME>           The account
          --password <PASSWORD>   Its password; asked for at a terminal when it is not given anywhere
          --jwt <TOKEN>           A bearer token, in place of user and password
          --nosslverify[=<BOOL>]  Do not check the certificate of the appliance
          --cacert <FILE>         Check the certificate of the appliance against this CA alone
          --timeout <SECONDS>     Seconds one request may take [default: 30]
          --domain <NAME>         The domain to work in
          --auth-domain <NAME>    The domain the account belongs to
          --connection <NAME>     The connection the account comes from
          --configfile <FILE>     A file of settings that counts for more than the environment
          --respfmt <FORMAT>      How answers are shown [default: json] [possible values: json, table]
      -y, --yes                   Answer every question with yes
    ");
}

#[test]
fn the_help_of_clusters_shows_the_steps_of_a_join() {
    let ran = User::new().unwrap().run("cluster --help").unwrap();
    let commands = ran.out.split("Options:").next().unwrap();
    insta::assert_snapshot!(commands, @"
    Make, join, watch and leave a cluster

    Usage: ksctl cluster [OPTIONS] <COMMAND>

    Commands:
      new           Make a cluster of this node alone; its data stays
      info          Show the state of this node and how many nodes there are
      csr           Make a key and a certificate request on a node that is to join (step 1 of 3)
      join          Join this node to a cluster, deleting its data (step 3 of 3; `nodes create` is step
                    2)
      fulljoin      Join another node to the cluster of this one, in one step
      preflight     Make every check of such a join and show them as a list, without joining
      delete        Free a removed node, end a join that runs, or dissolve a cluster of one
      summary       Show what every node says of every other
      errors        Show what is wrong between the nodes; `[]` when nothing is
      links         Show what this node's links are made of, what is missing, and what was done about it
                    and why
      ack           Show or set who must have a write before it is acknowledged
      lanes         Show or set how many workers apply what one node sends
      wait          Return when every member has everything that this node has now, or after --timeout
      verify        Compare this node's data with that of every other and name the rows that differ
      clashes       Show names that several keys or accounts have, since parts of the cluster were apart
      orphans       Show what a removed node wrote and no member has
      certificates  Show and renew the certificates between nodes
      rotate-ca     Exchange the certificate authority for a new one, while everything goes on
      nodes         Sign, list and remove nodes
      help          Print this message or the help of the given subcommand(s)
    ");
}

#[test]
fn an_unknown_flag_is_told_in_the_words_that_wrappers_look_for() {
    let ran = User::new().unwrap().run("cluster info --limit 500").unwrap();
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @"
    error: unknown flag: --limit
    hint: --help lists the flags of a command
    ");
}

#[test]
fn a_flag_that_is_nearly_right_is_told_with_the_right_one() {
    let ran = User::new().unwrap().run("cluster new --hots node-1").unwrap();
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @"
    error: unknown flag: --hots
    hint: there is a similar one: --host
    ");
}

#[test]
fn a_missing_url_is_told_with_the_ways_to_give_one() {
    let ran = User::new().unwrap().run("cluster info").unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    insta::assert_snapshot!(ran.err, @"
    error: no URL of an appliance is given
    hint: give --url https://HOST, set KSCTL_URL, or run `ksctl login` once
    ");
}

#[test]
fn a_missing_user_is_told_with_the_ways_to_give_one() {
    let ran = User::new()
        .unwrap()
        .run("cluster info --url 127.0.0.1:1 --nosslverify")
        .unwrap();
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @"
    error: no user is given for https://127.0.0.1:1/
    hint: give --user, set KSCTL_USERNAME, or log in again: `ksctl login --url URL --user USER`
    ");
}

#[test]
fn a_missing_password_is_told_with_the_ways_to_give_one() {
    let ran = User::new()
        .unwrap()
        .run("cluster info --url 127.0.0.1:1 --user admin --nosslverify")
        .unwrap();
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @"
    error: no password is given, and there is no terminal to ask at
    hint: give --password, set KSCTL_PASSWORD, or run `ksctl login` once
    ");
}

#[test]
fn plain_http_is_refused() {
    let ran = User::new().unwrap().run("cluster info --url http://127.0.0.1").unwrap();
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @r#"
    error: "http://127.0.0.1" is not an https URL
    hint: appliances speak TLS only
    "#);
}

#[test]
fn a_named_file_that_does_not_exist_is_told() {
    let ran = User::new()
        .unwrap()
        .run("cluster info --configfile /nonexistent/c.yaml")
        .unwrap();
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @"
    error: the configuration file /nonexistent/c.yaml does not exist
    hint: `ksctl login --configfile FILE` makes one
    ");
}

#[test]
fn half_an_order_for_a_join_is_told_before_anything_is_asked() {
    let user = User::new().unwrap();
    let ran = user
        .run("cluster join --host a --member b --cert C -y --url 127.0.0.1:1")
        .unwrap();
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @"
    error: --cachain or --cafile is missing
    hint: --ticketfile takes all that `ksctl cluster nodes create` printed at once
    ");
    let ran = user.run("cluster fulljoin --member a --newnodehost b").unwrap();
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("--newnodeconfig"), "{}", ran.err);
}

#[test]
fn a_command_that_others_have_is_not_supported_and_a_slip_is_a_slip() {
    let user = User::new().unwrap();
    let ran = user.run("--timeout 5 users list --limit 3").unwrap();
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @"
    error: `ksctl users` is not supported
    hint: docs/not-built.md lists what is not supported, `ksctl --help` what is
    ");
    for (line, command) in [
        ("services restart --service-names web -y", "services restart"),
        ("system info set --name x", "system info set"),
        ("keys modify --name x", "keys modify"),
        ("backup scp", "backup scp"),
    ] {
        let ran = user.run(line).unwrap();
        assert!(
            ran.err
                .starts_with(&format!("error: `ksctl {command}` is not supported")),
            "{}",
            ran.err
        );
        assert_eq!(ran.code, Some(2));
    }
    let ran = user.run("clutser info").unwrap();
    assert!(ran.err.contains("'cluster'"), "{}", ran.err);
}
