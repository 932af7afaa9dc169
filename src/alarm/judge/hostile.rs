//! What other nodes send or do that no node does: each is an alarm of its own, about that node.

use std::collections::BTreeMap;

use super::super::{Alarm, Cause, Finding, Severity};

/// One finding a node, with what was seen of it.
pub(super) fn told(alarm: Alarm, seen: &BTreeMap<String, String>) -> Vec<Finding> {
    let finding = |(node, text): (&String, &String)| Finding {
        cause: Cause::new(alarm, node.clone()),
        severity: Severity::Critical,
        text: text.clone(),
    };
    seen.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_that_does_what_no_node_does_is_an_alarm_of_its_own() {
        let seen = BTreeMap::from([
            ("a".to_owned(), "it copies the server".to_owned()),
            ("unknown".to_owned(), "slot mine is none of the cluster".to_owned()),
        ]);
        let told = told(Alarm::PeerMisuse, &seen);
        let subjects: Vec<&str> = told.iter().map(|finding| &*finding.cause.subject).collect();
        assert_eq!(subjects, ["a", "unknown"]);
        assert_eq!(told[0].text, "it copies the server");
    }
}
