//! `~/.ksctl/config.yaml` and files like it: flat YAML with upper-case keys.
//!
//! This file decides how such a file is read and rewritten. Keys it does not know are kept, as newer versions and other
//! tools write there too; comments are not. What the keys mean is decided in [`crate::settings`].
//!
//! Rewriting is atomic, because scripts run many commands at once on one file: the text goes into a new file in the
//! same folder, readable by its owner only, and takes the old one's place in one step.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use yaml_serde::{Mapping, Value};

use crate::failure::Failure;
use crate::input;
use crate::output::{self, Reader};

/// A configuration file in memory.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    path: PathBuf,
    keys: Mapping,
}

impl ConfigFile {
    /// Reads the file. A file that is not there is an empty one.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let text = match File::open(path).and_then(input::read_from) {
            Ok(text) => text,
            Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => String::new(),
            Err(cause) => return Err(input::unread(path, &cause)),
        };
        let keys = yaml_serde::from_str::<Option<Mapping>>(&text).map_err(|cause| {
            Failure::usage(format!("{} is not a configuration file: {cause}", path.display()))
                .with_hint("a configuration file has lines such as `KSCTL_URL: https://node-1`")
        })?;
        Ok(Self {
            path: path.to_owned(),
            keys: keys.unwrap_or_default(),
        })
    }

    /// The value of a key as text, or `None` when it is absent, null or not a plain value.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        match self.keys.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(value) => Some(value.to_string()),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
        }
    }

    /// Sets a key; `None` removes it.
    pub(crate) fn set(&mut self, key: &str, value: Option<Value>) {
        match value {
            Some(value) => {
                self.keys.insert(Value::from(key), value);
            }
            None => {
                self.keys.shift_remove(key);
            }
        }
    }

    /// Writes the file, whole or not at all, readable by its owner only. Makes its folder if there is none.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let cannot = |cause: &dyn std::fmt::Display| output::unwritten(&self.path, cause);
        let text = yaml_serde::to_string(&self.keys).map_err(|cause| cannot(&cause))?;
        let target = output::target(&self.path).map_err(|cause| cannot(&cause))?;
        make_private_folder(output::folder(&target)).map_err(|cause| cannot(&cause))?;
        output::write(&self.path, text.as_bytes(), Reader::Owner)
    }
}

fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const EXAMPLE: &str = "KSCTL_VERBOSITY: false\nKSCTL_PASSWORD:\nKSCTL_TIMEOUT: 30\nOTHER_TOOL: {deep: [1, 2]}\n";

    #[test]
    fn what_is_not_known_survives_rewriting_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, EXAMPLE).unwrap();
        let mut file = ConfigFile::open(&path).unwrap();
        file.set("KSCTL_URL", Some("https://node-1".into()));
        file.set("KSCTL_TIMEOUT", None);
        file.save().unwrap();
        insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap(), @"
        KSCTL_VERBOSITY: false
        KSCTL_PASSWORD: null
        OTHER_TOOL:
          deep:
          - 1
          - 2
        KSCTL_URL: https://node-1
        ");
    }

    #[test]
    fn values_of_any_plain_type_read_as_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, EXAMPLE).unwrap();
        let file = ConfigFile::open(&path).unwrap();
        assert_eq!(file.text("KSCTL_VERBOSITY").as_deref(), Some("false"));
        assert_eq!(file.text("KSCTL_TIMEOUT").as_deref(), Some("30"));
        assert_eq!(file.text("KSCTL_PASSWORD"), None);
        assert_eq!(file.text("OTHER_TOOL"), None);
    }

    #[test]
    fn an_odd_password_reads_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        for odd in ["yes", "0123", "a: b", "#x", " lead", "null", "ünï\"'\\", "1e3"] {
            let mut file = ConfigFile::open(&path).unwrap();
            file.set("KSCTL_PASSWORD", Some(odd.into()));
            file.save().unwrap();
            assert_eq!(
                ConfigFile::open(&path).unwrap().text("KSCTL_PASSWORD").as_deref(),
                Some(odd)
            );
        }
    }

    #[test]
    fn a_new_file_and_its_folder_belong_to_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".ksctl").join("config.yaml");
        ConfigFile::open(&path).unwrap().save().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }

    #[test]
    fn an_open_file_with_loose_rights_is_closed_by_rewriting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, EXAMPLE).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        ConfigFile::open(&path).unwrap().save().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.yaml"), folder.path().join("link.yaml"));
        std::fs::write(&real, EXAMPLE).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut file = ConfigFile::open(&link).unwrap();
        file.set("KSCTL_URL", Some("here".into()));
        file.save().unwrap();
        assert!(link.is_symlink());
        assert_eq!(
            ConfigFile::open(&real).unwrap().text("KSCTL_URL").as_deref(),
            Some("here")
        );
    }

    #[test]
    fn readers_see_the_old_file_or_the_new_one_and_nothing_between() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        let long = |letter: &str| letter.repeat(20_000);
        let write = |letter: &str| {
            let mut file = ConfigFile::open(&path)?;
            file.set("KSCTL_JWT", Some(long(letter).into()));
            file.save()
        };
        write("a").unwrap();
        std::thread::scope(|scope| {
            let writers = ["b", "c"].map(|letter| scope.spawn(move || (0..50).try_for_each(|_| write(letter))));
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                let seen = ConfigFile::open(&path).unwrap().text("KSCTL_JWT").unwrap();
                assert!(
                    ["a", "b", "c"].iter().any(|letter| seen == long(letter)),
                    "a torn file was read"
                );
            }
            for writer in writers {
                writer.join().unwrap().unwrap();
            }
        });
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "temporary files were left behind"
        );
    }

    #[test]
    fn a_file_that_is_not_yaml_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, "- a\n- list\n").unwrap();
        let failure = ConfigFile::open(&path).unwrap_err();
        assert!(
            failure.to_string().contains("config.yaml is not a configuration file"),
            "{failure}"
        );
    }
}
