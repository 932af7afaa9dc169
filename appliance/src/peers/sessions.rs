//! What this agent has open to other nodes, and who answered where another one was expected.
//!
//! A session that is open outlives the certificate it was opened with: those to a removed node are ended here, whoever
//! holds them. Which nodes those are is decided by the list of nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keystead::NodeId;
use keystead::alarm::judge::Impostor;
use tokio::task::AbortHandle;

use super::target::Target;
use super::verifier::{AnotherNode, Shown};

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: Mutex<Vec<(NodeId, AbortHandle)>>,
    impostors: Mutex<BTreeMap<NodeId, Impostor>>,
    named: Mutex<BTreeSet<NodeId>>,
}

impl Sessions {
    /// A session with `node` was opened; `task` drives it.
    pub(super) fn opened(&self, node: NodeId, task: AbortHandle) {
        let mut open = lock(&self.open);
        open.retain(|(_, task)| !task.is_finished());
        open.push((node, task));
    }

    /// Ends the sessions with nodes that `is_gone`; how many there were.
    pub(super) fn end(&self, is_gone: impl Fn(&NodeId) -> bool) -> usize {
        let mut open = lock(&self.open);
        let before = open.len();
        open.retain(|(node, task)| {
            let ends = is_gone(node);
            if ends {
                task.abort();
            }
            !ends
        });
        before - open.len()
    }

    /// The node that was meant has answered, as far as that is known.
    pub(super) fn answered(&self, target: &Target, shown: &Shown) {
        if let Some(expected) = &target.id {
            lock(&self.impostors).remove(expected);
        }
        if shown.names_node {
            lock(&self.named).insert(shown.id.clone());
        }
    }

    /// Another node has answered.
    pub(super) fn another_answered(&self, target: &Target, another: &AnotherNode) {
        let impostor = Impostor {
            host: target.address.host.clone(),
            found: another.found.clone(),
        };
        lock(&self.impostors).insert(another.expected.clone(), impostor);
    }

    /// Has the node shown a certificate that names it?
    pub(super) fn has_named_itself(&self, node: &NodeId) -> bool {
        lock(&self.named).contains(node)
    }

    /// Who answered last where another node was expected, by the expected one.
    pub(super) fn impostors(&self) -> BTreeMap<NodeId, Impostor> {
        lock(&self.impostors).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use keystead::join::request::Address;

    use super::*;

    fn id(digit: char) -> NodeId {
        digit.to_string().repeat(32).parse().unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "stands for a session, and ends in the test")]
    fn session() -> tokio::task::JoinHandle<()> {
        tokio::spawn(std::future::pending())
    }

    #[tokio::test]
    async fn sessions_with_a_removed_node_end_and_others_go_on() {
        let (sessions, removed, other) = (Sessions::default(), session(), session());
        sessions.opened(id('a'), removed.abort_handle());
        sessions.opened(id('b'), other.abort_handle());
        assert_eq!(sessions.end(|node| *node == id('a')), 1);
        assert!(removed.await.unwrap_err().is_cancelled());
        assert!(!other.is_finished());
        assert_eq!(sessions.end(|node| *node == id('a')), 0);
        other.abort();
    }

    #[test]
    fn an_impostor_is_known_until_the_right_node_answers() {
        let sessions = Sessions::default();
        let address = Address {
            host: "10.0.0.2".to_owned(),
            port: 5432,
        };
        let target = Target::new(&address, &id('a'));
        let another = AnotherNode {
            expected: id('a'),
            found: id('b').to_string(),
        };
        sessions.another_answered(&target, &another);
        assert_eq!(sessions.impostors()[&id('a')].found, id('b').to_string());
        let shown = Shown {
            id: id('a'),
            names_node: true,
        };
        sessions.answered(&target, &shown);
        assert!(sessions.impostors().is_empty());
        assert!(sessions.has_named_itself(&id('a')) && !sessions.has_named_itself(&id('b')));
    }
}
