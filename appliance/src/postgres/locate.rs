//! Finds the programs of a PostgreSQL that is new enough.
//!
//! This file decides where is looked, in which order, and what is taken when several are found. It installs nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use keystead::server_version::ServerVersion;
use keystead::{Error, Kind, Result};

use super::account::Account;
use super::programs;

/// The oldest major version that has what replication needs (row filters and `pg_ident_file_mappings`).
pub(crate) const OLDEST: u32 = 15;

/// The programs that are used; a folder without one of them is no installation of a server.
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "pg_ctl"];

/// An installation of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    dir: PathBuf,
    version: ServerVersion,
}

impl Binaries {
    /// Its major version.
    pub(crate) fn major(&self) -> u32 {
        self.version.major
    }

    /// Its version when it was found. Its programs may have been exchanged since.
    pub(crate) fn version(&self) -> ServerVersion {
        self.version
    }

    /// The folder of its programs.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Where is looked.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// The one folder to look in, when the configuration names it.
    pub(crate) configured: Option<PathBuf>,
    /// Folders of the distributions: their parent, the beginning of the name, and what follows the name.
    pub(crate) distributions: Vec<(PathBuf, &'static str, &'static str)>,
    /// The variable `PATH`.
    pub(crate) path: OsString,
}

impl Search {
    /// This machine, unless the configuration names a folder.
    pub(crate) fn machine(configured: Option<&Path>) -> Self {
        Self {
            configured: configured.map(Path::to_owned),
            // Debian and its children; Red Hat and its children.
            distributions: vec![
                ("/usr/lib/postgresql".into(), "", "bin"),
                ("/usr".into(), "pgsql-", "bin"),
            ],
            path: std::env::var_os("PATH").unwrap_or_default(),
        }
    }

    /// The installation to use: one of `wanted`'s major version if there is one, else the newest of the first group
    /// that has any (the distribution's folders, `pg_config`, `PATH`).
    pub(crate) async fn find(&self, account: &Account, wanted: Option<u32>) -> Result<Binaries> {
        let mut looked = Vec::new();
        let mut groups: Vec<Vec<Binaries>> = Vec::new();
        for folders in self.groups(account).await {
            let mut usable = Vec::new();
            for folder in folders {
                match inspect(&folder, account).await {
                    Ok(binaries) => usable.push(binaries),
                    Err(why) => looked.push(format!("{}: {why}", folder.display())),
                }
            }
            groups.push(usable);
        }
        let of_wanted = groups
            .iter()
            .flatten()
            .find(|found| Some(found.major()) == wanted)
            .cloned();
        let newest = || {
            groups
                .iter()
                .find_map(|group| group.iter().max_by_key(|found| found.major()))
                .cloned()
        };
        of_wanted.or_else(newest).ok_or_else(|| self.nothing(&looked))
    }

    /// Folders to look in, those of equal right together.
    async fn groups(&self, account: &Account) -> Vec<Vec<PathBuf>> {
        if let Some(folder) = &self.configured {
            return vec![vec![folder.clone()]];
        }
        let of_path: Vec<PathBuf> = std::env::split_paths(&self.path)
            .filter(|folder| folder.is_absolute())
            .collect();
        let pg_config = ask_pg_config(&of_path, account).await;
        let servers = of_path.into_iter().filter(|folder| folder.join("postgres").is_file());
        vec![
            self.of_distributions(),
            pg_config.into_iter().collect(),
            servers.collect(),
        ]
    }

    fn of_distributions(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for (parent, start, rest) in &self.distributions {
            let children = std::fs::read_dir(parent).into_iter().flatten().flatten();
            let named = children.filter(|child| child.file_name().to_str().is_some_and(|name| name.starts_with(start)));
            found.extend(
                named
                    .map(|child| child.path().join(rest))
                    .filter(|folder| folder.is_dir()),
            );
        }
        found
    }

    /// Where is looked when no folder is configured, for people.
    fn places(&self) -> String {
        let folders = self
            .distributions
            .iter()
            .map(|(parent, start, rest)| format!("{}/{start}*/{rest}", parent.display()));
        let places: Vec<String> = folders
            .chain(["`pg_config --bindir`".to_owned(), "PATH".to_owned()])
            .collect();
        places.join(", ")
    }

