//! The join's memory: a small file, because the database is being wiped.
//!
//! Written whole, fsynced and renamed into place; the first line carries a version and a checksum, so that a damaged
//! file is told from an old one. Files of older versions are read for ever.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use keystead::clock::Micros;
use keystead::join::request::Address;
use keystead::join::stage::Stage;
use keystead::{Error, Kind, NodeId, NodeNumber, Result};
use serde::{Deserialize, Serialize};
use sql::account::Account;

use crate::durable;
use crate::peers::Target;
use crate::postgres::Paths;

/// The first word of the file.
const MAGIC: &str = "keystead-join";

/// The version written.
const VERSION: &str = "1";

/// All that a join needs to go on after a crash. Secrets in it are wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// Where the join is.
    pub(crate) stage: Stage,
    /// The sentence of the transition that led there.
    pub(crate) because: String,
    /// Why it was killed.
    pub(crate) reason: Option<String>,
    /// The id this node has been given.
    pub(crate) node_id: NodeId,
    /// The cluster it joins.
    pub(crate) cluster_id: String,
    /// The ticket that the member takes it in for.
    pub(crate) ticket: String,
    /// Where the members reach it.
    pub(crate) local: Address,
    /// Where users reach it.
    pub(crate) public_address: String,
    /// Where the member is that signed: it alone knows a node that was not recorded yet.
    pub(crate) member: Address,
    /// The member that is asked and that rows are copied from: the one that signed, until it dies.
    pub(crate) source: NodeNumber,
    /// Where the members are, as far as it has been told: any of them can be the source, or be told when it gives up.
    pub(crate) members: BTreeMap<NodeNumber, Address>,
    /// Who they are, as far as it has been told.
    #[serde(default)]
    pub(crate) ids: BTreeMap<NodeNumber, NodeId>,
    /// Who the member is that signed.
    #[serde(default)]
    pub(crate) member_id: Option<NodeId>,
    /// The number it has been given, from bootstrapping on.
    pub(crate) number: Option<NodeNumber>,
    /// Was its own data wiped?
    pub(crate) wiped: bool,
    /// The members that keep their changes for it, from initial sync on, each with its newest heartbeat once it did.
    pub(crate) heard: BTreeMap<NodeNumber, Micros>,
    /// Do the members know how the join stands? False once it was given up, until one of them was told.
    pub(crate) withdrawn: bool,
    /// The cluster's master key, wrapped by this node's root of trust.
    pub(crate) master_key: Vec<u8>,
    /// This node's accounts from before the wipe: given back when the join fails, so that it can be logged in to.
    pub(crate) former_accounts: Vec<Account>,
    /// Public keys of this node's tokens from before the wipe.
    pub(crate) former_token_keys: Vec<Vec<u8>>,
}

impl Ledger {
    /// The member at `address`, with who it is if that has been told.
    pub(crate) fn target(&self, address: &Address) -> Target {
        let mut known = self.members.iter().filter(|(_, known)| *known == address);
        let told = known.find_map(|(number, _)| self.ids.get(number));
        let signed = self.member_id.as_ref().filter(|_| *address == self.member);
        Target {
            address: address.clone(),
            id: signed.or(told).cloned(),
        }
    }

    fn path(paths: &Paths) -> PathBuf {
        paths.data_dir().join("join.json")
    }

    /// The ledger of a join that runs or has failed.
    ///
    /// # Errors
    /// When the file is damaged: then nobody can say what was wiped, and the operator must look.
    pub(crate) fn load(paths: &Paths) -> Result<Option<Self>> {
        let path = Self::path(paths);
        match std::fs::read_to_string(&path) {
            Ok(text) => read(&path, &text).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::internal("reading the ledger of the join", error)),
        }
    }

    /// Saves the ledger. When this returns, it survives a power cut.
    pub(crate) fn save(&self, paths: &Paths) -> Result<()> {
        let body =
            serde_json::to_string_pretty(self).map_err(|source| Error::internal("writing the ledger", source))?;
        let text = format!("{MAGIC} {VERSION} {}\n{body}\n", checksum(&body));
        durable::write(&Self::path(paths), text.as_bytes(), 0o600)
            .map_err(|source| Error::internal("writing the ledger of the join", source))
    }

    /// From here on the join only ends, also after a crash. The first reason stays.
    pub(crate) fn condemn(&mut self, why: &Error) {
        self.reason.get_or_insert_with(|| {
            why.hint()
                .map_or_else(|| why.to_string(), |hint| format!("{why} ({hint})"))
        });
    }

    /// Removes the ledger: the join is over.
    pub(crate) fn remove(paths: &Paths) -> Result<()> {
        durable::remove(&Self::path(paths)).map_err(|source| Error::internal("removing the ledger of the join", source))
    }
}

