//! What a member knows of certificates in its cluster: the authorities, and what every node says of itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use certs::Authority;
use keystead::certificate::Told;
use keystead::certificate::exchange::Exchange;
use keystead::member::roster::Roster;
use keystead::{Error, Kind, NodeId, Result};
use sql::Connection;

use crate::agent::Agent;
use crate::vault::Keyring;

/// See the head of this file.
pub(crate) struct Known {
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) roster: Roster,
    pub(crate) told: BTreeMap<NodeId, Told>,
    pub(crate) exchange: Exchange,
}

impl Known {
    /// Looks, and opens the keys anew when there is an authority that is not open here, or one is gone.
    pub(crate) async fn look(agent: &Agent, db: &Connection) -> Result<Self> {
        if !agent.keyring()?.has_authorities_of(&sql::cluster_key::all(db).await?) {
            agent.open_keyring().await?;
        }
        let keyring = agent.keyring()?;
        let (roster, told) = (sql::node::all(db).await?, sql::node_certificate::all(db).await?);
        let authorities = keyring.authorities().map(Authority::fingerprint).collect();
        Ok(Self {
            exchange: Exchange::new(authorities, &roster, &told),
            keyring,
            roster,
            told,
        })
    }

    /// The authority that issues certificates to nodes that join.
    pub(crate) fn issuing(&self) -> Result<&Authority> {
        let signing = self.exchange.signing().unwrap_or_default();
        self.authority(signing).ok_or_else(no_authority)
    }

    /// The authority that issues the next certificate of a node that has one of the authority `issuer`: never an older one.
    pub(crate) fn signing(&self, issuer: &str) -> Result<&Authority> {
        let signing = self.exchange.signing();
        let chosen = |one: &&Authority| Some(one.fingerprint().as_str()) == signing || one.fingerprint() == issuer;
        self.keyring
            .authorities()
            .filter(chosen)
            .last()
            .ok_or_else(no_authority)
    }

    fn authority(&self, fingerprint: &str) -> Option<&Authority> {
        self.keyring.authorities().find(|one| one.fingerprint() == fingerprint)
    }
}

fn no_authority() -> Error {
    Error::new(Kind::Internal, "this member has no certificate authority")
}
