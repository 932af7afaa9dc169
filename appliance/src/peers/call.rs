//! Asking a peer's agent a question and waiting for its answer.

use std::time::Duration;

use keystead::peer::{Call, Reply};
use keystead::{Error, Result};
use sql::Peer;

/// How often to look for the answer: a local query on the other side.
const LOOK: Duration = Duration::from_millis(20);

/// Asks the node behind `peer`.
///
/// # Errors
/// The peer's refusal, or [`keystead::Kind::Unavailable`] when its agent does not answer.
pub(crate) async fn ask<C: Call + Sync>(peer: &Peer, question: &C) -> Result<C::Answer> {
    let body = serde_json::to_value(question).map_err(|source| Error::internal("asking a peer", source))?;
    let asking = async { wait(peer, sql::call::ask(peer, C::KIND, &body).await?).await };
    let asked = tokio::time::timeout(peer.terms().call, asking).await;
    let answer = asked.map_err(|_| {
        Error::unavailable("the other node's PostgreSQL answers, its keysteadd does not")
            .with_hint("check `systemctl status keysteadd` on it")
    })??;
    serde_json::from_value::<Reply<C::Answer>>(answer)
        .map_err(|source| Error::internal("reading a peer's answer", source))?
        .into_result()
}

async fn wait(peer: &Peer, id: i64) -> Result<serde_json::Value> {
    loop {
        if let Some(answer) = sql::call::answer(peer, id).await? {
            return Ok(answer);
        }
        tokio::time::sleep(LOOK).await;
    }
}
