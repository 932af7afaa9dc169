//! Several nodes that join at once: each has its place, none fails because another one runs, and there is room for so
//! many nodes and not for one more.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::harness::cluster::{Lab, fulljoin};
use crate::harness::hosts::on_hosts;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::refusals::{is_untouched, join, refused, ticket, with_key};

/// Waits until the node says that it waits, at this place, and that a member lists it so.
async fn waits_at(place: usize, joiner: &Node, member: &Node) -> Result<()> {
    let text = format!("waiting: place {place}");
    until(&format!("{} says {text}", joiner.address), PATIENCE, async || {
        let info = joiner.json(&["cluster", "info"]).await?;
        let listed = listed(member, joiner).await?;
        for status in [&info["status"], &listed["status"]] {
            let reason = status["reason"].as_str().unwrap_or_default();
            ensure!(status["code"] == "creating" && reason.starts_with(&text), "{status}");
        }
        Ok(info["progress"]["place"] == place)
    })
    .await
}

/// What `member` lists of `joiner`.
async fn listed(member: &Node, joiner: &Node) -> Result<Value> {
    let list = member.json(&["cluster", "nodes", "list"]).await?;
    let all = list["resources"].as_array().cloned().unwrap_or_default();
    all.into_iter()
        .find(|one| one["host"] == joiner.address.to_string())
        .with_context(|| format!("{} is not listed: {list}", joiner.address))
}

#[tokio::test]
async fn nodes_that_join_at_once_become_members_one_after_another_in_the_order_they_came() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    cluster.first().json(&["keys", "create", "--name", "before"]).await?;
    let mut first = cluster.lab.node()?;
    first.start_new("join::bootstrapping::halt=return").await?;
    let (second, third) = (cluster.lab.single().await?, cluster.lab.single().await?);

    fulljoin(&cluster.nodes[0], &first, false).await?;
    until("the first one is on its way", PATIENCE, async || {
        Ok(first.json(&["cluster", "info"]).await?["status"]["code"] == "b")
    })
    .await?;
    // Through the other member, and then through the one that has signed already.
    fulljoin(&cluster.nodes[1], &second, false).await?;
    waits_at(2, &second, &cluster.nodes[0]).await?;
    fulljoin(&cluster.nodes[0], &third, false).await?;
    waits_at(3, &third, &cluster.nodes[1]).await?;

    first.kill()?;
    first.start().await?;
    for node in [&first, &second, &third] {
        node.wait_until_ready().await?;
    }
    let order = "select string_agg(host, ' ' order by number) from live.node where number > 2";
    let came = [&first, &second, &third].map(|node| node.address.to_string()).join(" ");
    assert_eq!(cluster.first().query(order).await?, came);
    cluster.nodes.extend([first, second, third]);
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    for node in &cluster.nodes {
        node.json(&["keys", "get", "--name", "before"]).await?;
    }
    Ok(())
}

/// A node that takes part in no cluster of more than three.
async fn of_three_at_most(lab: &mut Lab) -> Result<Node> {
    let mut node = lab.node()?;
    node.configure("[cluster]\nmax_nodes = 3")?;
    node.start_new("").await?;
    Ok(node)
}

#[tokio::test]
async fn of_two_nodes_that_ask_for_the_last_place_one_gets_it_and_nothing_of_the_other_is_touched() -> Result<()> {
    let mut lab = Lab::new()?;
    let (one, two) = (of_three_at_most(&mut lab).await?, of_three_at_most(&mut lab).await?);
    one.json(&["cluster", "new", "--host", &one.address.to_string()])
        .await?;
    let mut cluster = Cluster { nodes: vec![one], lab };
    cluster.join(two).await?;
    let (left, right) = (with_key(&mut cluster.lab).await?, with_key(&mut cluster.lab).await?);

    // Both are signed while there is room, each by another member.
    let for_left = ticket(&cluster.nodes[0], &left, &left.address.to_string()).await?;
    let for_right = ticket(&cluster.nodes[1], &right, &right.address.to_string()).await?;
    let (of_left, of_right) = tokio::join!(join(&left, &for_left), join(&right, &for_right));
    for answer in [of_left?, of_right?] {
        // It may know already that the other one was faster.
        if !answer.status.is_success() {
            refused(&answer, 409, "the cluster is full")?;
        }
    }
    let (winner, loser) = one_is_in(left, right).await?;
    let reason = loser.json(&["cluster", "info"]).await?["status"].clone();
    if reason["code"] == "k" {
        assert!(
            reason["reason"]
                .to_string()
                .contains("the cluster is full: it has 3 of 3 nodes"),
            "{reason}"
        );
        loser.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
    }
    is_untouched(&loser).await?;
    cluster.nodes.push(winner);
    cluster.wait_until_linked().await?;

    // The next one is not even signed.
    let csr = loser.json(&["cluster", "csr"]).await?["csr"].clone();
    let asked = serde_json::json!({"csr": csr, "newNodeHost": loser.address.to_string()});
    for member in &cluster.nodes[..2] {
        let answer = member.rest().await?.post("nodes", &asked).await?;
        refused(&answer, 409, "the cluster is full: it has 3 of 3 nodes")?;
    }
    for member in &cluster.nodes {
        let links = member.links().await?;
        assert_eq!(
            links.split_whitespace().filter(|word| *word == "role").count(),
            2,
            "{links}"
        );
    }
    cluster.wait_until_equal().await
}

