//! A slot with its token: who is logged in, what is opened, which sessions count.

use super::cache::Cache;
use super::held::Held;
use super::operation_state::StateSeal;
use super::session_objects::SessionObjects;
use crate::cluster::faults::Drift;
use crate::cluster::{Change, Cluster, Clusters, Holds, Hsm, Login, ObjectId, Role, Token};
use crate::error::{CallError, Error};
use crate::object::{Context, Object};
use crate::profile::Active;
use crate::sync::{Mutex, RwLock};
use arc_swap::{ArcSwapOption, Guard};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// One slot as one state of the store shows it. When its token changes (wiped, removed, initialized; its HSM failed or
/// is back) this value is marked gone and another takes its place; a changed cluster record only replaces the token's.
pub struct Slot {
    pub id: u64,
    pub clusters: Arc<Clusters>,
    pub active: Active,
    hot: Hot,
    token: ArcSwapOption<Token>,
    /// The HSM that failed, of a slot that has no token for that.
    failed: Option<Hsm>,
    /// What a fault plan has different here.
    oddity: ArcSwapOption<Oddity>,
    login: RwLock<LoginState>,
    /// The user of `login`, written together with it: read without a counter that threads share.
    user: ArcSwapOption<Login>,
    pub counts: Mutex<SessionCounts>,
    pub(super) cache: Cache,
    pub(super) session_objects: SessionObjects,
    /// What the states of operations are sealed with: dies with this token in this process.
    pub(super) states: StateSeal,
}

/// What every call reads: apart from what calls write, and written only together with what it sums up.
#[repr(align(128))]
#[derive(Default)]
struct Hot {
    gone: AtomicBool,
    /// 0: public, 1: user, 2: SO
    login: AtomicU8,
    /// Grows with each logout.
    logouts: AtomicU64,
    policy: AtomicU8,
}

const USER: u8 = 1;
const SECURITY_OFFICER: u8 = 2;
const REFUSE_PUBLIC_KEYS: u8 = 1;
const REFUSE_EXTRACTABLE: u8 = 2;

/// What is not on this HSM as on the others of its cluster, by a fault plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Oddity {
    /// No token object can be made or changed.
    pub store_full: bool,
    pub users: Vec<Drift>,
    /// Labels of token keys that are not there.
    pub missing: Vec<String>,
}

/// Who is logged in to a token, in this process.
#[derive(Clone, Default)]
pub enum LoginState {
    #[default]
    Public,
    User(Arc<Login>),
    SecurityOfficer(Arc<Login>),
}

/// A slot's token and user at one moment.
pub struct Access {
    token: Guard<Option<Arc<Token>>>,
    user: Guard<Option<Arc<Login>>>,
}

impl Access {
    pub fn cluster(&self) -> &Cluster {
        match &*self.token {
            Some(token) => &token.cluster,
            None => unreachable!("Slot::access gives none without a token"),
        }
    }

    /// The login that opens private objects.
    pub fn user(&self) -> Option<&Login> {
        self.user.as_deref()
    }
}

/// See `Slot::term`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term(pub(super) u64);

#[derive(Debug, Clone, Copy, Default)]
pub struct SessionCounts {
    pub read_only: u64,
    pub read_write: u64,
}

impl Slot {
    pub fn new(id: u64, clusters: Arc<Clusters>, holds: Holds, active: Active) -> Self {
        let (token, failed) = match holds {
            Holds::Uninitialized => (None, None),
            Holds::Token(token) => (Some(token), None),
            Holds::Failed(token) => (None, Some(token.cluster.hsms[token.hsm].clone())),
        };
        let hot = Hot::default();
        hot.policy.store(policy_bits(token.as_ref()), Ordering::Release);
        Self {
            id,
            clusters,
            active,
            hot,
            token: ArcSwapOption::new(token.map(Arc::new)),
            failed,
            oddity: ArcSwapOption::empty(),
            login: RwLock::default(),
            user: ArcSwapOption::empty(),
            counts: Mutex::default(),
            cache: Cache::default(),
            session_objects: SessionObjects::new(),
            states: StateSeal::default(),
        }
    }

    /// Whether a token is there, be it an uninitialized one. Errors: `TokenNotPresent`.
    pub fn must_be_present(&self) -> Result<(), CallError> {
        if self.failed.is_none() { Ok(()) } else { Err(CallError::TokenNotPresent(self.id)) }
    }

    /// The cluster of the token. Errors: `TokenNotPresent`, `TokenNotInitialized`.
    pub fn cluster(&self) -> Result<Arc<Cluster>, CallError> {
        match &*self.token.load() {
            Some(token) => Ok(token.cluster.clone()),
            None => Err(self.no_token()),
        }
    }

    /// What opening token objects takes, as it is now. Errors: `TokenNotPresent`, `TokenNotInitialized`.
    pub fn access(&self) -> Result<Access, CallError> {
        let token = self.token.load();
        if token.is_none() {
            return Err(self.no_token());
        }
        Ok(Access { token, user: self.user.load() })
    }

