//! Files that commands write and read, whatever stands there.

use std::os::unix::fs::FileTypeExt as _;
use std::process::Command;

use crate::appliance::{Appliance, Reply, Request};
use crate::ksctl::User;

/// What every backup begins with.
const HEADER: &str = r#"keystead-backup 1
{"id":"b1","createdAt":"1970-01-01T00:00:00Z","description":"","productVersion":"0.1.0","backupKey":"k1","clusterId":"","resourceTypes":[]}"#;

fn metrics(request: &Request) -> Reply {
    if request.line.contains("prometheus/status") {
        return (200, serde_json::json!({"enabled": true, "token": "t"}));
    }
    (200, serde_json::json!("metric 1"))
}

#[test]
fn what_is_no_regular_file_is_written_through() {
    let appliance = Appliance::start(metrics).unwrap();
    let user = User::of(&appliance).unwrap();
    for name in ["-", "/dev/stdout", "/dev/fd/1"] {
        let ran = user.run(&format!("metrics prometheus get --file {name}")).unwrap();
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(0), "\"metric 1\""),
            "{name}: {}",
            ran.err
        );
    }
    assert_eq!(
        user.run("metrics prometheus get --file /dev/null").unwrap().code,
        Some(0)
    );
    let full = user.run("metrics prometheus get --file /dev/full").unwrap();
    let nowhere = user.run("metrics prometheus get --file nowhere/x").unwrap();
    assert_eq!(
        (full.code, nowhere.code),
        (Some(2), Some(2)),
        "{} {}",
        full.err,
        nowhere.err
    );
    for device in ["/dev/null", "/dev/full"] {
        assert!(
            std::fs::metadata(device).unwrap().file_type().is_char_device(),
            "{device} was replaced"
        );
    }
}

#[test]
fn standard_output_that_is_full_ends_as_a_file_that_is() {
    let appliance = Appliance::start(metrics).unwrap();
    let user = User::of(&appliance).unwrap();
    let ran = user
        .run_into("metrics prometheus status", std::path::Path::new("/dev/full"))
        .unwrap();
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("cannot write standard output"), "{}", ran.err);
}

#[test]
fn a_file_of_settings_may_be_the_null_device() {
    let appliance = Appliance::start(metrics).unwrap();
    let user = User::of(&appliance).unwrap();
    let ran = user.run("metrics prometheus status --configfile /dev/null").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ran = user.run("login --configfile /dev/null").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    let endless = user.run("login --configfile /dev/zero").unwrap();
    assert_eq!(endless.code, Some(2), "{}", endless.err);
}

#[test]
fn a_backup_is_uploaded_from_a_fifo() {
    let appliance = Appliance::start(|_| (200, serde_json::json!({"id": "b"}))).unwrap();
    let user = User::of(&appliance).unwrap();
    let fifo = user.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let backup = format!("{HEADER}\n{}", "x".repeat(100_000));
    let writer = std::thread::spawn({
        let backup = backup.clone();
        move || std::fs::write(fifo, backup).unwrap()
    });
    let ran = user.run("backup upload --file fifo").unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    writer.join().unwrap();
    assert_eq!(appliance.asked().pop().unwrap().body, serde_json::Value::String(backup));
}

#[test]
fn standard_output_that_goes_on_in_a_file_is_added_to() {
    let appliance = Appliance::start(metrics).unwrap();
    let user = User::of(&appliance).unwrap();
    let log = user.path("log");
    std::fs::write(&log, "before\n").unwrap();
    let ran = user
        .run_into("metrics prometheus get --file /dev/stdout", &log)
        .unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(user.file("log"), "before\n\"metric 1\"");
}
