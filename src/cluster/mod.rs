//! Clusters, their HSMs and users, the keys at rest, and token objects: what lies in the store, and who may open it.
//!
//! Called by: library (slots, logins, objects), the `vhsm` command. Calls: object, crypto, store. Never knows
//! sessions, handles or mechanisms. Nothing is trusted because it lies in the store: records are sealed or MACed.

use crate::error::Error;
use crate::object::{Object, Template};
use std::sync::Arc;
use vhsm_store::{Revision, Store};

/// An object's number in the store: given once, in blocks, never reused; the same in every slot and process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub u64);

/// A cluster's number in the store. Its public name (`cluster-...`) stands in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u32);

/// A user's number in its cluster; never reused. Number 0 stands for "public": what needs no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterState {
    Active,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HsmState {
    Active,
    Degraded,
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
    // ... and what the seal needs: lineage id, public seal key, default user
}

#[derive(Debug, Clone)]
pub struct Hsm {
    /// `hsm-` and 11 characters of base32
    pub name: String,
    pub slot_id: u64,
    pub availability_zone: String,
    pub state: HsmState,
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
    pub token: Option<Token>,
}

#[derive(Debug, Clone)]
pub struct Token {
    pub cluster: Arc<Cluster>,
    /// Index into `cluster.hsms`.
    pub hsm: usize,
}

/// An opened login: the user's keys in memory (wiped on drop), and the claim that shows others who is logged in.
/// Shared by the slot's sessions in an Arc.
pub struct Login {
    pub cluster: ClusterId,
    pub user: User,
    // user key, cluster key (admins), MAC key, index key, claim
}

/// What a stored change means for caches: told by `Clusters::changes_since`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Object(ClusterId, ObjectId),
    /// Cluster or HSM records changed: read the slots again.
    Slots,
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

/// Who made the cluster and with what.
#[derive(Debug, Clone)]
pub struct NewCluster<'a> {
    pub label: &'a str,
    pub hsms: usize,
    pub admin_password: &'a [u8],
    pub policy: Policy,
}

/// The clusters of one store. Stateless beside id blocks and the IV counter; caches are the library's.
pub struct Clusters {
    _fields: (),
}

impl Clusters {
    /// Opens the store's head record (made on first use). Reads nothing else. Errors: `NewerFormat`, `Corrupt`.
    pub fn open(_store: Arc<dyn Store>, _costs: PasswordCosts) -> Result<Self, Error> {
        todo!()
    }
    pub fn store(&self) -> &Arc<dyn Store> {
        todo!()
    }
    pub fn revision(&self) -> Revision {
        self.store().revision()
    }
    /// What changed, in the domain's words.
    pub fn changes_since(&self, _since: Revision) -> Result<(Revision, Changed), Error> {
        todo!()
    }

    // ---- clusters and slots
    pub fn list(&self) -> Result<Vec<Arc<Cluster>>, Error> {
        todo!()
    }
    /// By ClusterId (`cluster-...`) or by label. Errors: `NotFound`, `Ambiguous`.
    pub fn find(&self, _name: &str) -> Result<Arc<Cluster>, Error> {
        todo!()
    }
    pub fn create(&self, _new: &NewCluster) -> Result<Arc<Cluster>, Error> {
        todo!()
    }
    pub fn delete(&self, _cluster: &Cluster) -> Result<(), Error> {
        todo!()
    }
    /// All slots in the order of their ids, the uninitialized one last, and the revision they were read at.
    pub fn slots(&self) -> Result<(Revision, Vec<SlotRecord>), Error> {
        todo!()
    }
    /// C_InitToken on a slot: consumes the uninitialized token, or wipes a cluster that C_InitToken made.
    /// Errors: `PinIncorrect`, `PinLocked`, `NotInitializable`, `PinLength`, `BadInput`.
    pub fn init_token(
        &self,
        _slot_id: u64,
        _so_pin: &[u8],
        _label: &str,
        _policy: Policy,
    ) -> Result<(), Error> {
        todo!()
    }