    #[cold]
    fn no_token(&self) -> CallError {
        match self.must_be_present() {
            Ok(()) => CallError::TokenNotInitialized(self.id),
            Err(error) => error,
        }
    }

    /// The HSM that this slot stands for, failed or not.
    pub fn hsm(&self) -> Option<Hsm> {
        let token = self.token.load();
        token.as_ref().map(|t| t.cluster.hsms[t.hsm].clone()).or_else(|| self.failed.clone())
    }

    /// The HSM is gone, its token was wiped, or the library was finalized: sessions end.
    pub fn is_gone(&self) -> bool {
        self.hot.gone.load(Ordering::Acquire)
    }

    pub fn mark_gone(&self) {
        self.hot.gone.store(true, Ordering::Release);
        self.logout_quietly();
        self.session_objects.destroy_where(|_| true);
    }

    /// Whether a record read later still describes this token (same HSM, not wiped); takes it over if so. Called by
    /// one thread at a time, which follows the store.
    pub fn adopt(&self, newer: &Holds) -> bool {
        let token = self.token.load();
        match (token.as_deref(), &self.failed, newer) {
            (None, None, Holds::Uninitialized) => true,
            (None, Some(failed), Holds::Failed(newer)) => failed.name == newer.cluster.hsms[newer.hsm].name,
            (Some(token), None, Holds::Token(newer)) if identity(token) == identity(newer) => {
                self.forget_keys_if_availability_changed(token, newer);
                self.hot.policy.store(policy_bits(Some(newer)), Ordering::Release);
                self.token.store(Some(Arc::new(newer.clone())));
                true
            }
            _ => false,
        }
    }

    /// Engines are asked for anew, and with them whether their keys are on enough HSMs.
    fn forget_keys_if_availability_changed(&self, token: &Token, newer: &Token) {
        let available = |token: &Token| token.cluster.check_key_availability().is_ok();
        if available(token) != available(newer) {
            self.cache.clear().into_iter().for_each(|(_, held)| held.mark_replaced());
        }
    }

    /// Takes over what a fault plan has different here. A user who is not there any more is logged out; keys that are
    /// not there any more are gone, as if destroyed.
    pub fn set_oddity(&self, oddity: Option<Oddity>) {
        let before = self.oddity.swap(oddity.clone().map(Arc::new));
        if before.as_deref() == oddity.as_ref() {
            return;
        }
        if self.login().is_some_and(|login| self.drift(&login.user.name).is_some_and(|d| !d.old_password)) {
            self.logout_quietly();
        }
        for (_, held) in self.cache.clear() {
            if self.lacks(&held.object) { held.mark_gone() } else { held.mark_replaced() }
        }
    }

    /// How a user differs here from what it is on the cluster's other HSMs.
    pub fn drift(&self, user: &str) -> Option<Drift> {
        let oddity = self.oddity.load();
        let users = oddity.as_ref()?.users.iter();
        users.clone().find(|drift| user.eq_ignore_ascii_case(&drift.user)).cloned()
    }

    /// Whether a token object is not on this HSM.
    pub fn lacks(&self, object: &Object) -> bool {
        let oddity = self.oddity.load();
        let Some(oddity) = oddity.as_ref() else { return false };
        let label = object.bytes(cryptoki_sys::CKA_LABEL).unwrap_or_default();
        object.is_key() && oddity.missing.iter().any(|missing| missing.as_bytes() == label)
    }

    /// Whether `lacks` can be true of any object.
    pub fn lacks_some(&self) -> bool {
        self.oddity.load().as_ref().is_some_and(|oddity| !oddity.missing.is_empty())
    }

    /// Errors: `Injected`, where token objects cannot be made or changed.
    pub fn must_have_room(&self) -> Result<(), CallError> {
        match self.oddity.load().as_ref().is_some_and(|oddity| oddity.store_full) {
            true => Err(CallError::Injected(cryptoki_sys::CKR_DEVICE_MEMORY)),
            false => Ok(()),
        }
    }

    pub fn login_state(&self) -> LoginState {
        self.login.read().clone()
    }

    /// Whether a user is logged in who may see private objects: cheaper than `user`.
    pub fn user_is_in(&self) -> bool {
        self.hot.login.load(Ordering::Acquire) == USER
    }

    /// What decides beside a template about objects that are made now.
    pub fn context(&self) -> Context {
        let policy = self.hot.policy.load(Ordering::Acquire);
        Context {
            user: self.user_is_in(),
            security_officer: self.hot.login.load(Ordering::Acquire) == SECURITY_OFFICER,
            refuse_public_keys: policy & REFUSE_PUBLIC_KEYS != 0,
            refuse_extractable: policy & REFUSE_EXTRACTABLE != 0,
            legacy: self.active.legacy,
            active: self.active,
        }
    }

    /// Whoever is logged in.
    pub fn login(&self) -> Option<Arc<Login>> {
        match &*self.login.read() {
            LoginState::User(login) | LoginState::SecurityOfficer(login) => Some(login.clone()),
            LoginState::Public => None,
        }
    }

