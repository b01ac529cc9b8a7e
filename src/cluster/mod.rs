//! Clusters, their HSMs and users, the keys at rest, and token objects: what lies in the store, and who may
//! open it.
//!
//! Called by: library (slots, logins, objects), the `vhsm` command. Calls: object, crypto, store. Never knows
//! sessions, handles or mechanisms. Nothing is trusted because it lies in the store: records are sealed or
//! MACed.
//!
//! | file | holds |
//! | --- | --- |
//! | `keys.rs`, `records.rs`, `read.rs` | the store's format, and reading it |
//! | `secrets.rs`, `renewal.rs` | keys at rest: what is sealed under what; a new cluster key |
//! | `authority.rs` | who may change a cluster's own records |
//! | `backing.rs` | what the control plane keeps of a cluster |
//! | `faults/` | what shall go wrong on purpose |
//! | `numbers.rs` | object ids and IVs, given once |
//! | `slots.rs`, `init_token.rs`, `sweep.rs` | clusters come, are wiped and go |
//! | `private.rs` | the service's own cluster, which others do not see |
//! | `life/` | the operations of the CloudHSM API on clusters and HSMs |
//! | `pin.rs`, `attempts.rs`, `login.rs`, `users.rs` | names and passwords, counted tries, logins, user administration |
//! | `index.rs`, `objects.rs` | token objects and how they are found |
//! | `health.rs` | what can be asked without changing anything |
//! | `trust.rs`, `inventory.rs` | what an admin says and sees of objects that it cannot open |
//! | `share.rs`, `share_owner.rs`, `share_recipient.rs` | keys that their owner shares: the records, and either side |
//! | `backup/` | backups, and clusters made of them |
//!
//! Locks: none is held over a commit or over cryptography. Tries of a password are put in a row by a claim of
//! the store (`try/...`, taken first), under which a login takes its own (`login/...`).

mod attempts;
mod authority;
mod backing;
pub mod backup;
pub mod faults;
mod health;
mod index;
mod init_token;
mod inventory;
mod keys;
pub mod life;
mod login;
mod numbers;
mod objects;
mod pin;
mod private;
mod read;
mod records;
mod renewal;
mod secrets;
mod share;
mod share_owner;
mod share_recipient;
mod slots;
mod sweep;
mod trust;
mod users;

#[cfg(test)]
mod tests;

pub use authority::Authority;
pub use backing::{Backing, DepartingHsm, HsmType, Mode, NetworkType, Subnet, Tag, TypeChange};
pub use inventory::Lost;
pub use login::Login;
pub use pin::APPLIANCE_USER;
pub use private::PrivateCluster;
pub use share_owner::{MAX_RECIPIENTS, Sharing};

use crate::error::{ClusterError, Error};
use crate::root_key::RootKey;
use keys::Space;
use numbers::Numbers;
use records::Head;
use secrets::OwnerKeys;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use vhsm_store::{Batch, ChangedKeys, Revision, Store, StoreError};

/// An object's number in the store: given once, in blocks, never reused; the same in every slot and process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub u64);

/// A cluster's number in the store. Its public name (`cluster-...`) stands in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u32);

/// A user's number in its cluster; never reused. Number 0 stands for "public": what needs no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u32);

/// What a record says of its cluster's life (reference/cloudhsm.md sec. 2); other states of the API are momentary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterState {
    /// Created; the first HSM makes the certificate signing request.
    Uninitialized,
    /// The customer's certificate is there; nobody can log in.
    Initialized,
    /// The admin has its password: HSMs are slots.
    Active,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HsmState {
    Active,
    /// Works, and does not count for key availability.
    Degraded,
    /// Failed on purpose: its slot has no token.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// CKU_SO; `admin`
    Admin,
    /// CKU_USER; `crypto-user`
    CryptoUser,
}

/// Settings of a cluster, taken from the profile it is made under, binding for every process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub key_availability: bool,
    pub refuse_public_keys: bool,
    pub refuse_extractable: bool,
}

