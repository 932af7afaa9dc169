//! What a client must give to make a cluster, to have a node signed, and to join: checked once, here.
//!
//! A checked request has no optional left that is needed. Nothing here looks at a certificate (`certs`) or at this
//! node's state (`appliance/src/cluster`).

use crate::api::cluster::{DEFAULT_PORT, JoinRequest, NewClusterRequest, NewNodeRequest};
use crate::error::{Error, Result};
use crate::text::host;
use crate::text::name::Name;

/// Where a node's PostgreSQL is reached by other nodes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Address {
    /// An IP address or a DNS name, without scheme and port.
    pub host: String,
    /// PostgreSQL's port.
    pub port: u16,
}

impl Address {
    /// Checks what a client gave as `field`. A missing host, or one that could not stand in a certificate and in a
    /// PostgreSQL connection string, is refused.
    pub fn checked(field: &str, host: Option<String>, port: Option<u16>) -> Result<Self> {
        let host = host.ok_or_else(|| Error::bad_request(format!("{field} is missing")))?;
        let host = host::checked(field, host)?;
        Ok(Self {
            host,
            port: port.unwrap_or(DEFAULT_PORT),
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A checked `POST /v1/cluster/new`.
#[derive(Debug, Clone)]
pub struct NewCluster {
    /// Where other nodes will reach this one.
    pub local: Address,
    /// Where users reach it; `""` when not given.
    pub public_address: String,
}

impl TryFrom<NewClusterRequest> for NewCluster {
    type Error = Error;

    fn try_from(asked: NewClusterRequest) -> Result<Self> {
        Ok(Self {
            local: Address::checked("localNodeHost", asked.local_node_host, asked.local_node_port)?,
            public_address: public_address(asked.public_address)?,
        })
    }
}

/// A checked `POST /v1/nodes`.
#[derive(Debug, Clone)]
pub struct NewNode {
    /// The signing request in PEM, not yet looked at.
    pub csr: String,
    /// The address the certificate is made out to. The port is told in the join.
    pub host: String,
}

impl TryFrom<NewNodeRequest> for NewNode {
    type Error = Error;

    fn try_from(asked: NewNodeRequest) -> Result<Self> {
        if asked.shared_hsm_partition {
            return Err(
                Error::new(crate::Kind::NotBuilt, "joining by a shared HSM partition is not built")
                    .with_hint("leave shared_hsm_partition out: the master key is then sealed to the node's own key"),
            );
        }
        let csr = asked.csr.ok_or_else(|| Error::bad_request("csr is missing"))?;
        let host = Address::checked("newNodeHost", asked.new_node_host, None)?.host;
        Ok(Self { csr, host })
    }
}

/// A checked `POST /v1/cluster/join`.
#[derive(Debug, Clone)]
pub struct Join {
    /// This node's certificate in PEM, not yet looked at.
    pub cert: String,
    /// The cluster's CA in PEM, not yet looked at.
    pub cachain: String,
    /// The sealed master key, not yet opened.
    pub mkek_blob: String,
    /// Where the members reach this node.
    pub local: Address,
    /// Where users reach this node; `""` when not given.
    pub public_address: String,
    /// The member that signed.
    pub member: Address,
}

impl TryFrom<JoinRequest> for Join {
    type Error = Error;

    fn try_from(asked: JoinRequest) -> Result<Self> {
        let given = |field: &str, value: Option<String>| {
            value.ok_or_else(|| {
                Error::bad_request(format!("{field} is missing"))
                    .with_hint("cert, cachain and mkek_blob come from a member: `ksctl cluster nodes create`")
            })
        };
        let local = Address::checked("localNodeHost", asked.local_node_host, asked.local_node_port)?;
        let member = Address::checked("memberNodeHost", asked.member_node_host, asked.member_node_port)?;
        if local == member {
            return Err(Error::invalid_param(
                "a node cannot join itself: localNodeHost and memberNodeHost are the same",
            ));
        }
        Ok(Self {
            cert: given("cert", asked.cert)?,
            cachain: given("cachain", asked.cachain)?,
            mkek_blob: given("mkek_blob", asked.mkek_blob)?,
            local,
            public_address: public_address(asked.local_node_public_address)?,
            member,
        })
    }
}

/// A public address is kept verbatim, scheme and all, as far as a name may be: clients show it, and connect to it.
pub fn public_address(given: Option<String>) -> Result<String> {
    Name::checked("publicAddress", &given.unwrap_or_default(), 1024).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(text: &str) -> Result<Join> {
        serde_json::from_str::<JoinRequest>(text).unwrap().try_into()
    }

    #[test]
    fn ports_that_are_zero_and_texts_that_are_empty_mean_the_default() {
        let asked = join(
            r#"{"cert":"c","cachain":"a","mkek_blob":"m","localNodeHost":"10.0.0.2","memberNodeHost":"10.0.0.1",
                "memberNodePort":0,"localNodePublicAddress":"","id":"","blocking":null}"#,
        )
        .unwrap();
        assert_eq!(asked.member.port, 5432);
        assert_eq!(asked.public_address, "");
    }

    #[test]
    fn what_is_missing_is_named() {
        let refused = join(r#"{"localNodeHost":"a","memberNodeHost":"b","cert":"c"}"#).unwrap_err();
        assert_eq!(refused.to_string(), "cachain is missing");
    }

    #[test]
    fn a_url_is_not_a_host() {
        let refused = Address::checked("localNodeHost", Some("https://10.0.0.1".to_owned()), None).unwrap_err();
        assert!(refused.hint().is_some_and(|hint| hint.contains("without scheme")));
        assert!(Address::checked("h", Some("10.0.0.1:5432".to_owned()), None).is_err());
        assert!(Address::checked("h", Some("a' or 1=1".to_owned()), None).is_err());
        assert!(Address::checked("h", Some("fe80::1".to_owned()), None).is_ok());
    }

    #[test]
    fn a_node_does_not_join_itself() {
        let refused = join(r#"{"cert":"c","cachain":"a","mkek_blob":"m","localNodeHost":"a","memberNodeHost":"a"}"#);
        assert!(refused.unwrap_err().to_string().contains("cannot join itself"));
    }
}
