//! Log-ins: who guesses shuts nobody else out, tokens end with the password, and nobody knows the first one.

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use futures_util::stream;
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::Instant;

use crate::harness::cluster::Lab;
use crate::harness::node::{PASSWORD, PATIENCE};
use crate::harness::rest::Rest;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// Wrong log-ins in all, and at a time.
const WRONG: u16 = 2600;
const AT_A_TIME: usize = 300;

/// Where the administrator sits, who has logged in from there before.
const HOME: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);

/// Wrong passwords that a source may try before it has to wait.
const FREE: usize = 20;

/// What became of wrong log-ins.
#[derive(Default)]
struct Flood {
    begun: AtomicUsize,
    wrong: AtomicUsize,
    put_off: AtomicUsize,
}

impl Flood {
    fn ended(&self) -> usize {
        self.wrong.load(Ordering::SeqCst) + self.put_off.load(Ordering::SeqCst)
    }

    /// One wrong log-in, on a connection of its own.
    async fn try_one(&self, node: &Node, source: Ipv4Addr, account: &str) -> Result<()> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let client = Rest::from_source(source, &node.url(), &node.rest_certificate())?;
        let credentials = json!({"username": account, "password": "wrong"});
        let answer = client.post("auth/tokens", &credentials).await?;
        match answer.status {
            StatusCode::UNAUTHORIZED => self.wrong.fetch_add(1, Ordering::SeqCst),
            StatusCode::TOO_MANY_REQUESTS => {
                ensure!(answer.retry_after >= Some(1), "no Retry-After");
                self.put_off.fetch_add(1, Ordering::SeqCst)
            }
            other => anyhow::bail!("{other}: {}", answer.body),
        };
        Ok(())
    }

    /// All of them: a third from one address for the administrator, a third from many, a third from the administrator's own
    /// address for other accounts.
    async fn run(&self, node: &Node) -> Result<()> {
        let tries = (0..WRONG).map(|number| async move {
            let [high, low] = number.to_be_bytes();
            match number % 3 {
                0 => self.try_one(node, Ipv4Addr::new(127, 0, 2, 1), "admin").await,
                1 => self.try_one(node, Ipv4Addr::new(127, 0, 3 + high, low), "admin").await,
                _ => self.try_one(node, HOME, &format!("other-{number}")).await,
            }
        });
        let mut ended = stream::iter(tries).buffer_unordered(AT_A_TIME);
        while let Some(one) = ended.next().await {
            one?;
        }
        Ok(())
    }
}

/// A right log-in from home, on a connection of its own; how long it took.
async fn right(node: &Node) -> Result<Duration> {
    let began = Instant::now();
    let mut rest = Rest::from_source(HOME, &node.url(), &node.rest_certificate())?;
    rest.log_in("admin", PASSWORD).await?;
    Ok(began.elapsed())
}

/// Right log-ins, one after another, while wrong ones run. What each took.
async fn right_ones_meanwhile(node: &Node, flood: &Flood) -> Result<Vec<Duration>> {
    until("wrong ones are under way", PATIENCE, async || {
        Ok(flood.begun.load(Ordering::SeqCst) >= AT_A_TIME)
    })
    .await?;
    let mut took = Vec::new();
    while flood.ended() < usize::from(WRONG) - AT_A_TIME {
        took.push(right(node).await?);
    }
    Ok(took)
}

/// A node that takes that many connections from one address: what is tried here is what comes after that bound.
async fn open_to_many(lab: &mut Lab) -> Result<Node> {
    let mut node = lab.node()?;
    node.configure_rest_with("max_connections = 8192\nmax_connections_per_source = 4096")?;
    node.start_new("").await?;
    Ok(node)
}

async fn flooded(node: &Node) -> Result<(Flood, Vec<Duration>)> {
    right(node).await?;
    let flood = Flood::default();
    let (ran, took) = tokio::join!(flood.run(node), right_ones_meanwhile(node, &flood));
    ran?;
    Ok((flood, took?))
}

#[tokio::test]
async fn a_right_log_in_from_a_known_source_gets_through_2600_wrong_ones_which_are_put_off_and_told() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = open_to_many(&mut lab).await?;
    let (flood, took) = flooded(&node).await?;
    ensure!(took.len() >= 3, "the wrong ones were over at once: {took:?}");
    let (wrong, put_off) = (flood.wrong.into_inner(), flood.put_off.into_inner());
    assert_eq!(wrong + put_off, usize::from(WRONG));
    ensure!(put_off > usize::from(WRONG) / 2, "only {put_off} were put off");
    // The one address, and home for other accounts, had what is free and little more.
    let checked = |source: Ipv4Addr| {
        let (from, outcome) = (format!("source={source} "), "outcome=\"wrong\"");
        node.logged()
            .lines()
            .filter(|line| line.contains(&from) && line.contains(outcome))
            .count()
    };
    for source in [HOME, Ipv4Addr::new(127, 0, 2, 1)] {
        ensure!(
            (1..=FREE + 10).contains(&checked(source)),
            "{source}: {}",
            checked(source)
        );
    }
    ensure!(
        node.logged()
            .lines()
            .any(|line| line.contains("audit") && line.contains("account=admin") && line.contains("outcome=\"right\""))
    );
    until("many failed log-ins are an alarm", PATIENCE, async || {
        let alarms = node.json(&["alarms", "list", "--state", "on"]).await?;
        let all = alarms["resources"].as_array().cloned().unwrap_or_default();
        Ok(all
            .iter()
            .any(|alarm| alarm["alarm"] == "failed-logins" && alarm["severity"] == "error"))
    })
    .await
}

