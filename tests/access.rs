//! Who gets in at PostgreSQL's port: members with their own certificate over TLS 1.3, as their own role, and nobody else.
//!
//! The attempts are made by libpq, which knows nothing of the product.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use certs::{Authority, CheckedRequest, NodeKey, NodeTemplate};

use crate::harness::cli::{self, Said};
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node, postgres};

/// A member's way in, to be spoiled in one place.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) address: String,
    pub(crate) database: String,
    pub(crate) role: String,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) authority: PathBuf,
    pub(crate) more: &'static str,
}

impl Way {
    /// The way of the member `from` into the member `to`.
    pub(crate) async fn of(from: &Node, to: &Node) -> Result<Self> {
        let tls = from.data().join("tls");
        Ok(Self {
            address: to.address.to_string(),
            database: "keystead".to_owned(),
            role: role(from).await?,
            certificate: tls.join("node.crt"),
            key: tls.join("node.key"),
            authority: tls.join("ca.crt"),
            more: "sslmode=verify-full",
        })
    }

    /// What libpq says to it.
    pub(crate) async fn attempt(&self) -> Result<Said> {
        let question = if self.more.contains("replication") {
            "IDENTIFY_SYSTEM"
        } else {
            "select session_user"
        };
        cli::run(self.psql()?.args(["--command", question]), "").await
    }

    /// A client that has yet to be told what to ask.
    pub(crate) fn psql(&self) -> Result<tokio::process::Command> {
        let conninfo = format!(
            "hostaddr={0} host={0} port=5432 dbname={1} user={2} sslcert={3} sslkey={4} sslrootcert={5} {6}",
            self.address,
            self.database,
            self.role,
            self.certificate.display(),
            self.key.display(),
            self.authority.display(),
            self.more,
        );
        let mut psql = tokio::process::Command::from(postgres::program("psql")?);
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--dbname", &conninfo]);
        Ok(psql)
    }

    pub(crate) async fn is_refused(&self, what: &str) -> Result<()> {
        let said = self.attempt().await?;
        ensure!(said.code == Some(2), "{what} was let in: {said:?}");
        let by_the_server = [
            "pg_hba.conf",
            "certificate authentication failed",
            "tlsv1",
            "unknown ca",
            "valid client certificate",
            "not match",
        ];
        ensure!(
            by_the_server.iter().any(|text| said.stderr.contains(text)),
            "{what} failed otherwise: {}",
            said.stderr
        );
        Ok(())
    }
}

#[tokio::test]
async fn nobody_gets_in_but_members_with_their_own_certificate() -> Result<()> {
    let cluster = Cluster::new(3).await?;
    let [one, two, three] = cluster.nodes.as_slice() else {
        anyhow::bail!("not three nodes")
    };
    every_link_is_a_members_over_tls_13(&cluster).await?;

    let way = Way::of(three, one).await?;
    assert_eq!(way.attempt().await?.text()?.trim(), way.role, "the way as it is works");

    let plain = Way {
        more: "sslmode=disable",
        ..Way::of(three, one).await?
    };
    plain.is_refused("a plain-text connection").await?;
    let old = Way {
        more: "sslmode=verify-full ssl_max_protocol_version=TLSv1.2",
        ..Way::of(three, one).await?
    };
    old.is_refused("TLS 1.2").await?;
    let unnamed = Way {
        certificate: "/nowhere".into(),
        key: "/nowhere".into(),
        ..Way::of(three, one).await?
    };
    unnamed.is_refused("a connection without a certificate").await?;
    let disguised = Way {
        role: role(two).await?,
        ..Way::of(three, one).await?
    };
    disguised.is_refused("node 3 as node 2").await?;
    let superuser = Way {
        role: "keystead".to_owned(),
        ..Way::of(three, one).await?
    };
    superuser.is_refused("a member as the superuser").await?;
    for database in ["keystead_local", "postgres", "template1"] {
        let elsewhere = Way {
            database: database.to_owned(),
            ..Way::of(three, one).await?
        };
        elsewhere
            .is_refused(&format!("a member in the database {database}"))
            .await?;
    }
    let physical = Way {
        more: "sslmode=verify-full replication=true",
        ..Way::of(three, one).await?
    };
    physical
        .is_refused("physical replication, which a base backup needs")
        .await?;
    stranger(&cluster, three, one)
        .await?
        .is_refused("a certificate of another authority")
        .await
}