/// A cluster as its record and its HSMs' records tell.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub id: ClusterId,
    /// `cluster-` and 11 characters of base32
    pub name: String,
    pub label: String,
    pub state: ClusterState,
    pub policy: Policy,
    /// Made by C_InitToken (and wiped by it), not by vhsm.
    pub by_init_token: bool,
    /// Grows when the token is wiped.
    pub generation: u32,
    pub hsms: Vec<Hsm>,
    pub backing: Backing,
    /// The service's own (`private`).
    pub is_private: bool,
    lineage: [u8; 16],
    iv_prefix: [u8; 3],
    default_user: Option<UserId>,
    /// The keys of what has CKA_PRIVATE false.
    public: Arc<OwnerKeys>,
    entries_of: Space,
    /// New objects get greater ids.
    last_restored: ObjectId,
}

#[derive(Debug, Clone)]
pub struct Hsm {
    /// `hsm-` and 11 characters of base32
    pub name: String,
    pub slot_id: u64,
    pub availability_zone: String,
    pub state: HsmState,
    /// Milliseconds since 1970; 0: not known.
    pub created_ms: u64,
    /// What CreateHsm pinned.
    pub ip_address: Option<String>,
}

#[derive(Debug, Clone)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub role: Role,
    pub locked: bool,
}

/// A slot: an HSM of a cluster, or the one with an uninitialized token.
#[derive(Debug, Clone)]
pub struct SlotRecord {
    pub slot_id: u64,
    pub holds: Holds,
}

/// What is in a slot.
#[derive(Debug, Clone)]
pub enum Holds {
    /// A token that C_InitToken makes a cluster of.
    Uninitialized,
    /// The token of an HSM that works.
    Token(Token),
    /// No token, for the HSM failed.
    Failed(Token),
}

