//! Where sessions with peers come from: each has its deadlines, and what becomes of its questions is heard.
//!
//! Cheap to clone. How a connection is made and what it means when there is none is in `connect.rs`; how long a peer may
//! take, in `keystead::deadline`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keystead::alarm::judge::Impostor;
use keystead::deadline::Terms;
use keystead::join::request::Address;
use keystead::{Error, Kind, NodeId, Result};
use sql::{Again, Peer, Way};

use super::connect;
use super::sessions::Sessions;
use super::target::Target;
use super::unanswered::Unanswered;
use crate::postgres::Paths;

/// See the head of this file.
#[derive(Debug, Clone)]
pub(crate) struct PeerClient {
    paths: Paths,
    terms: Terms,
    unanswered: Arc<Unanswered>,
    sessions: Arc<Sessions>,
}

impl PeerClient {
    /// Peers are asked with the certificate under `paths`, on these terms.
    pub(crate) fn new(paths: Paths, terms: Terms) -> Self {
        Self {
            paths,
            terms,
            unanswered: Arc::default(),
            sessions: Arc::default(),
        }
    }

    /// The terms on which peers are asked.
    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What peers did not answer.
    pub(crate) fn unanswered(&self) -> &Unanswered {
        &self.unanswered
    }

    /// Ends what is open to nodes that `is_gone`, whoever holds it; how many sessions there were.
    pub(crate) fn end_sessions(&self, is_gone: impl Fn(&NodeId) -> bool) -> usize {
        self.sessions.end(is_gone)
    }

    /// Has the node shown a certificate that names it beside its address? It does not lose that again.
    pub(crate) fn has_named_itself(&self, node: &NodeId) -> bool {
        self.sessions.has_named_itself(node)
    }

    /// Who answered last where another node was expected, by the expected one.
    pub(crate) fn impostors(&self) -> BTreeMap<NodeId, Impostor> {
        self.sessions.impostors()
    }

    /// A session with the peer `to`, as the node `me`.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when it cannot be reached, [`Kind::Unauthorized`] when it does not admit this node,
    /// [`Kind::Forbidden`] when either side refuses the other's certificate, or another node answers.
    pub(crate) async fn connect(&self, me: &NodeId, to: &Target) -> Result<Peer> {
        let address = &to.address;
        let way = Way {
            name: address.to_string(),
            config: connect::config(me, address),
            terms: self.terms,
            hears: self.unanswered.hears(address),
            again: self.again(me, to),
        };
        // Boxed, for it is large and is awaited in many places.
        Box::pin(connect::open(&self.paths, &self.sessions, to, way)).await
    }

    /// Proves that the node `to` is reached and has the right certificate, without being admitted.
    ///
    /// # Errors
    /// As [`Self::connect`], but being turned away after the handshake is a success.
    pub(crate) async fn reach(&self, me: &NodeId, to: &Target) -> Result<()> {
        match self.connect(me, to).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == Kind::Unauthorized => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A session with a peer that has answered a question: one that takes connections may stand still behind them.
    ///
    /// # Errors
    /// As [`Self::connect`], and when the question is not answered.
    pub(crate) async fn connect_and_ask(&self, me: &NodeId, to: &Target) -> Result<Peer> {
        let peer = self.connect(me, to).await?;
        sql::link::is_admitted(&peer).await?;
        Ok(peer)
    }

    /// Asks the peer at `address` several questions, which together may not take longer than `patience`.
    ///
    /// # Errors
    /// Those of `asking`; [`Kind::Unavailable`] when the time is up.
    pub(crate) async fn together<T>(
        &self,
        address: &Address,
        (questions, patience): (&'static str, Duration),
        asking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Ok(asked) = tokio::time::timeout(patience, asking).await else {
            let text = format!("{address} did not answer {questions} within {patience:?}");
            let error = Error::unavailable(text);
            self.unanswered.failed(&address.to_string(), questions, &error);
            return Err(error);
        };
        if asked.is_ok() {
            self.unanswered.answered(&address.to_string(), questions);
        }
        asked
    }

    /// For one question: a session that makes another one would go on without end.
    fn again(&self, me: &NodeId, to: &Target) -> Again {
        let (client, me, to) = (self.clone(), me.clone(), to.clone());
        Box::new(move || {
            let (client, me, to) = (client.clone(), me.clone(), to.clone());
            Box::pin(async move { client.connect(&me, &to).await.ok() })
        })
    }
}
