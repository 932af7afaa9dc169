//! `POST /v1/cluster/join`: checks what the member gave, runs the pre-flight, and starts the machine.
//!
//! Until the ledger is saved nothing has changed on this node but its placeholder certificate, which is put back when
//! the join is refused. When this returns, the node's status has left its old value.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use certs::{NodeKey, SealHeader};
use keystead::api::cluster::ClusterInfo;
use keystead::join::preflight::MemberFacts;
use keystead::join::request::{Address, Join};
use keystead::join::stage::{Event, Stage};
use keystead::{Error, Kind, NodeId, NodeNumber, Result};

use super::ledger::Ledger;
use super::{driver, preflight, room, withdrawal};
use crate::agent::{Agent, Standing};
use crate::backup;
use crate::cluster::{certificate_error, check_host, info, pending_key, unix_seconds};
use crate::postgres::Identity as TlsIdentity;
use crate::vault::WrappingKey;

/// A blocking join answers before clients give up at 30 seconds.
const BLOCKING: Duration = Duration::from_secs(25);

/// Begins a join; with `blocking`, waits for its end.
pub(crate) async fn begin(agent: &Arc<Agent>, join: Join, blocking: bool) -> Result<ClusterInfo> {
    start(agent, join).await?;
    if blocking {
        wait_for_end(agent).await;
    }
    info(agent).await
}

/// Checks and starts, one request at a time; the join then goes on by itself.
async fn start(agent: &Arc<Agent>, join: Join) -> Result<()> {
    let _changing = agent.changing.lock().await;
    may_join(agent)?;
    let from = agent
        .join
        .borrow()
        .as_ref()
        .map_or(Stage::Idle, |join| join.ledger.stage);
    let move_on = from
        .next(Event::Requested)
        .map_err(|source| Error::internal("beginning a join", source))?;
    let key = pending_key(agent)?;
    let presented = check(agent, &key, &join)?;
    let (header, node_id): (SealHeader, NodeId) = (presented.header, presented.node_id);
    let tls = TlsIdentity {
        certificate: &join.cert,
        key: &key.to_pem(),
        authority: &presented.chain,
        revoked: None,
    };
    withdrawal::for_the_last_time(agent).await;
    agent.postgres.install_tls(tls).await?;
    let facts = match preflight::run(agent, &header, &join).await.passed() {
        Ok(facts) => facts,
        Err(refused) => {
            agent.postgres.install_placeholder().await?;
            return Err(refused);
        }
    };
    let ledger = Ledger {
        stage: move_on.to,
        because: move_on.because.to_owned(),
        reason: None,
        node_id,
        cluster_id: header.cluster_id,
        ticket: header.ticket,
        local: join.local,
        public_address: join.public_address,
        source: facts.number,
        ids: facts.ids.clone(),
        member_id: header.sponsor.parse().ok(),
        members: with_own_address(facts, join.member.clone()),
        member: join.member,
        number: None,
        wiped: false,
        heard: BTreeMap::new(),
        withdrawn: true,
        master_key: agent.wrap_master_key(&presented.master_key)?,
        former_accounts: sql::account::all(&*agent.db().await?).await?,
        former_token_keys: agent
            .keyring()
            .map(|keys| vec![keys.token_key().public.clone()])
            .unwrap_or_default(),
    };
    room::reserve(agent.postgres.paths())?;
    driver::start(agent, ledger)
}

/// The member that signed is asked where it was reached; of the others it has told.
fn with_own_address(facts: MemberFacts, reached: Address) -> BTreeMap<NodeNumber, Address> {
    let mut members = facts.addresses;
    members.insert(facts.number, reached);
    members
}

pub(super) fn may_join(agent: &Agent) -> Result<()> {
    if agent.postgres.is_attached() {
        return Err(Error::new(
            Kind::NotBuilt,
            "joining over a PostgreSQL that somebody else runs is not built",
        )
        .with_hint("leave postgres.url out of the configuration, then this node runs its own"));
    }
    match agent.standing() {
        Standing::Alone | Standing::Killed => Ok(()),
        Standing::Restoring => Err(backup::restoring()),
        Standing::Joining => Err(Error::conflict("this node is joining a cluster already")
            .with_hint("`ksctl cluster info` shows how far it is")),
        Standing::Member | Standing::Fenced => Err(Error::conflict("this node is a member of a cluster already")
            .with_hint(
                "remove it on another member with `ksctl cluster nodes delete`, then run `ksctl cluster delete`",
            )),
        Standing::Removed => Err(
            Error::conflict("this node still holds the configuration of its former cluster")
                .with_hint("run `ksctl cluster delete` on it first"),
        ),
    }
}

/// What a member gave, checked.
pub(super) struct Presented {
    pub(super) header: SealHeader,
    pub(super) node_id: NodeId,
    pub(super) master_key: WrappingKey,
    /// The authorities, as they are installed.
    pub(super) chain: String,
}

/// The certificate must be ours, of the cluster it claims, and the master key sealed to the same node and given with these
/// authorities.
pub(super) fn check(agent: &Agent, key: &NodeKey, join: &Join) -> Result<Presented> {
    check_host(agent, "localNodeHost", &join.local.host)?;
    check_host(agent, "memberNodeHost", &join.member.host)?;
    let now = unix_seconds(agent);
    let identity =
        certs::check_issued(&join.cert, &join.cachain, &key.public_key_hash(), now).map_err(certificate_error)?;
    let (header, mkek) = certs::open(&join.mkek_blob, key, &join.cachain, now).map_err(certificate_error)?;
    header.check_same_node(&identity).map_err(certificate_error)?;
    if !identity.hosts.contains(&join.local.host) {
        return Err(Error::invalid_param(format!(
            "the certificate is for {}, the node is to join as {}",
            identity.hosts.join(", "),
            join.local.host
        ))
        .with_hint(
            "give the same address to `ksctl cluster nodes create --newnodehost` and `ksctl cluster join --host`",
        ));
    }
    Ok(Presented {
        node_id: header.node_id.parse()?,
        header,
        master_key: WrappingKey::from_bytes(&mkek)?,
        chain: certs::plain_chain(&join.cachain).map_err(certificate_error)?,
    })
}

async fn wait_for_end(agent: &Agent) {
    let mut join = agent.join.subscribe();
    let ended = join.wait_for(|join| join.as_ref().is_none_or(|join| !join.ledger.stage.is_running()));
    // Not ended in time is no error: the answer says how far it is.
    let _timed_out = tokio::time::timeout(BLOCKING, ended).await;
}