    /// The time since the last logout: what a call began with in one term is no other's.
    pub fn term(&self) -> Term {
        Term(self.hot.logouts.load(Ordering::Acquire))
    }

    /// Takes a login in. Errors: `AlreadyLoggedIn`, `AnotherLoggedIn`, `DeviceRemoved`.
    pub fn log_in(&self, role: Role, login: Login) -> Result<(), CallError> {
        let mut state = self.login.write();
        may_log_in(&state, role)?;
        let login = Arc::new(login);
        let (kind, next) = match role {
            Role::CryptoUser => {
                self.user.store(Some(login.clone()));
                (USER, LoginState::User(login))
            }
            Role::Admin => (SECURITY_OFFICER, LoginState::SecurityOfficer(login)),
        };
        *state = next;
        self.hot.login.store(kind, Ordering::Release);
        drop(state);
        if self.is_gone() {
            self.logout_quietly();
            return Err(CallError::DeviceRemoved);
        }
        Ok(())
    }

    /// Whether C_Login of such a user may go on; asked before the password is tried.
    pub fn may_log_in(&self, role: Role) -> Result<(), CallError> {
        may_log_in(&self.login.read(), role)
    }

    /// C_Logout: private objects lose their handles, private session objects are destroyed.
    pub fn log_out(&self) -> Result<(), CallError> {
        if self.logout_quietly() { Ok(()) } else { Err(CallError::NotLoggedIn) }
    }

    fn logout_quietly(&self) -> bool {
        let mut state = self.login.write();
        let was = std::mem::take(&mut *state);
        self.user.store(None);
        self.hot.login.store(0, Ordering::Release);
        if matches!(was, LoginState::Public) {
            return false;
        }
        self.hot.logouts.fetch_add(1, Ordering::AcqRel);
        // All of it before anybody else can log in, who would find it.
        let private = |held: &Held| held.object.flag(cryptoki_sys::CKA_PRIVATE);
        for (_, held) in self.cache.clear() {
            if private(&held) { held.mark_gone() } else { held.mark_replaced() }
        }
        self.session_objects.destroy_where(|object| object.flag(cryptoki_sys::CKA_PRIVATE));
        // Its claim is let go of, which is I/O, under no lock.
        drop(state);
        drop(was);
        true
    }

    /// Drops from the caches what `change` made stale. Slot records are the library's to compare.
    pub fn apply(&self, change: &Change) -> Result<(), Error> {
        let Ok(access) = self.access() else { return Ok(()) };
        let cluster = access.cluster().id;
        match change {
            Change::Object(id, object) if *id == cluster => self.evict(*object),
            Change::Share(id, user, object) if *id == cluster => {
                if let LoginState::User(login) = self.login_state()
                    && login.user.id == *user
                {
                    login.expect_share_news();
                    self.evict(*object)?;
                }
                Ok(())
            }
            Change::User(id, user) if *id == cluster => {
                let (LoginState::User(login) | LoginState::SecurityOfficer(login)) = self.login_state()
                else {
                    return Ok(());
                };
                if login.user.id == *user && !self.clusters.login_stands(&login)? {
                    self.logout_quietly();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The change log does not reach back: everything is read again when it is next asked for.
    pub fn apply_everything(&self) -> Result<(), Error> {
        if let LoginState::User(login) | LoginState::SecurityOfficer(login) = self.login_state() {
            login.expect_share_news();
            if !self.clusters.login_stands(&login)? {
                self.logout_quietly();
            }
        }
        for (id, held) in self.cache.clear() {
            self.judge(id, &held)?;
        }
        Ok(())
    }

    fn evict(&self, id: ObjectId) -> Result<(), Error> {
        match self.cache.evict(id) {
            Some(held) => self.judge(id, &held),
            None => Ok(()),
        }
    }

    /// A cached object changed: replaced, or gone?
    fn judge(&self, id: ObjectId, held: &Held) -> Result<(), Error> {
        held.mark_replaced();
        let access = self.access()?;
        if self.clusters.object(access.cluster(), access.user(), id)?.is_none() {
            held.mark_gone();
        }
        Ok(())
    }
}

fn may_log_in(state: &LoginState, role: Role) -> Result<(), CallError> {
    match (state, role) {
        (LoginState::Public, _) => Ok(()),
        (LoginState::User(_), Role::CryptoUser) | (LoginState::SecurityOfficer(_), Role::Admin) => {
            Err(CallError::AlreadyLoggedIn)
        }
        _ => Err(CallError::AnotherLoggedIn),
    }
}

fn policy_bits(token: Option<&Token>) -> u8 {
    let Some(policy) = token.map(|t| t.cluster.policy) else { return 0 };
    (if policy.refuse_public_keys { REFUSE_PUBLIC_KEYS } else { 0 })
        | (if policy.refuse_extractable { REFUSE_EXTRACTABLE } else { 0 })
}

fn identity(token: &Token) -> (crate::cluster::ClusterId, u32, &str) {
    (token.cluster.id, token.cluster.generation, &token.cluster.hsms[token.hsm].name)
}
