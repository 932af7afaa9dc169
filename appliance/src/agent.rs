//! What all tasks and routes of the agent share: the node's databases, keys, and where it stands.
//!
//! One [`Agent`] lives as long as the process. It decides nothing: it holds. Next: `start.rs`, which makes it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use keystead::api::verify::VerifyReport;
use keystead::clock::{Clock, Micros};
use keystead::config::NodeConfig;
use keystead::deadline::Terms;
use keystead::{Error, Kind, Result};
use sql::account::Account;
use sql::identity::Identity;
use sql::{Pool, Pooled};
use tokio::sync::{Notify, watch};

use crate::account::{AccountCache, LoginGate};
use crate::acknowledge::Acknowledging;
use crate::alarm::Alarms;
use crate::backup::Operations;
use crate::disk::Fullness;
use crate::join::{Driving, KeptJoin};
use crate::links::{Deeds, Rounds, Settling, revoked};
use crate::metrics::ScrapeToken;
use crate::peers::PeerClient;
use crate::postgres::Postgres;
use crate::syslog::Syslog;
use crate::tasks::Tasks;
use crate::vault::{Keyring, RootOfTrust, TokenKey, WrappingKey};
use crate::view::{Memory, Reach};

/// Binds the wrapped master key to what it is.
const MASTER_KEY_CONTEXT: &str = "master_key";

/// Where this node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// In no cluster. It serves its own keys.
    Alone,
    /// In no cluster, and its data is being replaced by a backup: it serves nobody until that has ended.
    Restoring,
    /// Becoming a member: it serves nobody until it is one.
    Joining,
    /// A member.
    Member,
    /// A member that was rolled back to an old copy of its database: it serves nobody until it has caught up.
    Fenced,
    /// A join ended badly. Its own data is as before, or wiped when the join had come that far.
    Killed,
    /// It was removed from its cluster. It serves reads until its administrator clears it.
    Removed,
}

/// See the head of this file.
pub(crate) struct Agent {
    pub(crate) config: NodeConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) postgres: Postgres,
    /// The database that replicates.
    pub(crate) db: Pool,
    /// The database of this node alone.
    pub(crate) local: Pool,
    /// Writes that wait for other members.
    pub(crate) acknowledging: Acknowledging,
    pub(crate) started: Micros,
    pub(crate) tasks: Tasks,
    pub(crate) root_of_trust: RootOfTrust,
    /// Who has a password checked, and when.
    pub(crate) logins: Arc<LoginGate>,
    /// What is known of accounts, for tokens.
    pub(crate) accounts: AccountCache,
    /// The revocation lists that this agent installed last.
    pub(crate) revoked: Mutex<Option<revoked::Installed>>,
    /// Where every part of the agent raises and clears its alarms.
    pub(crate) alarms: Alarms,
    /// Takes messages for syslog servers.
    pub(crate) syslog: Syslog,
    /// The token that Prometheus shows, as it was read last.
    pub(crate) scrape_token: ScrapeToken,
    /// Wakes the keeper of certificates.
    pub(crate) certificates_changed: Notify,
    /// Where this node's WAL ended when it was removed: nothing was written after.
    pub(crate) last_position: Mutex<Option<i64>>,
    /// Where sessions with other nodes come from.
    pub(crate) peers: PeerClient,
    /// What was seen of the other nodes.
    pub(crate) memory: Memory,
    /// What attempts to reach silent nodes came to.
    pub(crate) reach: Reach,
    /// Whose turn it is to reconcile.
    pub(crate) rounds: Rounds,
    /// What the reconciler did last.
    pub(crate) deeds: Deeds,
    /// The peers whose lanes are being settled.
    pub(crate) settling: Arc<Settling>,
    /// Whether there is room for writes.
    pub(crate) fullness: Fullness,
    /// Wakes the reconciler.
    pub(crate) links_changed: Notify,
    /// Held while a subscription is looked for and made: the reconciler, a peer's call and a resync may want the same one.
    pub(crate) subscribing: tokio::sync::Mutex<()>,
    /// Held while this node enters or leaves a cluster, so that two requests at once do not both find it free to.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// Held while a joining node is recorded or withdraws, so that what it asked first is not done last.
    pub(crate) recording: tokio::sync::Mutex<()>,
    /// Held shared by every call that changes data, and alone by a restore, which replaces it.
    pub(crate) calls: Arc<tokio::sync::RwLock<()>>,
    /// The backup or restore that runs, or the last one.
    pub(crate) operations: Operations,
    /// The verification that runs, or the last one.
    pub(crate) verify: watch::Sender<Option<VerifyReport>>,
    /// The join that runs or has failed.
    pub(crate) join: KeptJoin,
    /// What moves it on.
    pub(crate) driving: Driving,
    /// Signs tokens while a join runs; lives no longer than this process.
    passing_key: OnceLock<TokenKey>,
    standing: watch::Sender<Standing>,
    identity: RwLock<Option<Identity>>,
    keyring: RwLock<Option<Arc<Keyring>>>,
}

