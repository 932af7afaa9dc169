//! Who may connect to PostgreSQL: the texts of `pg_hba.conf` and `pg_ident.conf`.
//!
//! This file is pure: members in, text out, and back. The accounts of the agent and of PostgreSQL get in through the
//! socket; members of the cluster from the network, each with a certificate, as its own role; nobody else. The word
//! `replication` never stands in a line, so there is no physical replication; what a member can read all the same:
//! docs/security.md.
//! Next: [`super::Postgres::set_access`], which puts them in place.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use keystead::{Error, NodeId, Result};

use super::initdb::SUPERUSER;

/// The database that members may reach; the other, `keystead_local`, belongs to this node alone.
const REPLICATED: &str = "keystead";
/// The ident map of the accounts of this machine.
const LOCAL_MAP: &str = "agent";
/// The ident map of the members.
const MEMBER_MAP: &str = "member";

/// One member that is let in: the name in its certificate, and the one role it may be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PeerAccess {
    /// The node id, which is the common name of its certificate.
    pub(crate) node_id: NodeId,
    /// The role it connects as.
    pub(crate) role: String,
}

/// The roles that have a line in each of the two files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    /// In `pg_hba.conf`.
    pub(crate) hba: BTreeSet<String>,
    /// In `pg_ident.conf`.
    pub(crate) ident: BTreeSet<String>,
}

/// The text of `pg_hba.conf` for these members.
pub(crate) fn hba(members: &[PeerAccess]) -> Result<String> {
    let mut text = format!(
        "# Written by keysteadd; changes made here are lost. The first line that fits decides.\n\
         local   all  {SUPERUSER}  peer  map={LOCAL_MAP}\n\
         local   all  all  reject\n"
    );
    for member in sorted(members)? {
        let role = &member.role;
        // Writing to a text cannot fail.
        writeln!(
            text,
            "hostssl {REPLICATED}  {role}  all  cert  clientcert=verify-full  map={MEMBER_MAP}"
        )
        .ok();
    }
    text.push_str("host    all  all  all  reject\n");
    Ok(text)
}

/// The text of `pg_ident.conf` for these members and the accounts of this machine that are the agent or PostgreSQL.
pub(crate) fn ident(accounts: &[&str], members: &[PeerAccess]) -> Result<String> {
    let mut text = "# Written by keysteadd; changes made here are lost. Map, name outside, role.\n".to_owned();
    let mut accounts = accounts.to_vec();
    accounts.dedup();
    for account in accounts {
        writeln!(text, "{LOCAL_MAP}  \"{account}\"  {SUPERUSER}").ok();
    }
    for member in sorted(members)? {
        writeln!(text, "{MEMBER_MAP}  {}  {}", member.node_id, member.role).ok();
    }
    Ok(text)
}

/// The members that a `pg_ident.conf` of ours lets in. A line that is not of ours is nobody's.
pub(crate) fn members(ident: &str) -> Vec<PeerAccess> {
    let member = |line: &str| {
        let mut words = line.split_whitespace();
        let (map, id, role) = (words.next()?, words.next()?, words.next()?);
        let member = PeerAccess {
            node_id: id.parse().ok()?,
            role: role.to_owned(),
        };
        (map == MEMBER_MAP && check(&member).is_ok()).then_some(member)
    };
    ident.lines().filter_map(member).collect()
}

/// The roles that a `pg_hba.conf` of ours lets in from the network.
pub(crate) fn roles(hba: &str) -> BTreeSet<String> {
    let role = |line: &str| {
        let mut words = line.split_whitespace();
        let (kind, database, role) = (words.next()?, words.next()?, words.next()?);
        (kind == "hostssl" && database == REPLICATED).then(|| role.to_owned())
    };
    hba.lines().filter_map(role).collect()
}

fn sorted(members: &[PeerAccess]) -> Result<Vec<&PeerAccess>> {
    members.iter().try_for_each(check)?;
    let mut sorted: Vec<&PeerAccess> = members.iter().collect();
    sorted.sort();
    sorted.dedup();
    Ok(sorted)
}

/// Refuses a role that would mean something else in these files, or be the superuser.
fn check(member: &PeerAccess) -> Result<()> {
    let role = &member.role;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let keyword = [
        "all",
        "replication",
        "samerole",
        "sameuser",
        "samegroup",
        "postgres",
        SUPERUSER,
    ]
    .contains(&role.as_str());
    if (1..=63).contains(&role.len()) && role.chars().all(plain) && !keyword {
        return Ok(());
    }
    Err(Error::invalid_param(format!("{role:?} cannot be the role of a member")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(digit: char) -> PeerAccess {
        let id = digit.to_string().repeat(32);
        PeerAccess {
            node_id: id.parse().unwrap(),
            role: format!("peer_{id}"),
        }
    }

    #[test]
    fn only_members_get_in_from_the_network_each_with_its_certificate_as_its_own_role() {
        insta::assert_snapshot!(hba(&[member('b'), member('a')]).unwrap(), @r"
        # Written by keysteadd; changes made here are lost. The first line that fits decides.
        local   all  keystead  peer  map=agent
        local   all  all  reject
        hostssl keystead  peer_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  all  cert  clientcert=verify-full  map=member
        hostssl keystead  peer_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb  all  cert  clientcert=verify-full  map=member
        host    all  all  all  reject
        ");
        insta::assert_snapshot!(ident(&["root", "postgres"], &[member('b'), member('a')]).unwrap(), @r#"
        # Written by keysteadd; changes made here are lost. Map, name outside, role.
        agent  "root"  keystead
        agent  "postgres"  keystead
        member  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  peer_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        member  bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb  peer_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        "#);
    }

    #[test]
    fn a_node_without_a_cluster_lets_nobody_in_from_the_network() {
        let text = hba(&[]).unwrap();
        let rules: Vec<&str> = text.lines().filter(|line| line.starts_with("host")).collect();
        assert_eq!(rules, ["host    all  all  all  reject"]);
        assert_eq!(ident(&["ks", "ks"], &[]).unwrap().matches("keystead\n").count(), 1);
    }

    #[test]
    fn the_members_can_be_read_back() {
        let all = vec![member('a'), member('b')];
        assert_eq!(members(&ident(&["root", "postgres"], &all).unwrap()), all);
        let let_in: Vec<String> = all.iter().map(|member| member.role.clone()).collect();
        assert_eq!(roles(&hba(&all).unwrap()).into_iter().collect::<Vec<_>>(), let_in);
        assert_eq!(members("member  zz  peer_1\nagent x keystead\nmember\n"), []);
    }

    #[test]
    fn a_role_that_means_more_than_one_member_is_refused() {
        for role in [
            "",
            "all",
            "replication",
            "keystead",
            "+members",
            "a b",
            "a\nhost all all all trust",
            "peer_\u{e9}",
        ] {
            let wrong = PeerAccess {
                role: role.to_owned(),
                ..member('a')
            };
            assert!(hba(std::slice::from_ref(&wrong)).is_err(), "{role:?} was accepted");
            assert!(ident(&["root"], &[wrong]).is_err(), "{role:?} was accepted");
        }
    }

    #[test]
    fn the_keyword_of_physical_replication_is_in_no_line() {
        assert!(!hba(&[member('a')]).unwrap().contains("replication"));
    }
}