impl Holds {
    /// The HSM that the slot is kept for, with or without its token.
    pub fn hsm(&self) -> Option<&Token> {
        match self {
            Holds::Uninitialized => None,
            Holds::Token(token) | Holds::Failed(token) => Some(token),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Token {
    pub cluster: Arc<Cluster>,
    /// Index into `cluster.hsms`.
    pub hsm: usize,
}

/// What a stored change means for caches: told by `Clusters::changes_since`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Object(ClusterId, ObjectId),
    /// Cluster or HSM records changed: read the slots again.
    Slots,
    /// The object's owner has something to tell this user, with whom it shares it.
    Share(ClusterId, UserId, ObjectId),
    /// A cluster's fault plan changed.
    Faults,
    /// The user was changed or deleted: see whether its logins still stand (`login_stands`).
    User(ClusterId, UserId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    These(Vec<Change>),
    Everything,
}

/// Argon2id's costs for passwords (OWASP minimum by default: 19 MiB, 2 passes, 1 lane).
#[derive(Debug, Clone, Copy)]
pub struct PasswordCosts {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Default for PasswordCosts {
    /// OWASP Password Storage Cheat Sheet, Argon2id.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

impl PasswordCosts {
    /// 2 GiB: RFC 9106 sec. 4, the first recommended option.
    pub const MAX_MEMORY_KIB: u32 = 2 << 20;
    /// What all passes together may write: some seconds of one core.
    pub const MAX_WORK_KIB: u64 = 16 << 20;
    pub const MAX_LANES: u32 = 64;

    /// Whether a password may cost so much: more is neither configured nor read from a record.
    pub fn are_bearable(self) -> bool {
        let work_kib = u64::from(self.memory_kib) * u64::from(self.passes);
        let lanes = (1..=Self::MAX_LANES).contains(&self.lanes);
        lanes && self.memory_kib <= Self::MAX_MEMORY_KIB && work_kib <= Self::MAX_WORK_KIB
    }
}

/// What a cluster is made with.
#[derive(Clone)]
pub struct NewCluster<'a> {
    pub label: &'a str,
    pub hsms: usize,
    pub admin_password: &'a [u8],
    pub policy: Policy,
    /// So that the control plane can later change the cluster without an admin's login.
    pub root_key: Option<&'a RootKey>,
}

/// The clusters of one store. Stateless beside id blocks and the IV counter; caches are the library's.
/// Not for use across a fork: the child drops it and opens its own.
pub struct Clusters {
    store: Arc<dyn Store>,
    costs: PasswordCosts,
    numbers: Numbers,
    now: Clock,
    /// Where this process keeps backups.
    backups: Option<backup::BackupFolder>,
    /// Whether the service's own cluster is seen here.
    shows_private: bool,
}

/// Milliseconds since 1970.
type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

/// How often a commit is tried again when others' commits came between. Each lost round is another's commit,
/// so only a store under a flood of changes of one record comes here.
const MAX_ROUNDS: usize = 1000;

impl Clusters {
    /// Opens the store's head record (made on first use). Reads nothing else. Errors: `NewerFormat`,
    /// `Corrupt`.
    pub fn open(store: Arc<dyn Store>, costs: PasswordCosts) -> Result<Self, Error> {
        let clusters = Self {
            store,
            costs,
            numbers: Numbers::default(),
            now: Box::new(system_ms),
            backups: None,
            shows_private: false,
        };
        clusters.head()?;
        Ok(clusters)
    }

    /// The same with another clock, in milliseconds since 1970: so that delays are tested without waiting.
    pub fn with_clock(mut self, now: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.now = Box::new(now);
        self
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The store's newest revision: a few nanoseconds.
    pub fn revision(&self) -> Revision {
        self.store.revision()
    }

    /// What changed, in the domain's words.
    pub fn changes_since(&self, since: Revision) -> Result<(Revision, Changed), Error> {
        let changes = self.store.changes_since(since)?;
        let ChangedKeys::These(changed) = changes.keys else {
            return Ok((changes.upto, Changed::Everything));
        };
        let mut these: Vec<Change> = Vec::new();
        for key in &changed {
            match keys::change_of(key) {
                Ok(Some(change)) if !these.contains(&change) => these.push(change),
                Ok(_) => {}
                Err(()) => return Ok((changes.upto, Changed::Everything)),
            }
        }
        Ok((changes.upto, Changed::These(these)))
    }

    /// The head record; written on first use, into an empty store only: a store that lost its head would give
    /// numbers anew.
    fn head(&self) -> Result<(Head, Vec<u8>), Error> {
        self.retry(|| {
            let (raw, empty) = self.view(|snapshot| {
                let raw = snapshot.get(keys::HEAD)?.map(<[u8]>::to_vec);
                let empty = raw.is_none() && read::is_empty(snapshot, &[])?;
                Ok((raw, empty))
            })?;
            if let Some(raw) = raw {
                return Ok((read::head(&raw)?, raw));
            }
            if !empty {
                return Err(ClusterError::Corrupt("head record: it is gone").into());
            }
            let head = Head { format: records::FORMAT, next_cluster: 1, next_slot: 1, uninitialized_slot: 0 };
            let raw = records::encode(&head)?;
            self.store.commit(Batch::new().expect(keys::HEAD, None).put(keys::HEAD, raw.clone()))?;
            Ok((head, raw))
        })
    }

    /// Runs `body` again as long as others' commits came between its reads and its commit.
    fn retry<T>(&self, mut body: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        for _ in 0..MAX_ROUNDS {
            match body() {
                Err(Error::Store(StoreError::Conflict { .. })) => std::thread::yield_now(),
                done => return done,
            }
        }
        body()
    }
}

fn system_ms() -> u64 {
    // A clock before 1970 counts as 1970: delays then start at once and end when the clock is set.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

/// HSMs that a token key must reach where the cluster's setting asks for key availability.
const AVAILABLE_ON: usize = 2;

impl Cluster {
    /// Whether token keys can be made and used: with the setting `key_availability` they must reach two active HSMs.
    /// Errors: `KeyAvailability`.
    pub fn check_key_availability(&self) -> Result<(), ClusterError> {
        if !self.policy.key_availability {
            return Ok(());
        }
        match self.hsms.iter().filter(|hsm| hsm.state == HsmState::Active).count() {
            active if active < AVAILABLE_ON => Err(ClusterError::KeyAvailability { active }),
            _ => Ok(()),
        }
    }

    fn space(&self) -> Space {
        Space { cluster: self.id, generation: self.generation }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PinStatus {
    pub exists: bool,
    pub count_low: bool,
    pub final_try: bool,
    pub locked: bool,
}

/// What a new password must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRules {
    /// Users that vhsm makes: 7 to 32 characters, no `:`.
    Cluster,
    /// PINs that PKCS#11 calls set in profile `standard`: 4 to 255 bytes.
    Token,
}
