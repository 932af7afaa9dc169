//! Members in whose place another node answers; and those that are down or do not apply: what the view of this node says already ([`crate::summary`]).

use std::collections::BTreeMap;

use super::super::{Alarm, Cause, Finding, Severity};
use crate::api::summary::{View, Viewed};

/// A node that has answered in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impostor {
    /// Where the other one should be.
    pub host: String,
    /// The name in the certificate of the one that answered: its id.
    pub found: String,
}

/// Members in whose place another node answers.
pub(super) fn impostors(impostors: &BTreeMap<String, Impostor>) -> Vec<Finding> {
    let found = impostors.iter().map(|(id, impostor)| {
        let Impostor { host, found } = impostor;
        let text = format!("at {host}, where node {id} should be, node {found} answers; nothing is exchanged with it");
        finding(Alarm::PeerIdentity, id, text)
    });
    found.collect()
}

/// Members that are down.
pub(super) fn down(view: &View) -> Vec<Finding> {
    let down = others(view).filter(|(_, node)| node.node_info.status.code == "d");
    down.map(|(id, node)| {
        let why = node.node_info.status.reason.as_deref().unwrap_or("it is silent");
        finding(Alarm::NodeDown, id, format!("{} is down: {why}", node.node_info.host))
    })
    .collect()
}

/// Members that are heard, and do not answer what they are asked: by id, the host and why.
pub(super) fn silent<'a>(
    unanswered: impl IntoIterator<Item = (&'a String, &'a (String, String))>,
) -> impl Iterator<Item = Finding> {
    let silent = unanswered.into_iter();
    silent.map(|(id, (host, why))| finding(Alarm::NodeDown, id, format!("{host} does not answer: {why}")))
}

/// Members that are connected and apply nothing.
pub(super) fn blocked(view: &View) -> Vec<Finding> {
    let blocked = others(view).filter_map(|(id, node)| {
        let link = node.node_info.link.as_ref().filter(|link| link.replication_blocked)?;
        let host = &node.node_info.host;
        let text = format!(
            "{host} is connected, {} behind, and applies nothing",
            link.replay_lag_size
        );
        Some(finding(Alarm::ReplicationBlocked, id, text))
    });
    blocked.collect()
}

fn others(view: &View) -> impl Iterator<Item = (&String, &Viewed)> {
    view.cluster_summary
        .iter()
        .filter(|(_, node)| !node.node_info.is_this_node)
}

fn finding(alarm: Alarm, id: &str, text: String) -> Finding {
    Finding {
        cause: Cause::new(alarm, id),
        severity: Severity::Critical,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(status: &str, blocked: bool) -> View {
        let link = serde_json::to_value(crate::api::summary::LinkInfo {
            replication_blocked: blocked,
            replay_lag_size: "12 MB".to_owned(),
            ..Default::default()
        });
        let mut peer = serde_json::json!({"host": "10.0.0.2", "isThisNode": false, "nodeID": "b", "port": 5432,
            "publicAddress": "", "status": {"code": status, "description": "", "reason": "no route to it"}});
        peer.as_object_mut()
            .unwrap()
            .append(link.unwrap().as_object_mut().unwrap());
        let mut this = peer.clone();
        this["isThisNode"] = true.into();
        serde_json::from_value(
            serde_json::json!({"lastUpdated": "2026-01-01T00:00:00Z", "clusterSummary": {
            "a": {"clusterErrors": null, "summary": "GOOD", "nodeInfo": this},
            "b": {"clusterErrors": null, "summary": "GOOD", "nodeInfo": peer}}}),
        )
        .unwrap()
    }

    #[test]
    fn a_node_in_the_place_of_another_is_told_with_both_ids() {
        let impostor = Impostor {
            host: "10.0.0.2".to_owned(),
            found: "cc".to_owned(),
        };
        let found = impostors(&[("bb".to_owned(), impostor)].into());
        assert_eq!(found[0].cause.subject, "bb");
        assert_eq!(
            found[0].text,
            "at 10.0.0.2, where node bb should be, node cc answers; nothing is exchanged with it"
        );
    }

    #[test]
    fn a_member_that_is_down_is_found_with_the_words_of_the_view() {
        let found = down(&view("d", false));
        assert_eq!(found.len(), 1, "the node itself is not looked at");
        assert_eq!(found[0].cause.subject, "b");
        assert_eq!(found[0].text, "10.0.0.2 is down: no route to it");
        assert!(down(&view("r", false)).is_empty() && down(&view("m", false)).is_empty());
    }

    #[test]
    fn a_member_that_is_heard_and_does_not_answer_is_found_once_and_with_the_reason() {
        let unanswered = [("b".to_owned(), ("10.0.0.2".to_owned(), "it stands still".to_owned()))];
        let facts = |status| crate::alarm::judge::Facts {
            view: Some(view(status, false)),
            unanswered: Some(unanswered.clone().into()),
            ..Default::default()
        };
        let texts = |status| {
            let look = crate::alarm::judge::judge(&facts(status), &BTreeMap::new());
            let down = look
                .found
                .into_iter()
                .filter(|found| found.cause.alarm == Alarm::NodeDown);
            down.map(|found| found.text).collect::<Vec<_>>()
        };
        assert_eq!(texts("r"), ["10.0.0.2 does not answer: it stands still"]);
        assert_eq!(texts("d"), ["10.0.0.2 is down: no route to it"]);
    }

    #[test]
    fn a_member_that_applies_nothing_is_found_with_how_far_it_is_behind() {
        let found = blocked(&view("r", true));
        assert_eq!(
            found[0].text,
            "10.0.0.2 is connected, 12 MB behind, and applies nothing"
        );
        assert!(blocked(&view("r", false)).is_empty());
    }
}
