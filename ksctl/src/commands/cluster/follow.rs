//! Waiting for the end of a join, for `--block`.
//!
//! This file asks the joining node again and again and shows what it says. What its words mean is decided in
//! [`super::reading`], how long bad ones are borne in [`super::patience`].
//!
//! In the middle of a join the node's own accounts are replaced by those of the cluster. So the token it gave is used
//! while it lasts, and then the identity that is good in the cluster; never the old password, which would count as a
//! failed log-in on the cluster's account.

use std::time::Duration;

use keystead::api::cluster::ClusterInfo;
use tokio::time::{Instant, sleep};

use super::patience::Patience;
use super::reading::{Reading, read};
use crate::client::{Answer, Call, Client};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::printer::progress::JoinLine;
use crate::settings::Identity;

/// How often the node is asked.
const EVERY: Duration = Duration::from_millis(250);

/// How long to wait before credentials that were refused are tried again.
const AFTER_REFUSAL: Duration = Duration::from_secs(2);

struct Follow {
    node: Client,
    cluster: Identity,
    adopted: bool,
    line: JoinLine,
    patience: Patience,
    began: Instant,
}

/// Waits until the node is ready, and gives back what it says then.
pub(crate) async fn until_ready(mut node: Client, cluster: Identity, printer: Printer) -> Result<Answer, Failure> {
    node.keep_only_token();
    let line = JoinLine::new(printer);
    let patience = Patience::default();
    let mut follow = Follow {
        node,
        cluster,
        adopted: false,
        line,
        patience,
        began: Instant::now(),
    };
    let ended = loop {
        let answer = follow.node.send(&Call::get("cluster")).await;
        match follow.weigh(answer) {
            Ok(Next::Ask(pause)) => sleep(pause).await,
            Ok(Next::Done(answer)) => break Ok(answer),
            Err(failure) => break Err(failure),
        }
    };
    follow.line.end();
    ended
}

enum Next {
    Ask(Duration),
    Done(Answer),
}

impl Follow {
    fn weigh(&mut self, answer: Result<Answer, Failure>) -> Result<Next, Failure> {
        match answer {
            Ok(answer) => {
                let info: ClusterInfo = answer.parse()?;
                self.weigh_status(&info)
                    .map(|ready| if ready { Next::Done(answer) } else { Next::Ask(EVERY) })
            }
            Err(failure) if failure.is_unauthorized() => self.weigh_refusal(failure),
            Err(failure) if failure.is_passing() => {
                self.line.waiting(&failure.to_string());
                self.patience.bear(failure, self.began.elapsed())?;
                Ok(Next::Ask(EVERY))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Is the node ready?
    fn weigh_status(&mut self, info: &ClusterInfo) -> Result<bool, Failure> {
        match read(&info.status.code) {
            Reading::Ready => return Ok(true),
            Reading::Joining => {
                self.patience.renew();
                self.line.show(info);
            }
            Reading::Failed => return Err(failed(info)),
            Reading::Unclear => {
                self.line.waiting(&info.status.description);
                self.patience.bear(failed(info), self.began.elapsed())?;
            }
        }
        Ok(false)
    }

    fn weigh_refusal(&mut self, failure: Failure) -> Result<Next, Failure> {
        self.node.adopt(self.cluster.clone());
        if !std::mem::replace(&mut self.adopted, true) {
            return Ok(Next::Ask(Duration::ZERO));
        }
        self.patience.bear_refusal(failure)?;
        Ok(Next::Ask(AFTER_REFUSAL))
    }
}

fn failed(info: &ClusterInfo) -> Failure {
    let why = info
        .status
        .reason
        .as_deref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    Failure::refused(format!(
        "the join did not succeed, the node is {}{why}",
        info.status.description
    ))
}
