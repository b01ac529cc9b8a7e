//! Tries of a password: counted durably before the password is tried, taken back when it is right.
//!
//! A user is locked at the fifth wrong one, and unlocked by an admin that gives it a new password. The last
//! unlocked admin is never locked, for nobody could unlock it, but waits longer and longer. Tries of one user
//! run one after the other, in whatever process: else right passwords given at the same moment would count as
//! wrong ones until they are done. All admins of a cluster share one row, so that two are never locked by
//! each other's last try. A process killed during a try leaves it counted.

use crate::cluster::keys::Space;
use crate::cluster::records::{Attempts, ClusterRecord, HsmRecord, Maced, UserRecord, encode};
use crate::cluster::secrets::{Holder, Secrets};
use crate::cluster::{Clusters, Role, UserId, read};
use crate::error::{ClusterError, Error};
use std::time::Duration;
use vhsm_store::{Batch, Claim, ClaimKind, Snapshot};

/// CloudHSM: a user is locked after five wrong passwords.
pub(super) const MAX_FAILURES: u32 = 5;
/// The longest wait of the last unlocked admin.
const MAX_DELAY_S: u64 = 300;
/// How long a try waits for those before it.
const ROW_TIMEOUT: Duration = Duration::from_secs(60);

/// A password that was right, and what it opened. The row is held until this is dropped.
pub(super) struct Opened {
    pub cluster: Maced<ClusterRecord>,
    pub hsms: Vec<Maced<HsmRecord>>,
    pub user: Maced<UserRecord>,
    pub secrets: Secrets,
    _row: Box<dyn Claim>,
}

impl Opened {
    /// Checks every record that was read, under the key that was opened. Errors: `Corrupt`.
    fn verify(&self) -> Result<(), Error> {
        let mac = self.secrets.mac();
        read::verify(&self.cluster, &self.hsms, &mac)?;
        self.user.verified(&mac).map(drop)
    }
}

/// The record of wrong tries, before and after one was counted.
struct Counted {
    before: Option<Vec<u8>>,
    now: Vec<u8>,
}

/// What a try works on.
struct Target {
    cluster: Maced<ClusterRecord>,
    hsms: Vec<Maced<HsmRecord>>,
    user: Maced<UserRecord>,
}

impl Clusters {
    /// Tries a password; the row is held on until `Opened` is dropped.
    /// Errors: `PinIncorrect`, `PinLocked`, `Delayed`, `UserNotFound`, `Corrupt`.
    pub(super) fn attempt(
        &self,
        space: Space,
        id: UserId,
        role: Role,
        password: &[u8],
    ) -> Result<Opened, Error> {
        self.retry(|| {
            let row = self.row(space, id, role)?;
            let counted = self.count(space, id)?;
            let target = self.view(|snapshot| target(snapshot, space, id))?;
            let holder = Holder { lineage: target.cluster.unverified().lineage, user: id };
            let opened = holder.open_by_password(target.user.unverified(), password);
            if opened.is_err() {
                self.take_back(space, id, &counted)?;
            }
            let secrets = opened?.ok_or(ClusterError::PinIncorrect)?;
            // The user's record as it was tried: under another one the password might be wrong.
            let right = Batch::new()
                .expect(target.user.key.as_slice(), Some(&target.user.raw))
                .delete(space.attempts(id).as_slice());
            self.store.commit(right)?;
            let Target { cluster, hsms, user } = target;
            let opened = Opened { cluster, hsms, user, secrets, _row: row };
            opened.verify()?;
            Ok(opened)
        })
    }

    /// Waits until no other try of this user (or of any admin) is under way.
    pub(super) fn row(&self, space: Space, id: UserId, role: Role) -> Result<Box<dyn Claim>, Error> {
        let name = match role {
            Role::Admin => format!("try/{}/admins", space.cluster.0),
            Role::CryptoUser => format!("try/{}/{}", space.cluster.0, id.0),
        };
        let row = self.store.claim_within(name.as_bytes(), ClaimKind::Exclusive, ROW_TIMEOUT)?;
        row.ok_or_else(|| {
            let seconds = ROW_TIMEOUT.as_secs();
            ClusterError::Refused(format!(
                "others have been trying passwords of this user for {seconds} s; try again"
            ))
            .into()
        })
    }

    /// Counts a try. Under the row. Errors: `PinLocked`, `Delayed`, `UserNotFound`.
    fn count(&self, space: Space, id: UserId) -> Result<Counted, Error> {
        self.retry(|| {
            let standing = self.view(|snapshot| Standing::read(snapshot, space, id))?;
            let now = (self.now)();
            if standing.locked {
                return Err(ClusterError::PinLocked(standing.name.clone()).into());
            }
            let wait_ms = standing.wait_ms(now);
            if wait_ms > 0 {
                if let Some(from_now) = standing.set_back(now) {
                    self.put_attempts(space, id, &standing, &from_now)?;
                }
                return Err(ClusterError::Delayed { seconds: wait_ms.div_ceil(1000) }.into());
            }
            let counted = standing.counted(now);
            self.put_attempts(space, id, &standing, &counted)?;
            Ok(Counted { before: standing.raw, now: encode(&counted)? })
        })
    }

