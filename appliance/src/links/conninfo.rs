//! How PostgreSQL itself reaches a peer: the connection string of a subscription.
//!
//! No password: the certificate is the credential, and it is read from files that PostgreSQL's own account can read. The
//! peer's certificate is checked against the revocation list, and for the peer's own name where it has that: libpq can
//! compare nothing but the name of a host, so the name of the node stands there, and the address apart (decision 38).

use std::collections::BTreeMap;
use std::net::IpAddr;

use keystead::member::roster::{Member, Roster};
use keystead::replication::names;
use keystead::{NodeId, Result};
use sql::Connection;

use crate::agent::Agent;
use crate::peers::Target;
use crate::postgres::Paths;

/// The connection string from the node `me` to `peer`; with `names_node`, its certificate must name it.
pub(super) fn of(paths: &Paths, me: &NodeId, peer: &Member, names_node: bool) -> String {
    let (user, port, host) = (names::role(me), peer.address.port.to_string(), &peer.address.host);
    // With a name of DNS, libpq looks it up and compares that.
    let named = (names_node && host.parse::<IpAddr>().is_ok()).then(|| certs::node_name(peer.id.as_str()));
    let reached: &[(&str, &str)] = match &named {
        Some(name) => &[("host", name), ("hostaddr", host)],
        None => &[("host", host)],
    };
    let files = [
        ("sslcert", paths.tls_certificate()),
        ("sslkey", paths.tls_key()),
        ("sslrootcert", paths.tls_authority()),
        ("sslcrl", paths.tls_revoked()),
    ];
    let files = files.iter().map(|(name, path)| (*name, path.to_string_lossy()));
    let others: [(&str, &str); 11] = [
        ("port", &port),
        ("dbname", sql::database::CLUSTER),
        ("user", &user),
        ("sslmode", "verify-full"),
        ("ssl_min_protocol_version", "TLSv1.3"),
        ("connect_timeout", "5"),
        ("keepalives_idle", "5"),
        ("keepalives_interval", "2"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "10000"),
        ("gssencmode", "disable"),
    ];
    let given = reached.iter().chain(&others).map(|(name, value)| pair(name, value));
    let all: Vec<String> = given.chain(files.map(|(name, path)| pair(name, &path))).collect();
    all.join(" ")
}

fn pair(name: &str, value: &str) -> String {
    format!("{name}='{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

/// Does this connection string check the name of `peer`?
fn checks_name(conninfo: &str, peer: &Member) -> bool {
    conninfo.contains(&pair("host", &certs::node_name(peer.id.as_str())))
}

/// The connection string for a subscription to `peer` that is about to be made. When nobody has said whether the peer's
/// certificate names it, it is looked at.
pub(super) async fn for_new(agent: &Agent, db: &Connection, me: &NodeId, peer: &Member) -> Result<String> {
    let told = sql::node_certificate::all(db).await?;
    let is_named = |agent: &Agent| agent.peers.has_named_itself(&peer.id);
    let mut names_node = is_named(agent) || told.get(&peer.id).is_some_and(|told| told.names_node);
    if !names_node && agent.peers.reach(me, &Target::of(peer)).await.is_ok() {
        names_node = is_named(agent);
    }
    Ok(of(agent.postgres.paths(), me, peer, names_node))
}

/// The subscriptions that connect in another way than they should by now, with how they should. What checks the peer's name
/// goes on doing so.
pub(super) async fn outdated(
    agent: &Agent,
    db: &Connection,
    roster: &Roster,
    me: &Member,
) -> Result<BTreeMap<String, String>> {
    let (told, present) = (sql::node_certificate::all(db).await?, sql::link::conninfos(db).await?);
    let mut outdated = BTreeMap::new();
    for peer in roster.ready_peers(&me.id) {
        let link = names::link(peer.number, me.number);
        let said = told.get(&peer.id).is_some_and(|told| told.names_node);
        let of_peer = |name: &String| *name == link || names::link_of_lane(name).is_some_and(|of| of == link);
        for (name, now) in present.iter().filter(|(name, _)| of_peer(name)) {
            let wanted = of(agent.postgres.paths(), &me.id, peer, said || checks_name(now, peer));
            if *now != wanted {
                outdated.insert(name.clone(), wanted);
            }
        }
    }
    Ok(outdated)
}

#[cfg(test)]
mod tests {
    use keystead::NodeNumber;
    use keystead::join::request::Address;
    use keystead::join::stage::Stage;
    use keystead::member::roster::NodeState;

    use super::*;

    fn peer(host: &str) -> Member {
        Member {
            id: "b".repeat(32).parse().unwrap(),
            number: NodeNumber(2),
            address: Address {
                host: host.to_owned(),
                port: 5432,
            },
            public_address: String::new(),
            state: NodeState::Ready,
            stage: Stage::Ready,
            serial: String::new(),
            row_version: 1,
        }
    }

    fn text(host: &str, names_node: bool) -> String {
        let id: NodeId = "a".repeat(32).parse().unwrap();
        of(&Paths::new("/srv/key's vault"), &id, &peer(host), names_node)
    }

    #[test]
    fn a_path_with_quotes_and_blanks_stays_one_value() {
        let text = text("10.0.0.1", false);
        assert!(text.contains(r"sslcert='/srv/key\'s vault/tls/node.crt'"), "{text}");
        assert!(text.contains("sslmode='verify-full'"));
    }

    #[test]
    fn certificates_are_checked_against_the_revocation_list() {
        assert!(text("10.0.0.1", false).contains(r"sslcrl='/srv/key\'s vault/tls/crl.pem'"));
    }

    #[test]
    fn a_certificate_that_names_its_node_is_checked_for_that_at_the_nodes_address() {
        let named = format!("host='{}.node.keystead.internal' hostaddr='10.0.0.1' ", "b".repeat(32));
        assert!(text("10.0.0.1", true).starts_with(&named));
        assert!(checks_name(&text("10.0.0.1", true), &peer("10.0.0.1")));
        for (host, names_node) in [("10.0.0.1", false), ("node2.example.com", true)] {
            let text = text(host, names_node);
            assert!(text.starts_with(&format!("host='{host}' port=")), "{text}");
            assert!(!checks_name(&text, &peer(host)));
        }
    }
}