/// What an [`Agent`] is made of.
pub(crate) struct Parts {
    pub(crate) config: NodeConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) postgres: Postgres,
    pub(crate) db: Pool,
    pub(crate) local: Pool,
    pub(crate) acknowledging: Acknowledging,
    pub(crate) tasks: Tasks,
    pub(crate) root_of_trust: RootOfTrust,
}

impl Agent {
    /// An agent that stands nowhere yet: alone, without keys.
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts {
            config,
            clock,
            postgres,
            db,
            local,
            acknowledging,
            tasks,
            root_of_trust,
        } = parts;
        let peers = PeerClient::new(postgres.paths().clone(), Terms::PRODUCT);
        let kept_join = KeptJoin::new(postgres.paths().clone());
        Arc::new(Self {
            started: clock.now(),
            logins: LoginGate::open(postgres.paths().known_sources(), Arc::clone(&clock)),
            accounts: AccountCache::default(),
            config,
            clock,
            postgres,
            db,
            local,
            acknowledging,
            tasks,
            root_of_trust,
            revoked: Mutex::default(),
            alarms: Alarms::default(),
            syslog: Syslog::new(),
            scrape_token: ScrapeToken::default(),
            certificates_changed: Notify::new(),
            last_position: Mutex::default(),
            peers,
            memory: Memory::default(),
            settling: Arc::default(),
            fullness: Fullness::default(),
            rounds: Rounds::default(),
            deeds: Deeds::default(),
            reach: Reach::default(),
            links_changed: Notify::new(),
            subscribing: tokio::sync::Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            recording: tokio::sync::Mutex::default(),
            calls: Arc::default(),
            operations: Operations::default(),
            verify: watch::Sender::new(None),
            join: kept_join,
            driving: Driving::default(),
            passing_key: OnceLock::new(),
            standing: watch::Sender::new(Standing::Alone),
            identity: RwLock::new(None),
            keyring: RwLock::new(None),
        })
    }

    /// Where this node stands.
    pub(crate) fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// Changes where this node stands, and wakes the reconciler.
    pub(crate) fn stand(&self, standing: Standing) {
        if self.standing.send_replace(standing) != standing {
            tracing::info!(?standing, "this node's standing changed");
        }
        self.links_changed.notify_one();
    }

    /// This node in its cluster.
    ///
    /// # Errors
    /// While it is in none.
    pub(crate) fn identity(&self) -> Result<Identity> {
        let identity = self.identity.read().unwrap_or_else(PoisonError::into_inner).clone();
        identity.ok_or_else(|| {
            Error::conflict("this node is not in a cluster")
                .with_hint("make one with `ksctl cluster new`, or join one with `ksctl cluster fulljoin`")
        })
    }

    /// Sets or clears who this node is, here and in its own database.
    pub(crate) async fn set_identity(&self, identity: Option<Identity>) -> Result<()> {
        let local = self.local.get().await?;
        if let Some(identity) = &identity {
            sql::identity::set(&local, identity).await?;
        } else {
            sql::ticket::forget_all(&local).await?;
            sql::identity::clear(&local).await?;
        }
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = identity;
        Ok(())
    }

    /// Takes over who this node is from its own database, at start.
    pub(crate) async fn load_identity(&self) -> Result<Option<Identity>> {
        let identity = sql::identity::get(&*self.local.get().await?).await?;
        self.identity
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&identity);
        Ok(identity)
    }

    /// The keys this node holds open.
    ///
    /// # Errors
    /// While a join has wiped the old ones and not yet brought the cluster's.
    pub(crate) fn keyring(&self) -> Result<Arc<Keyring>> {
        let keyring = self.keyring.read().unwrap_or_else(PoisonError::into_inner).clone();
        keyring
            .ok_or_else(|| Error::unavailable("this node has no keys yet").with_hint("wait until its join has ended"))
    }

    /// Makes the first keys of a fresh node, or opens the ones that are there.
    pub(crate) async fn open_keyring(&self) -> Result<()> {
        let db = self.db.get().await?;
        let stored = sql::cluster_key::all(&db).await?;
        let keyring = if stored.is_empty() {
            let (keyring, fresh) = Keyring::create()?;
            // The master key first: keys wrapped by one that was not kept could never be opened.
            self.keep_master_key(keyring.mkek()).await?;
            for key in &fresh {
                sql::cluster_key::put(&db, key).await?;
            }
            keyring
        } else {
            Keyring::open(self.master_key().await?, &stored)?
        };
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keyring));
        Ok(())
    }

    /// Forgets the open keys: what they opened is about to be wiped.
    pub(crate) fn close_keyring(&self) {
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Keeps the master key, wrapped by this node's root of trust.
    pub(crate) async fn keep_master_key(&self, key: &WrappingKey) -> Result<()> {
        let wrapped = self.wrap_master_key(key)?;
        Ok(sql::master_key::set(&*self.local.get().await?, &wrapped).await?)
    }

    /// A master key as it may be written down on this node.
    pub(crate) fn wrap_master_key(&self, key: &WrappingKey) -> Result<Vec<u8>> {
        self.root_of_trust.wrap(MASTER_KEY_CONTEXT, key.expose())
    }

    /// A master key that was written down on this node.
    pub(crate) fn unwrap_master_key(&self, wrapped: &[u8]) -> Result<WrappingKey> {
        WrappingKey::from_bytes(&self.root_of_trust.unwrap(MASTER_KEY_CONTEXT, wrapped)?)
    }

    async fn master_key(&self) -> Result<WrappingKey> {
        let wrapped = sql::master_key::get(&*self.local.get().await?).await?;
        let wrapped = wrapped.ok_or_else(|| {
            Error::new(
                Kind::Internal,
                "this node's database has keys and its own database no master key",
            )
        })?;
        self.unwrap_master_key(&wrapped)
    }

    /// A connection to the database that replicates.
    pub(crate) async fn db(&self) -> Result<Pooled> {
        Ok(self.db.get().await?)
    }

    /// The key of tokens that are given while a join runs: the node's own keys are being exchanged for the cluster's.
    pub(crate) fn passing_key(&self) -> Result<&TokenKey> {
        if self.passing_key.get().is_none() {
            // Two at once: the first one counts.
            let _lost = self.passing_key.set(TokenKey::generate()?);
        }
        self.passing_key
            .get()
            .ok_or_else(|| Error::new(Kind::Internal, "a key that was just made is not there"))
    }

    /// Public keys whose tokens are good beside the cluster's while a join runs or has failed: of before, and of log-ins
    /// meanwhile.
    pub(crate) fn former_token_keys(&self) -> Vec<Vec<u8>> {
        let meanwhile = self.passing_key.get().map(|key| key.public.clone());
        let join = self.join.borrow();
        let before = join.iter().flat_map(|join| join.ledger.former_token_keys.clone());
        before.chain(meanwhile).collect()
    }

    /// The account of this name from before the join that runs.
    pub(crate) fn former_account(&self, username: &str) -> Option<Account> {
        let join = self.join.borrow();
        let mut accounts = join.iter().flat_map(|join| join.ledger.former_accounts.iter());
        accounts.find(|account| account.username == username).cloned()
    }

    /// Does a token that rests on a password which was set then belong to an account from before the join that runs?
    pub(crate) fn is_of_former_account(&self, id: &str, password_set: i64) -> bool {
        let join = self.join.borrow();
        let mut accounts = join.iter().flat_map(|join| join.ledger.former_accounts.iter());
        accounts.any(|account| account.id == id && account.password_changed_at.timestamp_micros() == password_set)
    }
}