/// Waits until one of two nodes is ready and the other is not going to be.
async fn one_is_in(left: Node, right: Node) -> Result<(Node, Node)> {
    let mut codes = [String::new(), String::new()];
    until("one of the two is ready", PATIENCE, async || {
        for (code, node) in codes.iter_mut().zip([&left, &right]) {
            let info = node.json(&["cluster", "info"]).await?;
            info["status"]["code"].as_str().unwrap_or_default().clone_into(code);
        }
        let ready = codes.iter().filter(|code| *code == "r").count();
        let out = codes
            .iter()
            .filter(|code| ["k", "none"].contains(&code.as_str()))
            .count();
        ensure!((ready, out) == (1, 1), "{codes:?}");
        Ok(true)
    })
    .await?;
    Ok(if codes[0] == "r" { (left, right) } else { (right, left) })
}

/// Three nodes, of which the third holds a key of its own making that all have.
async fn three_with_a_key() -> Result<Cluster> {
    let cluster = Cluster::new(3).await?;
    cluster.nodes[2]
        .json(&["keys", "create", "--name", "by-the-third"])
        .await?;
    cluster.wait_until_equal().await?;
    Ok(cluster)
}

/// The fourth node is ready; the third comes back: links, keys and digests are as if it had never been away.
async fn the_third_is_back(mut cluster: Cluster, fourth: Node, mut third: Node) -> Result<()> {
    fourth.json(&["keys", "create", "--name", "by-the-fourth"]).await?;
    cluster.nodes.push(fourth);
    for node in &cluster.nodes {
        node.json(&["keys", "get", "--name", "by-the-third"]).await?;
    }

    third.start().await?;
    cluster.nodes.push(third);
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    // The way from the one that was away to the new one is a link like every other.
    cluster.nodes[3].json(&["keys", "create", "--name", "back"]).await?;
    until("what the third one writes now is on the fourth", PATIENCE, async || {
        cluster.nodes[2].json(&["keys", "get", "--name", "back"]).await?;
        Ok(true)
    })
    .await?;
    for name in ["meanwhile", "by-the-fourth"] {
        cluster.nodes[3].json(&["keys", "get", "--name", name]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_node_joins_while_a_member_is_down_and_is_linked_with_it_when_that_is_back() -> Result<()> {
    let mut cluster = three_with_a_key().await?;
    let mut third = cluster.nodes.remove(2);
    third.kill_everything().await?;
    cluster.first().json(&["keys", "create", "--name", "meanwhile"]).await?;

    let fourth = cluster.lab.single().await?;
    let answer = fulljoin(cluster.first(), &fourth, true).await?;
    ensure!(answer["status"]["code"] == "r", "the join ended with {answer}");
    the_third_is_back(cluster, fourth, third).await
}

#[tokio::test]
async fn a_join_goes_on_without_a_member_that_dies_in_the_middle_of_it() -> Result<()> {
    let mut cluster = three_with_a_key().await?;
    let mut third = cluster.nodes.remove(2);
    let mut fourth = cluster.lab.node()?;
    fourth.start_new("join::initial_sync::halt=return").await?;
    fulljoin(cluster.first(), &fourth, false).await?;
    until("every member keeps its changes for the fourth", PATIENCE, async || {
        Ok(fourth.logged().contains("halted by a fail point"))
    })
    .await?;
    third.kill_everything().await?;
    cluster.first().json(&["keys", "create", "--name", "meanwhile"]).await?;

    fourth.kill()?;
    fourth.start().await?;
    fourth.wait_until_ready().await?;
    the_third_is_back(cluster, fourth, third).await
}

/// The members that are asked do not reach each other, so neither hears from the other of the node it takes in.
#[test]
fn the_last_place_is_given_once_by_members_that_do_not_hear_each_other() -> Result<()> {
    on_hosts(async |hosts| {
        let mut cluster = Cluster::with_hosts(hosts.clone(), 3).await?;
        for member in &mut cluster.nodes {
            member.stop().await?;
            member.configure("[cluster]\nmax_nodes = 4")?;
            member.start().await?;
        }
        cluster.wait_until_linked().await?;
        let (left, right) = (cluster.lab.single().await?, cluster.lab.single().await?);
        let for_left = ticket(&cluster.nodes[0], &left, &left.address.to_string()).await?;
        let for_right = ticket(&cluster.nodes[1], &right, &right.address.to_string()).await?;
        hosts.cut_both(&cluster.nodes[0], &cluster.nodes[1])?;

        let (of_left, of_right) = tokio::join!(join(&left, &for_left), join(&right, &for_right));
        of_left?;
        of_right?;
        // No more than one is given a number, whatever each of the two members hears.
        let recorded = async |member: &Node| {
            let count = "select count(*)::text from live.node where state in ('joining', 'ready') and number > 3";
            member.query(count).await
        };
        until("one of the two is refused", PATIENCE, async || {
            let mut refused = 0;
            for node in [&left, &right] {
                let status = node.json(&["cluster", "info"]).await?["status"].clone();
                refused += usize::from(["k", "none"].contains(&status["code"].as_str().unwrap_or_default()));
            }
            for member in &cluster.nodes {
                let recorded = recorded(member).await?;
                ensure!(recorded != "2", "{} has recorded both", member.address);
            }
            Ok(refused == 1)
        })
        .await?;

        hosts.heal()?;
        let (winner, loser) = one_is_in(left, right).await?;
        loser.ksctl(&["cluster", "delete", "-y"]).await.ok();
        cluster.nodes.push(winner);
        cluster.wait_until_linked().await?;
        cluster.wait_until_equal().await
    })
}