    // ---- users and logins
    pub fn users(&self, _cluster: &Cluster) -> Result<Vec<User>, Error> {
        todo!()
    }
    /// The flags of CK_TOKEN_INFO about PINs: does such a user exist, is its (default user's) count of wrong tries low, at the
    /// last try, locked.
    pub fn pin_status(&self, _cluster: &Cluster, _role: Role) -> Result<PinStatus, Error> {
        todo!()
    }
    /// Logs in by name and password (C_LoginUser, `--pin user:password`).
    pub fn login_as(
        &self,
        _cluster: &Cluster,
        _role: Option<Role>,
        _name: &str,
        _password: &[u8],
    ) -> Result<Login, Error> {
        todo!()
    }
    /// Logs in by a PIN as C_Login brings it: `user:password` where such a user exists, else a bare PIN.
    pub fn login(&self, _cluster: &Cluster, _role: Role, _pin: &[u8]) -> Result<Login, Error> {
        todo!()
    }
    /// Whether the user still exists (a login of a deleted user ends).
    pub fn login_stands(&self, _login: &Login) -> Result<bool, Error> {
        todo!()
    }
    pub fn create_user(
        &self,
        _cluster: &Cluster,
        _admin: &Login,
        _name: &str,
        _role: Role,
        _password: &[u8],
        _rules: PasswordRules,
    ) -> Result<User, Error> {
        todo!()
    }
    /// By the user itself or an admin. Errors: `UserNotFound`, `UserLoggedIn` (when `by` is another), `PinLength`, ...
    pub fn change_password(
        &self,
        _cluster: &Cluster,
        _by: &Login,
        _name: &str,
        _password: &[u8],
        _rules: PasswordRules,
    ) -> Result<(), Error> {
        todo!()
    }
    pub fn delete_user(&self, _cluster: &Cluster, _admin: &Login, _name: &str) -> Result<(), Error> {
        todo!()
    }
    /// C_InitPIN: makes the default crypto user, or sets its PIN.
    pub fn init_pin(&self, _cluster: &Cluster, _admin: &Login, _pin: &[u8]) -> Result<(), Error> {
        todo!()
    }
    /// C_SetPIN: `old` may have the `user:` prefix, `new` is bare. `role` as the session's state says; `login` if one stands.
    pub fn set_pin(
        &self,
        _cluster: &Cluster,
        _login: Option<&Login>,
        _old: &[u8],
        _new: &[u8],
    ) -> Result<(), Error> {
        todo!()
    }

    // ---- token objects. `login` None: public objects only.
    pub fn create_object(
        &self,
        _cluster: &Cluster,
        _login: Option<&Login>,
        _object: &Object,
    ) -> Result<ObjectId, Error> {
        todo!()
    }
    /// `None`: there is none, or not for this login.
    pub fn object(
        &self,
        _cluster: &Cluster,
        _login: Option<&Login>,
        _id: ObjectId,
    ) -> Result<Option<Object>, Error> {
        todo!()
    }
    /// Replaces the object's attributes if it still is as it was read (`None`: it is gone).
    pub fn replace_object(
        &self,
        _cluster: &Cluster,
        _login: Option<&Login>,
        _id: ObjectId,
        _object: &Object,
    ) -> Result<Option<()>, Error> {
        todo!()
    }
    /// `false`: it was gone already.
    pub fn destroy_object(
        &self,
        _cluster: &Cluster,
        _login: Option<&Login>,
        _id: ObjectId,
    ) -> Result<bool, Error> {
        todo!()
    }
    /// Ids of objects that may match, by the best index for the template (CKA_LABEL, CKA_ID, CKA_CLASS,
    /// CKA_KEY_TYPE; else all); `true`: the index answers the whole template, the objects need not be opened.
    pub fn candidates(
        &self,
        _cluster: &Cluster,
        _login: Option<&Login>,
        _template: &Template,
    ) -> Result<(Vec<ObjectId>, bool), Error> {
        todo!()
    }
    /// Deletes in small batches what wiped tokens and deleted clusters left behind; returns whether more is left.
    pub fn sweep(&self) -> Result<bool, Error> {
        todo!()
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
