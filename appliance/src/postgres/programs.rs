//! What the programs on the disk are and know, asked each time: they may be exchanged while the server runs.
//!
//! An answer is never kept in a file. Which version is fixed is decided in [`keystead::server_version`].

use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use keystead::server_version::ServerVersion;
use keystead::{Result, config};

use super::account::Account;

/// The setting that lists the libraries a role with the attribute `replication` may have loaded.
pub(crate) const OUTPUT_PLUGINS: &str = "output_plugin_libraries";

/// How long a program may take to answer a question about itself.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The version that the program `postgres` says it is, or why it cannot be told.
pub(super) async fn version(postgres: &Path, account: &Account) -> Result<ServerVersion, String> {
    let output = ask(postgres, &["--version".as_ref()], account).await?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ServerVersion::of_program(&text).ok_or_else(|| format!("`postgres --version` says {text:?}"))
}

/// Whether the program `postgres` knows the setting [`OUTPUT_PLUGINS`], or why it cannot be told. A server does not start with
/// a setting that it does not know.
///
/// No settings file is read: one that is wrong, or that other programs were given, must not decide.
pub(super) async fn knows_output_plugins(postgres: &Path, pgdata: &Path, account: &Account) -> Result<bool, String> {
    let [setting, data, from, nothing] = ["-C", "-D", "-c", "config_file=/dev/null"].map(OsStr::new);
    let question = [setting, OUTPUT_PLUGINS.as_ref(), data, pgdata.as_ref(), from, nothing];
    let output = ask(postgres, &question, account).await?;
    let said = String::from_utf8_lossy(&output.stderr);
    let unknown = format!("unrecognized configuration parameter \"{OUTPUT_PLUGINS}\"");
    match output.status.success() {
        true => Ok(true),
        false if said.contains(&unknown) => Ok(false),
        false => Err(format!("`postgres -C {OUTPUT_PLUGINS}` says {:?}", said.trim())),
    }
}

async fn ask(postgres: &Path, question: &[&OsStr], account: &Account) -> Result<Output, String> {
    let mut program = account.command(postgres, Path::new("/"));
    let answer = program.args(question).kill_on_drop(true).output();
    let output = tokio::time::timeout(TIMEOUT, answer)
        .await
        .map_err(|_| format!("postgres does not answer within {} s", TIMEOUT.as_secs()))?;
    output.map_err(|error| format!("postgres does not run: {error}"))
}

/// Refuses a version without the fix where the configuration requires the fix.
///
/// # Errors
/// What [`ServerVersion::must_be_fixed`] says.
pub(crate) fn must_be_accepted(version: ServerVersion, config: &config::Postgres) -> Result<()> {
    if config.require_fixed_minor {
        version.must_be_fixed()
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;

    /// A program `postgres` that is this shell script.
    fn pretend(script: &str) -> (tempfile::TempDir, PathBuf) {
        let open = fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().permissions(open.clone()).tempdir().unwrap();
        let program = folder.path().join("postgres");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, open).unwrap();
        (folder, program)
    }

    async fn answer(script: &str) -> Result<bool, String> {
        let (folder, program) = pretend(script);
        let account = Account::choose("postgres").unwrap();
        knows_output_plugins(&program, folder.path(), &account).await
    }

    #[tokio::test]
    async fn a_program_that_refuses_the_setting_by_its_name_does_not_know_it() {
        let refusal = r#"echo 'FATAL:  unrecognized configuration parameter "output_plugin_libraries"' >&2; exit 1"#;
        assert_eq!(answer(refusal).await, Ok(false));
        assert_eq!(answer("echo pgoutput").await, Ok(true));
    }

    #[tokio::test]
    async fn a_program_that_fails_for_another_reason_has_not_answered() {
        let error = answer("echo 'could not access directory' >&2; exit 2")
            .await
            .unwrap_err();
        assert!(error.contains("could not access directory"), "{error}");
        let nothing = Path::new("/nowhere/postgres");
        let account = Account::choose("postgres").unwrap();
        let error = knows_output_plugins(nothing, Path::new("/"), &account)
            .await
            .unwrap_err();
        assert!(error.starts_with("postgres does not run: "), "{error}");
        let error = version(nothing, &account).await.unwrap_err();
        assert!(error.starts_with("postgres does not run: "), "{error}");
    }

    #[test]
    fn a_version_without_the_fix_is_refused_only_where_the_fix_is_required() {
        let (old, fixed) = (ServerVersion::new(15, 18), ServerVersion::new(15, 19));
        let mut config = config::Postgres::default();
        must_be_accepted(old, &config).unwrap();
        config.require_fixed_minor = true;
        must_be_accepted(old, &config).unwrap_err();
        must_be_accepted(fixed, &config).unwrap();
    }
}
