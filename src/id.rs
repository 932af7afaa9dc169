//! What a node is called: its id (public, opaque, new at every join) and its number (small, for SQL names and origins).
//!
//! This file decides what a well-formed id is. It never makes one: randomness belongs to `appliance`.
//! Next: [`crate::replication::names`], which builds slot and role names from these.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A node's id: 32 lower-case hexadecimal digits, as current clients expect it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, example = "78f3f9e6b0c14f1e9d52a3c7be713c01"))]
pub struct NodeId(String);

impl NodeId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeId {
    type Err = Error;

    /// Accepts 32 hexadecimal digits, with or without the dashes of a UUID, in any case.
    fn from_str(text: &str) -> Result<Self> {
        let digits: String = text
            .chars()
            .filter(|c| *c != '-')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if digits.len() == 32 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
            Ok(Self(digits))
        } else {
            Err(Error::invalid_param("a node id is 32 hexadecimal digits"))
        }
    }
}

impl TryFrom<String> for NodeId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        id.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A node's number: the `origin` of its rows and the short name in slots. Given once, never used again in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeNumber(pub i32);

impl NodeNumber {
    /// The number of a node that is not in a cluster, and of the node that makes one.
    pub const FIRST: Self = Self(1);

    /// The number of a node that gave up before it was given one: all that is known of it is that its certificate is void.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for NodeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_written_as_a_uuid() {
        let id: NodeId = "AB40E178-5F1D-4F03-8B26-7CA378F74988".parse().unwrap();
        assert_eq!(id.as_str(), "ab40e1785f1d4f038b267ca378f74988");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "1", "zz40e1785f1d4f038b267ca378f74988", "'; drop table node; --"] {
            assert!(text.parse::<NodeId>().is_err(), "{text:?} was accepted");
        }
    }
}
