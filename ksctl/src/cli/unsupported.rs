//! Commands that clients of the wire contract know and this program does not have.
//!
//! They are told apart from slips of the hand: a user who types one of them is not helped by a word that looks like it. What
//! is not there, and why, is in `docs/not-built.md`.

/// The page that lists what is not supported.
pub(crate) const PAGE: &str = "docs/not-built.md lists what is not supported, `ksctl --help` what is";

/// First words of which there is nothing.
const TREES: &[&str] = &[
    "banners",
    "ca",
    "client-records",
    "clientmgmt",
    "connections",
    "crypto",
    "cte",
    "diskenc",
    "dnshosts",
    "domains",
    "groupmaps",
    "groups",
    "hsm",
    "interfaces",
    "key-policy",
    "licensing",
    "log-forwarders",
    "mkeks",
    "network",
    "notification",
    "ntp",
    "polattach",
    "policy",
    "properties",
    "proxy",
    "proxyprotocolallowproxies",
    "quorum",
    "quorum-policy",
    "quorum-profiles",
    "records",
    "reports",
    "rot-keys",
    "scheduler",
    "scp",
    "secrets",
    "templates",
    "tokens",
    "trusted-ca-cert",
    "users",
];

/// Words below first words of which there is something.
const BRANCHES: &[(&str, &[&str])] = &[
    ("backup", &["scp"]),
    (
        "keys",
        &[
            "alias",
            "archive",
            "clone",
            "generate-kcv",
            "list-labels",
            "modify",
            "query",
            "reactivate",
            "recover",
        ],
    ),
    ("services", &["restart"]),
    ("info", &["set"]),
];

/// The command that is not supported, if `word` is one, typed behind the word `before`.
pub(super) fn command(before: Option<&str>, word: &str) -> Option<String> {
    if let Some(before) = before {
        let (_, below) = BRANCHES.iter().find(|(parent, _)| *parent == before)?;
        let before = if before == "info" { "system info" } else { before };
        return below.contains(&word).then(|| format!("{before} {word}"));
    }
    TREES.contains(&word).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn what_is_there_is_not_said_to_be_missing() {
        let root = Cli::command();
        let names: Vec<&str> = root.get_subcommands().map(clap::Command::get_name).collect();
        assert!(TREES.iter().all(|tree| !names.contains(tree)), "{names:?}");
        for (parent, below) in BRANCHES {
            let there = root
                .find_subcommand(parent)
                .or_else(|| root.find_subcommand("system")?.find_subcommand(parent));
            assert!(
                below.iter().all(|word| there.unwrap().find_subcommand(word).is_none()),
                "{parent}"
            );
        }
    }

    #[test]
    fn all_of_them_are_on_the_page() {
        let page = include_str!("../../../docs/not-built.md");
        let words = BRANCHES.iter().flat_map(|(_, below)| below.iter()).chain(TREES);
        let missing: Vec<&&str> = words
            .filter(|word| !page.contains(&format!("`{word}`")) && !page.contains(&format!(" {word}`")))
            .collect();
        let missing: Vec<&&&str> = missing
            .iter()
            .filter(|word| !page.contains(&format!("\n{word}`")))
            .collect();
        assert!(missing.is_empty(), "docs/not-built.md does not name {missing:?}");
    }

    #[test]
    fn a_word_counts_only_where_it_stands() {
        assert_eq!(command(None, "users").as_deref(), Some("users"));
        assert_eq!(
            command(Some("services"), "restart").as_deref(),
            Some("services restart")
        );
        assert_eq!(command(Some("cluster"), "restart"), None);
        assert_eq!(command(None, "restart"), None);
    }
}