    /// For a password that could not be tried at all (no memory for it, a damaged record): nobody learnt
    /// anything, so nobody is locked for it.
    fn take_back(&self, space: Space, id: UserId, counted: &Counted) -> Result<(), Error> {
        let key = space.attempts(id);
        let batch = Batch::new().expect(key.as_slice(), Some(&counted.now));
        self.store.commit(match &counted.before {
            Some(before) => batch.put(key.as_slice(), before.as_slice()),
            None => batch.delete(key.as_slice()),
        })?;
        Ok(())
    }

    fn put_attempts(&self, space: Space, id: UserId, was: &Standing, now: &Attempts) -> Result<(), Error> {
        let key = space.attempts(id);
        let batch = Batch::new().expect(key.as_slice(), was.raw.as_deref()).put(key.as_slice(), encode(now)?);
        self.store.commit(batch)?;
        Ok(())
    }
}

fn target(snapshot: &dyn Snapshot, space: Space, id: UserId) -> Result<Target, Error> {
    let cluster = read::cluster(snapshot, space.cluster)?;
    let gone = || ClusterError::UserNotFound(format!("number {}", id.0));
    let user = read::user(snapshot, space, id)?.ok_or_else(gone)?;
    if cluster.unverified().generation != space.generation {
        return Err(gone().into());
    }
    Ok(Target { hsms: read::hsms(snapshot, space.cluster)?, cluster, user })
}

/// How a user stands with its tries.
pub(super) struct Standing {
    name: String,
    attempts: Attempts,
    raw: Option<Vec<u8>>,
    pub locked: bool,
    /// Another admin could unlock it: it can be locked.
    can_be_locked: bool,
}

impl Standing {
    pub(super) fn read(snapshot: &dyn Snapshot, space: Space, id: UserId) -> Result<Self, Error> {
        let user = read::user(snapshot, space, id)?
            .ok_or_else(|| ClusterError::UserNotFound(format!("number {}", id.0)))?;
        let user = user.unverified();
        let (attempts, raw) = read::attempts(snapshot, space, id)?;
        let can_be_locked = !user.admin || another_unlocked_admin(snapshot, space, id)?;
        let locked = is_locked(user, &attempts);
        Ok(Self { name: user.name.clone(), attempts, raw, locked, can_be_locked })
    }

    /// How long the next try must still wait.
    fn wait_ms(&self, now: u64) -> u64 {
        let Some(over) = self.attempts.failures.checked_sub(MAX_FAILURES) else { return 0 };
        let delay_s = 1u64.checked_shl(over).unwrap_or(MAX_DELAY_S).min(MAX_DELAY_S);
        let end = self.attempts.last_ms.min(now).saturating_add(delay_s * 1000);
        end.saturating_sub(now)
    }

    /// Where the clock was set back behind the last failure, the wait starts again now, and ends.
    fn set_back(&self, now: u64) -> Option<Attempts> {
        let waits = self.attempts.failures >= MAX_FAILURES && now < self.attempts.last_ms;
        waits.then(|| Attempts { last_ms: now, ..self.attempts.clone() })
    }

    fn counted(&self, now: u64) -> Attempts {
        let failures = self.attempts.failures.saturating_add(1);
        Attempts { failures, last_ms: now, locked: self.can_be_locked && failures >= MAX_FAILURES }
    }
}

/// Whether a user is locked.
pub(super) fn is_locked(user: &UserRecord, attempts: &Attempts) -> bool {
    attempts.locked || (!user.admin && attempts.failures >= MAX_FAILURES)
}

/// Whether an admin beside this one could unlock others.
pub(super) fn another_unlocked_admin(
    snapshot: &dyn Snapshot,
    space: Space,
    id: UserId,
) -> Result<bool, Error> {
    for user in read::users(snapshot, space)? {
        let user = user.unverified();
        if user.admin && user.id() != id && !read::attempts(snapshot, space, user.id())?.0.locked {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(failures: u32, last_ms: u64) -> Standing {
        Standing {
            name: "admin".into(),
            attempts: Attempts { failures, last_ms, locked: false },
            raw: None,
            locked: false,
            can_be_locked: false,
        }
    }

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        assert_eq!(standing(4, 1000).wait_ms(1000), 0);
        assert_eq!(standing(5, 1000).wait_ms(1000), 1000);
        assert_eq!(standing(5, 1000).wait_ms(1999), 1);
        assert_eq!(standing(5, 1000).wait_ms(2000), 0);
        assert_eq!(standing(8, 0).wait_ms(0), 8_000);
        assert_eq!(standing(14, 0).wait_ms(0), 300_000);
        assert_eq!(standing(u32::MAX, 0).wait_ms(0), 300_000);
    }

    #[test]
    fn a_clock_set_back_does_not_prolong_the_wait() {
        let s = standing(6, 1_000_000);
        assert_eq!(s.set_back(500).unwrap().last_ms, 500);
        assert_eq!(s.wait_ms(500), 2000);
        assert!(s.set_back(1_000_000).is_none());
        assert!(standing(3, 1_000_000).set_back(500).is_none());
    }
}