#[tokio::test]
#[ignore = "measures"]
async fn a_right_log_in_from_a_known_source_takes_less_than_two_seconds_while_2600_wrong_ones_run() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = open_to_many(&mut lab).await?;
    let (_, took) = flooded(&node).await?;
    let longest = took.iter().max().context("none")?;
    ensure!(*longest < Duration::from_secs(2), "{took:?}");
    Ok(())
}

#[tokio::test]
async fn a_strangers_wrong_passwords_lock_the_account_for_strangers_and_not_for_its_known_source() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    right(&node).await?;
    let flood = Arc::new(Flood::default());
    for number in 0..60 {
        flood.try_one(&node, Ipv4Addr::new(127, 0, 4, number), "admin").await?;
    }
    let mut stranger = Rest::from_source(Ipv4Addr::new(127, 0, 5, 1), &node.url(), &node.rest_certificate())?;
    let credentials = json!({"username": "admin", "password": PASSWORD});
    let put_off = stranger.post("auth/tokens", &credentials).await?;
    assert_eq!(put_off.status, StatusCode::TOO_MANY_REQUESTS, "{}", put_off.body);
    // Changing a password is no way around.
    let change = json!({"username": "admin", "password": "wrong", "new_password": "Test-pass-2"});
    assert_eq!(
        stranger.patch("auth/changepw", &change).await?.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    right(&node).await?;
    // Another account is not concerned.
    let refused = stranger
        .log_in("another", "wrong")
        .await
        .err()
        .context("a stranger is in")?;
    ensure!(refused.to_string().contains("401"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_token_ends_with_the_password_and_with_the_account_on_every_node() -> Result<()> {
    let cluster = Cluster::new(2).await?;
    let [one, two] = &cluster.nodes[..] else {
        unreachable!("two nodes")
    };
    let (here, there) = (one.rest().await?, two.rest().await?);
    for rest in [&here, &there] {
        rest.get("vault/keys2").await?.good()?;
    }
    let change = json!({"username": "admin", "password": PASSWORD, "new_password": "Test-pass-2"});
    here.patch("auth/changepw", &change).await?.good()?;
    let refused = here.get("vault/keys2").await?;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    ensure!(
        refused.refusal()?.contains("Token has been revoked"),
        "{}",
        refused.body
    );
    ends(&there).await?;

    let mut again = Rest::new(&one.url(), &one.rest_certificate())?;
    again.log_in("admin", "Test-pass-2").await?;
    let mut elsewhere = Rest::new(&two.url(), &two.rest_certificate())?;
    elsewhere.log_in("admin", "Test-pass-2").await?;
    again.get("cluster").await?.good()?;
    // As another member deletes an account: by a row.
    let delete = "update public.account set deleted = true where username = 'admin' returning id";
    two.query(delete).await?;
    ends(&again).await?;
    ends(&elsewhere).await
}

async fn ends(rest: &Rest) -> Result<()> {
    until("the token is refused", PATIENCE, async || {
        let answer = rest.get("cluster").await?;
        ensure!(
            answer.status.is_success() || answer.status == StatusCode::UNAUTHORIZED,
            "{}",
            answer.body
        );
        Ok(answer.status == StatusCode::UNAUTHORIZED)
    })
    .await
}

#[tokio::test]
async fn the_first_password_is_random_told_by_a_private_file_alone_and_another_one_after_a_reset() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.node()?;
    node.configure_random_password()?;
    node.spawn("")?;
    node.wait_until_it_answers().await?;
    let first = it_is_told_by_a_file_alone(&node).await?;
    node.first_log_in_with(&first).await?;
    ensure!(!node.first_password().exists(), "the file is left");

    let old = std::fs::read(node.rest_certificate())?;
    node.ksctl(&["services", "reset", "--delay", "0", "-y"]).await?.text()?;
    until("the node has begun anew", PATIENCE, async || {
        Ok(node.first_password().exists() && std::fs::read(node.rest_certificate())? != old)
    })
    .await?;
    node.wait_until_it_answers().await?;
    let second = it_is_told_by_a_file_alone(&node).await?;
    assert_ne!(first, second);
    node.first_log_in_with(&second).await
}

/// The first password, from where a newcomer is told to look.
async fn it_is_told_by_a_file_alone(node: &Node) -> Result<String> {
    let mut rest = Rest::new(&node.url(), &node.rest_certificate())?;
    for known in ["admin", PASSWORD] {
        let refused = rest
            .log_in("admin", known)
            .await
            .err()
            .context("a known password is in")?;
        ensure!(refused.to_string().contains("Wrong username or password"), "{refused}");
    }
    let file = node.first_password();
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    let password = std::fs::read_to_string(&file)?.trim().to_owned();
    let log = node.logged();
    ensure!(
        log.contains(&file.display().to_string()),
        "the log does not say where it is"
    );
    ensure!(!log.contains(&password), "the password is in the log");
    Ok(password)
}
