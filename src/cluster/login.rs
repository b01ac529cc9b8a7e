//! Logins: a user's keys in memory, and the claim that shows others who is logged in.

use crate::cluster::attempts::{MAX_FAILURES, Opened, is_locked};
use crate::cluster::keys::Space;
use crate::cluster::records::{ClusterRecord, Maced, UserRecord};
use crate::cluster::secrets::{OwnerKeys, Secrets};
use crate::cluster::{Cluster, ClusterId, Clusters, PinStatus, Policy, Role, User, UserId, pin, read};
use crate::crypto::seal::{self, Key, MacKey};
use crate::error::{CallError, ClusterError, Error};
use crate::sync::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use vhsm_store::{Claim, ClaimKind, Revision, Snapshot};

/// How long a login waits while an admin changes that user's password.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(10);

/// An opened login: the user's keys in memory (wiped on drop), and the claim that shows others who is logged
/// in. Shared by the slot's sessions in an Arc.
pub struct Login {
    pub cluster: ClusterId,
    pub user: User,
    pub(super) generation: u32,
    pub(super) lineage: [u8; 16],
    /// The user's own objects.
    pub(super) keys: OwnerKeys,
    pub(super) mac: MacKey,
    pub(super) secrets: Secrets,
    seen: Mutex<Arc<Seen>>,
    /// The revision at which the cluster had no public objects; 0: not known.
    no_public_at: AtomicU64,
    /// An owner may have told this user something of a shared object.
    share_news: AtomicBool,
    _claim: Box<dyn Claim>,
}

/// The cluster's and the user's records as last verified: what commits under this login rest on.
pub(super) struct Seen {
    pub cluster: Maced<ClusterRecord>,
    pub user: Maced<UserRecord>,
    pub policy: Policy,
}

impl Seen {
    fn new(cluster: Maced<ClusterRecord>, user: Maced<UserRecord>) -> Self {
        let policy = cluster.unverified().policy.into();
        Self { cluster, user, policy }
    }

    /// The records of a login that still stands, as they are.
    fn read(snapshot: &dyn Snapshot, login: &Login) -> Result<Option<Self>, Error> {
        let cluster = match read::cluster(snapshot, login.cluster) {
            Err(Error::Cluster(ClusterError::NotFound(_))) => return Ok(None),
            cluster => cluster?,
        };
        if cluster.unverified().generation != login.generation {
            return Ok(None);
        }
        let user = read::user(snapshot, login.space(), login.user.id)?;
        Ok(user.map(|user| Self::new(cluster, user)))
    }
}

impl Login {
    fn new(space: Space, opened: Opened, claim: Box<dyn Claim>) -> Self {
        let record = opened.user.unverified();
        let user = User { id: record.id(), name: record.name.clone(), role: record.role(), locked: false };
        Self {
            cluster: space.cluster,
            user,
            generation: space.generation,
            lineage: opened.cluster.unverified().lineage,
            keys: OwnerKeys::new(&opened.secrets.user_key),
            mac: opened.secrets.mac(),
            secrets: opened.secrets,
            seen: Mutex::new(Arc::new(Seen::new(opened.cluster, opened.user))),
            no_public_at: AtomicU64::new(0),
            share_news: AtomicBool::new(true),
            _claim: claim,
        }
    }

    pub(super) fn space(&self) -> Space {
        Space { cluster: self.cluster, generation: self.generation }
    }

    pub(super) fn seen(&self) -> Arc<Seen> {
        self.seen.lock().clone()
    }

    /// The cluster key. Errors: `LoginNeeded` where the user is no admin.
    pub(super) fn cluster_key(&self) -> Result<&Key, Error> {
        self.secrets.cluster_key.as_ref().ok_or(ClusterError::LoginNeeded("admin").into())
    }

    /// Whether this login is of this cluster as it now stands. Errors: `NotLoggedIn`.
    pub(super) fn check(&self, cluster: &Cluster) -> Result<(), Error> {
        if self.space() == cluster.space() { Ok(()) } else { Err(CallError::NotLoggedIn.into()) }
    }

    /// The store named this user's shares: they are looked at before the next search.
    pub fn expect_share_news(&self) {
        self.share_news.store(true, Ordering::Release);
    }

    /// Whether shares must be looked at; the caller does it.
    pub(super) fn take_share_news(&self) -> bool {
        self.share_news.load(Ordering::Acquire) && self.share_news.swap(false, Ordering::AcqRel)
    }

    pub(super) fn knows_no_public_objects(&self, at: Revision) -> bool {
        self.no_public_at.load(Ordering::Relaxed) == at.0
    }

