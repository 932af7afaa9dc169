//! What is written on the outside of a seal.
//!
//! It is believed only after [`crate::open`] has checked the signature; [`SealHeader::peek`] is for pre-flight checks and
//! for people.

use serde::{Deserialize, Serialize};

use super::{Parts, THING};
use crate::chain::chain_hash;
use crate::error::{Error, Result};
use crate::identity::Identity;

/// Whom a secret is sealed to, by whom, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealHeader {
    /// The cluster whose authority signed.
    pub cluster_id: String,
    /// The id the new node will have.
    pub node_id: String,
    /// Names this one seal, so that it can be used once.
    pub ticket: String,
    /// The name of the new node's key in hexadecimal.
    pub key_hash: String,
    /// The id of the member that sealed.
    pub sponsor: String,
    /// The last second it can be opened, in unix seconds.
    pub not_after: i64,
    /// The chain that is given with it, by [`crate::chain_hash`]: an authority that somebody adds on the way is noticed.
    /// Earlier versions (`v1`) do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_hash: Option<String>,
}

impl SealHeader {
    /// The header of a seal, **without** any check that it is true.
    pub fn peek(blob: &str) -> Result<Self> {
        Parts::of(blob)?.header()
    }

    /// Refuses a seal and a certificate that do not speak of one node of one cluster.
    pub fn check_same_node(&self, identity: &Identity) -> Result<()> {
        if self.cluster_id != identity.cluster_id {
            return Err(Error::OtherCluster { thing: THING });
        }
        if self.node_id != identity.node_id {
            return Err(Error::OtherNode { thing: THING });
        }
        Ok(())
    }

    /// Refuses a chain that is not the one the seal was given with. A seal that does not say which that was vouches for one
    /// authority: the one that signed it.
    pub(super) fn check_chain(&self, chain_pem: &str, authorities: usize) -> Result<()> {
        match &self.chain_hash {
            Some(hash) if *hash == chain_hash(chain_pem)? => Ok(()),
            Some(_) => Err(Error::OtherChain),
            None if authorities == 1 => Ok(()),
            None => Err(Error::UnboundChain),
        }
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|_| Error::Crypto {
            doing: "writing the header of a seal",
        })
    }

    pub(super) fn from_json(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|_| Error::Malformed { thing: THING })
    }
}
