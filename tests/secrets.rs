//! What was secret is nowhere afterwards: not in the log, whatever it tells, and not in the memory of the agent.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use anyhow::{Context as _, Result, ensure};
use memchr::memmem;
use nix::unistd::Pid;
use serde_json::json;

use crate::harness::cluster::Lab;
use crate::harness::node::{PASSWORD, PATIENCE};
use crate::harness::rest::Rest;
use crate::harness::wait::until;

/// As it is sent, and the bytes that it stands for.
const MATERIAL: &str = "c0ffee11c0ffee22c0ffee33c0ffee44c0ffee55c0ffee66c0ffee77c0ffee88";
const NEW_PASSWORD: &str = "Canary-of-the-account-1";
const WRONG_PASSWORD: &str = "Canary-that-is-wrong-2";
const FILE_PASSWORD: &str = "Canary-of-the-file-3";
const MISPLACED: &str = "Canary-out-of-place-4";

#[tokio::test]
async fn passwords_and_material_are_in_no_log_and_in_no_memory_when_a_call_has_ended() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.node()?;
    node.configure("[log]\nfilter = \"trace\"")?;
    node.start_new("").await?;
    {
        // Connections end with their client, and what they buffered with them.
        let mut rest = node.rest().await?;
        let change = json!({"username": "admin", "password": PASSWORD, "new_password": NEW_PASSWORD});
        rest.patch("auth/changepw", &change).await?.good()?;
        rest.log_in("admin", NEW_PASSWORD).await?;
        use_all(&rest).await?;
    }
    let logged = node.logged();
    ensure!(logged.contains("TRACE"), "nothing of the finest was logged");
    let texts = [MATERIAL, NEW_PASSWORD, WRONG_PASSWORD, FILE_PASSWORD, MISPLACED];
    for text in texts {
        assert!(!logged.contains(text), "{text} is in the log");
    }
    let bytes = certs::unhex(MATERIAL).context("hexadecimal")?;
    let agent = node.agent_pid()?;
    ensure!(
        held(agent, &[b"keysteadd"])?.is_some(),
        "the memory of the agent was not read"
    );
    let mut secrets = texts.map(str::as_bytes).to_vec();
    secrets.push(&bytes);
    until("nothing of it is in memory", PATIENCE, async || {
        let held = held(agent, &secrets)?.map(String::from_utf8_lossy);
        ensure!(held.is_none(), "{} is in memory", held.unwrap_or_default());
        Ok(true)
    })
    .await
}

/// Calls that carry them, good and bad.
async fn use_all(rest: &Rest) -> Result<()> {
    let key = json!({"name": "canary", "material": MATERIAL});
    rest.post("vault/keys2", &key).await?.good()?;
    let exported = rest
        .post("vault/keys2/canary/export?type=name", &json!({}))
        .await?
        .good()?;
    assert_eq!(exported["material"], MATERIAL);
    let version = json!({"material": MATERIAL});
    rest.post("vault/keys2/canary/versions?type=name", &version)
        .await?
        .good()?;

    let made = rest.post("backupkeys", &json!({})).await?.good()?;
    let id = made["id"].as_str().context("no id")?;
    let lock = json!({"password": FILE_PASSWORD});
    let file = rest.post(&format!("backupkeys/{id}/download"), &lock).await?.good()?;
    let unlock = json!({"password": FILE_PASSWORD, "file": file});
    rest.post("backupkeys/upload", &unlock).await?.good()?;

    let wrong = json!({"username": "admin", "password": WRONG_PASSWORD});
    rest.post("auth/tokens", &wrong).await?.refusal()?;
    for misplaced in [
        json!(MISPLACED),
        json!({"name": [MISPLACED]}),
        json!({"material": MISPLACED}),
    ] {
        rest.post("vault/keys2", &misplaced).await?.refusal()?;
    }
    Ok(())
}

/// The first of these that is anywhere in what a process may write to.
fn held<'a>(process: Pid, secrets: &[&'a [u8]]) -> Result<Option<&'a [u8]>> {
    let memory = File::open(format!("/proc/{process}/mem")).context("only root reads the memory of others")?;
    for line in fs::read_to_string(format!("/proc/{process}/maps"))?.lines() {
        if let Some((start, end)) = writable(line) {
            let mut bytes = vec![0; usize::try_from(end - start)?];
            // A part that went meanwhile holds nothing.
            let read = memory.read_at(&mut bytes, start).unwrap_or_default();
            let found = secrets
                .iter()
                .find(|secret| memmem::find(&bytes[..read], secret).is_some());
            if found.is_some() {
                return Ok(found.copied());
            }
        }
    }
    Ok(None)
}

/// From where to where, when a line of `maps` is of memory that is written to.
fn writable(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    let place = |hex| u64::from_str_radix(hex, 16).ok();
    words.next()?.starts_with("rw").then_some(())?;
    place(start).zip(place(end))
}
