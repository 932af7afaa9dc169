//! How PostgreSQL itself reaches a peer: the connection string of a subscription.
//!
//! No password: the certificate is the credential, and it is read from files that PostgreSQL's own account can read.

use keystead::NodeId;
use keystead::join::request::Address;
use keystead::replication::names;

use crate::postgres::Paths;

/// The connection string from the node `me` to the peer at `address`.
pub(crate) fn of(paths: &Paths, me: &NodeId, address: &Address) -> String {
    let user = names::role(me);
    let port = address.port.to_string();
    let (certificate, key, authority) = (paths.tls_certificate(), paths.tls_key(), paths.tls_authority());
    let (certificate, key, authority) = (
        certificate.to_string_lossy(),
        key.to_string_lossy(),
        authority.to_string_lossy(),
    );
    let pairs: [(&str, &str); 15] = [
        ("host", &address.host),
        ("port", &port),
        ("dbname", sql::database::CLUSTER),
        ("user", &user),
        ("sslmode", "verify-full"),
        ("sslcert", &certificate),
        ("sslkey", &key),
        ("sslrootcert", &authority),
        ("ssl_min_protocol_version", "TLSv1.3"),
        ("connect_timeout", "5"),
        ("keepalives_idle", "5"),
        ("keepalives_interval", "2"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "10000"),
        ("gssencmode", "disable"),
    ];
    let quoted = pairs.map(|(name, value)| format!("{name}='{}'", value.replace('\\', r"\\").replace('\'', r"\'")));
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_quotes_and_blanks_stays_one_value() {
        let id: NodeId = "a".repeat(32).parse().unwrap();
        let address = Address {
            host: "10.0.0.1".to_owned(),
            port: 5432,
        };
        let text = of(&Paths::new("/srv/key's vault"), &id, &address);
        assert!(text.contains(r"sslcert='/srv/key\'s vault/tls/node.crt'"), "{text}");
        assert!(text.contains("sslmode='verify-full'"));
    }
}
