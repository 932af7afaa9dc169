//! What nodes ask each other, beyond replication: the calls and their answers.
//!
//! They travel over PostgreSQL's port as rows of a table, so that one port and one mutual TLS serve everything; who
//! asks is the role PostgreSQL has authenticated. Asking is `appliance/src/peers/call.rs`, answering
//! `appliance/src/peers/answer.rs`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};
use crate::id::{NodeId, NodeNumber};
use crate::join::preflight::MemberFacts;
use crate::join::request::Address;
use crate::join::stage::Stage;

/// A question with the type of its answer.
pub trait Call: Serialize + DeserializeOwned {
    /// Its name on the wire.
    const KIND: &'static str;
    /// What is answered.
    type Answer: Serialize + DeserializeOwned;
}

/// Who are you, and could I join? Asked by a node that holds a certificate and is not yet recorded.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hello {}

impl Call for Hello {
    const KIND: &'static str = "hello";
    type Answer = MemberFacts;
}

/// Can you reach me? The other half of the pre-flight: the member tries, with full checks of the certificate.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reach {
    /// Where the asking node says it is.
    pub address: Address,
}

impl Call for Reach {
    const KIND: &'static str = "reach";
    type Answer = ();
}

/// Take me in. Spends the ticket; asking again with the same ticket gives the same number, and the place as it is then.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    /// The ticket that came sealed with the master key.
    pub ticket: String,
    /// Where the members reach the asking node.
    pub address: Address,
    /// Where users reach it.
    pub public_address: String,
}

impl Call for Record {
    const KIND: &'static str = "record";
    type Answer = Recorded;
}

/// The asking node is recorded, and may go on when its place is 1.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number for good.
    pub number: NodeNumber,
    /// Its place among the nodes that join.
    pub place: usize,
    /// Where the members are: each can be told when the node gives up.
    pub members: BTreeMap<NodeNumber, Address>,
    /// Who they are. Earlier versions do not say it.
    #[serde(default)]
    pub ids: BTreeMap<NodeNumber, NodeId>,
}

/// This is how far I am. So that the members' lists of nodes show it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// The stage the asking node has entered.
    pub stage: Stage,
}

impl Call for Report {
    const KIND: &'static str = "report";
    type Answer = ();
}

/// I have caught up: subscribe to me.
#[derive(Debug, Serialize, Deserialize)]
pub struct Subscribe {}

impl Call for Subscribe {
    const KIND: &'static str = "subscribe";
    type Answer = ();
}

/// I give up joining: forget me.
#[derive(Debug, Serialize, Deserialize)]
pub struct Withdraw {
    /// The ticket of the join that is given up: it may not have been spent yet.
    pub ticket: String,
}

impl Call for Withdraw {
    const KIND: &'static str = "withdraw";
    type Answer = ();
}

/// An answer, or why there is none. Internal causes stay where they happened.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply<T> {
    /// The answer.
    Ok(T),
    /// A refusal.
    Refused {
        /// See [`Kind`].
        kind: Kind,
        /// For people.
        message: String,
        /// The way out.
        hint: Option<String>,
    },
}

impl<T> Reply<T> {
    /// The reply that a result becomes.
    pub fn from_result(result: Result<T, Error>) -> Self {
        match result {
            Ok(answer) => Self::Ok(answer),
            Err(error) => Self::Refused {
                kind: error.kind(),
                message: error.to_string(),
                hint: error.hint().map(str::to_owned),
            },
        }
    }

    /// The result that a reply becomes on the asking side.
    pub fn into_result(self) -> Result<T, Error> {
        match self {
            Self::Ok(answer) => Ok(answer),
            Self::Refused { kind, message, hint } => {
                let error = Error::new(kind, message);
                Err(match hint {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_kind_and_hint_and_leaves_its_cause_behind() {
        let cause = std::io::Error::other("secret detail");
        let refused = Error::conflict("the cluster is full")
            .with_hint("remove one")
            .caused_by(cause);
        let text = serde_json::to_string(&Reply::<()>::from_result(Err(refused))).unwrap();
        assert!(!text.contains("secret"), "{text}");
        let back = serde_json::from_str::<Reply<()>>(&text)
            .unwrap()
            .into_result()
            .unwrap_err();
        assert_eq!((back.kind(), back.hint()), (Kind::Conflict, Some("remove one")));
    }
}