fn checksum(body: &str) -> String {
    certs::hex(digest(&SHA256, body.as_bytes()).as_ref())
}

fn read(path: &Path, text: &str) -> Result<Ledger> {
    let damaged = || {
        Error::new(
            Kind::Conflict,
            format!("the ledger of a join is damaged: {}", path.display()),
        )
        .with_hint("move the file away to give the join up; if its data was wiped, the node then starts empty")
    };
    let (head, body) = text.split_once('\n').ok_or_else(damaged)?;
    let body = body.trim_end();
    let words: Vec<&str> = head.split(' ').collect();
    match words.as_slice() {
        [MAGIC, VERSION, sum] if *sum == checksum(body) => {
            serde_json::from_str(body).map_err(|source| damaged().caused_by(source))
        }
        _ => Err(damaged()),
    }
}

/// A ledger of node `aaa…`, in the midst of its join.
#[cfg(test)]
pub(super) fn test_ledger() -> Ledger {
    let address = |host: &str| Address {
        host: host.to_owned(),
        port: 5432,
    };
    Ledger {
        stage: Stage::InitialSync,
        because: "b".to_owned(),
        reason: None,
        node_id: "a".repeat(32).parse().unwrap(),
        cluster_id: "c".to_owned(),
        ticket: "t".to_owned(),
        local: address("10.0.0.2"),
        public_address: String::new(),
        member: address("10.0.0.1"),
        source: NodeNumber(1),
        members: BTreeMap::from([
            (NodeNumber(1), address("10.0.0.1")),
            (NodeNumber(3), address("10.0.0.3")),
            (NodeNumber(4), address("10.0.0.4")),
        ]),
        ids: BTreeMap::from([(NodeNumber(3), "3".repeat(32).parse().unwrap())]),
        member_id: Some("1".repeat(32).parse().unwrap()),
        number: Some(NodeNumber(2)),
        wiped: true,
        heard: BTreeMap::from([(NodeNumber(1), Micros(42))]),
        withdrawn: true,
        master_key: vec![1, 2, 3],
        former_accounts: vec![],
        former_token_keys: vec![vec![4]],
    }
}

#[cfg(test)]
mod tests {
    use super::test_ledger as ledger;
    use super::*;

    #[test]
    fn what_was_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        assert_eq!(Ledger::load(&paths).unwrap(), None);
        ledger().save(&paths).unwrap();
        assert_eq!(Ledger::load(&paths).unwrap(), Some(ledger()));
        Ledger::remove(&paths).unwrap();
        Ledger::remove(&paths).unwrap();
        assert_eq!(Ledger::load(&paths).unwrap(), None);
    }

    #[test]
    fn a_member_is_expected_by_its_id_where_that_was_told() {
        let ledger = ledger();
        let expected = |host: &str| {
            let address = Address {
                host: host.to_owned(),
                port: 5432,
            };
            ledger.target(&address).id.map(|id| id.to_string().remove(0))
        };
        assert_eq!(expected("10.0.0.1"), Some('1'), "it signed");
        assert_eq!(expected("10.0.0.3"), Some('3'));
        assert_eq!((expected("10.0.0.4"), expected("10.0.0.9")), (None, None));
    }

    #[test]
    fn a_damaged_ledger_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        ledger().save(&paths).unwrap();
        let path = Ledger::path(&paths);
        let text = std::fs::read_to_string(&path).unwrap();
        for damage in [
            text.replace("\"wiped\": true", "\"wiped\": false"),
            String::new(),
            "keystead-join 1".to_owned(),
        ] {
            std::fs::write(&path, damage).unwrap();
            let error = Ledger::load(&paths).unwrap_err();
            assert!(error.to_string().contains("join.json"), "{error}");
        }
    }
}