    fn nothing(&self, looked: &[String]) -> Error {
        let places = if self.configured.is_some() {
            "postgres.bin_dir".to_owned()
        } else {
            self.places()
        };
        let found = if looked.is_empty() {
            String::new()
        } else {
            format!(" ({})", looked.join("; "))
        };
        let text = format!("no PostgreSQL {OLDEST} or newer found; looked in {places}{found}");
        Error::new(Kind::NotFound, text)
            .with_hint("install one (Debian: `apt install postgresql`), or name its folder in postgres.bin_dir")
    }
}

/// What `pg_config` says, when there is one.
async fn ask_pg_config(path: &[PathBuf], account: &Account) -> Option<PathBuf> {
    let program = path
        .iter()
        .map(|folder| folder.join("pg_config"))
        .find(|file| file.is_file())?;
    let output = account
        .command(&program, Path::new("/"))
        .arg("--bindir")
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(text.trim()))
}

/// The installation in a folder, or why it is none that can be used.
async fn inspect(folder: &Path, account: &Account) -> Result<Binaries, String> {
    if let Some(missing) = PROGRAMS.iter().find(|name| !folder.join(name).is_file()) {
        return Err(format!("no {missing}"));
    }
    match programs::version(&folder.join("postgres"), account).await? {
        version if version.major >= OLDEST => Ok(Binaries {
            dir: folder.to_owned(),
            version,
        }),
        version => Err(format!("version {} is too old", version.major)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A folder that looks like an installation of a version, made of shell scripts.
    fn pretend(root: &Path, folder: &str, version: &str) -> std::io::Result<PathBuf> {
        let dir = root.join(folder);
        fs::create_dir_all(&dir)?;
        for name in PROGRAMS {
            let file = dir.join(name);
            fs::write(&file, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"))?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
        Ok(dir)
    }

    fn setting() -> (tempfile::TempDir, Search, Account) {
        let root = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let distributions = vec![(root.path().join("lib"), "", "bin")];
        let search = Search {
            configured: None,
            distributions,
            path: OsString::new(),
        };
        (root, search, Account::choose("postgres").unwrap())
    }

    #[tokio::test]
    async fn the_newest_is_taken_for_a_new_node_and_the_one_of_its_own_version_for_an_old_one() {
        let (root, search, account) = setting();
        let old = pretend(root.path(), "lib/15/bin", "15.18").unwrap();
        let new = pretend(root.path(), "lib/17/bin", "17.2").unwrap();
        pretend(root.path(), "lib/9.6/bin", "9.6.1").unwrap();
        assert_eq!(search.find(&account, None).await.unwrap().dir(), new);
        assert_eq!(search.find(&account, Some(15)).await.unwrap().dir(), old);
        assert_eq!(search.find(&account, Some(16)).await.unwrap().major(), 17);
    }

    #[tokio::test]
    async fn after_the_distribution_comes_what_is_in_the_path() {
        let (root, mut search, account) = setting();
        let own = pretend(root.path(), "opt", "16.1").unwrap();
        search.path = own.clone().into();
        assert_eq!(search.find(&account, None).await.unwrap().dir(), own);
    }

    #[tokio::test]
    async fn when_there_is_none_every_place_and_the_way_out_are_named() {
        let (root, search, account) = setting();
        pretend(root.path(), "lib/13/bin", "13.4").unwrap();
        let error = search.find(&account, None).await.unwrap_err();
        let text = error.to_string();
        for part in [
            "lib/*/bin",
            "`pg_config --bindir`",
            "PATH",
            "lib/13/bin: version 13 is too old",
        ] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
        assert!(error.hint().is_some_and(|hint| hint.contains("apt install postgresql")));
    }

    #[tokio::test]
    async fn a_configured_folder_is_the_only_one_looked_in() {
        let (root, mut search, account) = setting();
        pretend(root.path(), "lib/15/bin", "15.18").unwrap();
        search.configured = Some(root.path().join("empty"));
        let text = search.find(&account, None).await.unwrap_err().to_string();
        assert!(
            text.contains("looked in postgres.bin_dir") && text.contains("empty: no postgres"),
            "{text}"
        );
    }
}