    pub(super) fn remember_no_public_objects(&self, at: Revision) {
        self.no_public_at.store(at.0, Ordering::Relaxed);
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("cluster", &self.cluster)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Clusters {
    /// Logs in by name and password (C_LoginUser, `--pin user:password`). `role`: what the caller takes the
    /// user for. Errors: `PinIncorrect`, `PinLocked`, `Delayed`, `UserNotFound`, `Corrupt`.
    pub fn login_as(
        &self,
        cluster: &Cluster,
        role: Option<Role>,
        name: &str,
        password: &[u8],
    ) -> Result<Login, Error> {
        let users = self.view(|snapshot| read::users(snapshot, cluster.space()))?;
        let user = pin::named(&users, name.as_bytes())
            .ok_or_else(|| ClusterError::UserNotFound(name.into()))?
            .unverified();
        if role.is_some_and(|role| role != user.role()) {
            return Err(ClusterError::PinIncorrect.into());
        }
        self.login_user(cluster, user, password)
    }

    /// Logs in by a PIN as C_Login brings it: `user:password` where such a user exists, else a bare PIN.
    /// Errors: as `login_as`, and `NoUser`.
    pub fn login(&self, cluster: &Cluster, role: Role, pin: &[u8]) -> Result<Login, Error> {
        let users = self.view(|snapshot| read::users(snapshot, cluster.space()))?;
        let (user, password) = pin::resolve(&users, cluster.default_user, role, pin)?;
        self.login_user(cluster, user.unverified(), password)
    }

    fn login_user(&self, cluster: &Cluster, user: &UserRecord, password: &[u8]) -> Result<Login, Error> {
        let space = cluster.space();
        let opened = self.attempt(space, user.id(), user.role(), password)?;
        // Else others would share with whoever put another key there.
        let public_key = seal::x25519_public(&opened.secrets.private_key)?;
        if opened.user.unverified().public_key != public_key {
            return Err(ClusterError::Corrupt("user record: public key").into());
        }
        // Under the row: an admin that changes this password holds the row and the name.
        let name = claim_name(space.cluster, user.id());
        let claim = self.store.claim_within(&name, ClaimKind::Shared, CLAIM_TIMEOUT)?.ok_or_else(|| {
            ClusterError::Refused(format!("the password of user {:?} is being changed; try again", user.name))
        })?;
        Ok(Login::new(space, opened, claim))
    }

    /// Whether the user still exists (a login of a deleted user, or of a wiped token, ends). Errors:
    /// `Corrupt`.
    pub fn login_stands(&self, login: &Login) -> Result<bool, Error> {
        Ok(self.refresh(login)?.is_some())
    }

    /// Reads the records a login rests on again and checks their MACs; `None`: it no longer stands.
    pub(super) fn refresh(&self, login: &Login) -> Result<Option<Arc<Seen>>, Error> {
        let Some(seen) = self.view(|snapshot| Seen::read(snapshot, login))? else { return Ok(None) };
        seen.cluster.verified(&login.mac)?;
        seen.user.verified(&login.mac)?;
        let seen = Arc::new(seen);
        *login.seen.lock() = seen.clone();
        Ok(Some(seen))
    }

    /// Checks a cluster's records under a login: `cluster` was read without one. Errors: `Corrupt`,
    /// `NotLoggedIn`.
    pub fn verify(&self, cluster: &Cluster, login: &Login) -> Result<(), Error> {
        login.check(cluster)?;
        let (record, hsms) = self.view(|snapshot| {
            Ok((read::cluster(snapshot, login.cluster)?, read::hsms(snapshot, login.cluster)?))
        })?;
        read::verify(&record, &hsms, &login.mac)
    }

    /// Whether this user is logged in, here or in another process. Errors: `UserNotFound`.
    pub fn is_logged_in(&self, cluster: &Cluster, name: &str) -> Result<bool, Error> {
        let users = self.view(|snapshot| read::users(snapshot, cluster.space()))?;
        let user = pin::named(&users, name.as_bytes())
            .ok_or_else(|| ClusterError::UserNotFound(name.into()))?
            .unverified();
        Ok(self.store.is_claimed(&claim_name(cluster.id, user.id()))?)
    }

    /// The flags of CK_TOKEN_INFO about PINs: whether a user of that role exists, and how the one that a bare
    /// PIN means stands with wrong tries.
    pub fn pin_status(&self, cluster: &Cluster, role: Role) -> Result<PinStatus, Error> {
        let space = cluster.space();
        self.view(|snapshot| {
            let users = read::users(snapshot, space)?;
            let exists = users.iter().any(|user| user.unverified().role() == role);
            let Some(user) = pin::bare(&users, cluster.default_user, role) else {
                return Ok(PinStatus { exists, ..PinStatus::default() });
            };
            let (attempts, _) = read::attempts(snapshot, space, user.unverified().id())?;
            Ok(PinStatus {
                exists,
                count_low: attempts.failures > 0,
                final_try: attempts.failures + 1 == MAX_FAILURES,
                locked: is_locked(user.unverified(), &attempts),
            })
        })
    }
}

/// The name of the claim that a login holds.
pub(super) fn claim_name(cluster: ClusterId, user: UserId) -> Vec<u8> {
    format!("login/{}/{}", cluster.0, user.0).into_bytes()
}