#[tokio::test]
async fn a_certificate_that_is_not_a_nodes_or_not_of_now_is_no_way_in() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let now = chrono_now(cluster.first()).await?;
    let mut way = Way::of(&cluster.nodes[1], cluster.first()).await?;
    let genuine = certs::Identity::from_pem(&std::fs::read_to_string(&way.certificate)?)?;
    // An authority whose key the test has is believed too, while the agent is away and does not put that right.
    let authority = Authority::create(&genuine.cluster_id, now - 3600, now + 3600)?;
    cluster.nodes[0].kill()?;
    let believed = cluster.first().data().join("tls/ca.crt");
    std::fs::write(&believed, std::fs::read_to_string(&believed)? + authority.cert_pem())?;
    // Of each authority that is believed there is a list, or nothing of it is.
    let lists = cluster.first().data().join("tls/crl.pem");
    let list = authority.revocation_list(&[], now - 3600, now + 3600, 1)?;
    std::fs::write(&lists, std::fs::read_to_string(&lists)? + &list)?;
    cluster.first().query("select pg_reload_conf()::text").await?;

    let key = NodeKey::generate()?;
    let example = way.key;
    way.key = cluster.lab.file("own.key", &key.to_pem())?.into();
    give_like(&way.key, &example)?;
    let file = |name: &str, pem: &str| -> Result<PathBuf> {
        let path = PathBuf::from(cluster.lab.file(name, pem)?);
        give_like(&path, &example)?;
        Ok(path)
    };
    let issue = |from: i64, until: i64| -> Result<String> {
        let template = NodeTemplate {
            node_id: genuine.node_id.clone(),
            host: way.address.clone(),
            cluster_id: genuine.cluster_id.clone(),
            not_before: now + from,
            not_after: now + until,
        };
        Ok(authority.issue(&CheckedRequest::parse(&key.request(&way.address)?)?, &template)?)
    };
    let (good, ended, future) = (issue(-60, 1800)?, issue(-60, -1)?, issue(1200, 1800)?);
    let server = for_servers_alone(&authority, &key, &genuine.node_id)?;
    way.certificate = file("good.crt", &good)?;
    until("PostgreSQL has read whom to believe", PATIENCE, async || {
        Ok(way.attempt().await?.code == Some(0))
    })
    .await?;
    for (name, pem, alert) in [
        ("server.crt", server, "unsupported certificate"),
        ("ended.crt", ended, "certificate expired"),
        // There is no alert of its own for what is not valid yet.
        ("future.crt", future, "bad certificate"),
    ] {
        way.certificate = file(name, &pem)?;
        let said = way.attempt().await?;
        ensure!(said.code == Some(2) && said.stderr.contains(alert), "{name}: {said:?}");
    }
    Ok(())
}

/// A certificate with a node's name that our own code would never issue.
fn for_servers_alone(authority: &Authority, key: &NodeKey, node: &str) -> Result<String> {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, node);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let signer = rcgen::KeyPair::from_pem(&authority.key_pem())?;
    let issuer = rcgen::Issuer::from_ca_cert_pem(authority.cert_pem(), signer)?;
    Ok(params
        .signed_by(&rcgen::KeyPair::from_pem(&key.to_pem())?, &issuer)?
        .pem())
}

/// Every sender is the session of a member's role over TLS 1.3, with that member's certificate.
async fn every_link_is_a_members_over_tls_13(cluster: &Cluster) -> Result<()> {
    let query = "select string_agg(usename || ' ' || coalesce(version, 'plain') || ' ' ||
                                   coalesce(client_dn like '%CN=' || substr(usename, 6) || '%', false), ',' order by usename)
                 from pg_stat_replication left join pg_stat_ssl using (pid)";
    for node in &cluster.nodes {
        let mut expected = Vec::new();
        for peer in cluster.nodes.iter().filter(|peer| peer.address != node.address) {
            expected.push(format!("{} TLSv1.3 true", role(peer).await?));
        }
        expected.sort();
        assert_eq!(node.query(query).await?, expected.join(","), "on {}", node.address);
    }
    Ok(())
}

/// A certificate with the name of member `from`, issued by an authority of the same cluster id that is not the cluster's.
async fn stranger(cluster: &Cluster, from: &Node, to: &Node) -> Result<Way> {
    let way = Way::of(from, to).await?;
    let genuine = certs::Identity::from_pem(&std::fs::read_to_string(&way.certificate)?)?;
    let now = chrono_now(to).await?;
    let authority = Authority::create(&genuine.cluster_id, now - 3600, now + 3600)?;
    let key = NodeKey::generate()?;
    let host = from.address.to_string();
    let template = NodeTemplate {
        node_id: genuine.node_id,
        host: host.clone(),
        cluster_id: genuine.cluster_id,
        not_before: now - 3600,
        not_after: now + 3600,
    };
    let certificate = authority.issue(&CheckedRequest::parse(&key.request(&host)?)?, &template)?;
    let file = |name: &str, text: &str| cluster.lab.file(name, text).map(PathBuf::from);
    let (certificate, key) = (
        file("stranger.crt", &certificate)?,
        file("stranger.key", &key.to_pem())?,
    );
    for path in [&certificate, &key] {
        give_like(path, &way.key)?;
    }
    Ok(Way {
        certificate,
        key,
        ..way
    })
}

/// Makes a file of the same owner and mode as another: libpq refuses keys that others could read.
pub(crate) fn give_like(path: &Path, example: &Path) -> Result<()> {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let example = std::fs::metadata(example)?;
    std::fs::set_permissions(path, example.permissions())?;
    Ok(chown(path, Some(example.uid()), Some(example.gid()))?)
}

async fn chrono_now(node: &Node) -> Result<i64> {
    Ok(node
        .query("select date_part('epoch', now())::bigint::text")
        .await?
        .parse()?)
}

async fn role(node: &Node) -> Result<String> {
    let info = node.json(&["cluster", "info"]).await?;
    let id = info["nodeID"].as_str().context("no node id")?;
    Ok(format!("peer_{id}"))
}
