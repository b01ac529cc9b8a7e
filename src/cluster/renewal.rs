//! A new cluster key when an admin is deleted: who was an admin once keeps nothing that opens what is sealed later.
//!
//! One commit seals every user's secrets anew under the new key, and hands it to the admins that stay: in an envelope to
//! each, which the deleted one cannot open, sealed under the key before it, which nobody but an admin can make. So an admin
//! comes from the key under its password, through all that came since, to the cluster's. With a new password it starts at
//! that one again.
//!
//! A former admin who kept copies of records, or of other users' keys, from the time when it could open them, still has
//! those. Nor is the key of the records' MACs renewed: every user holds it.

use crate::cluster::login::Login;
use crate::cluster::records::object::EnvelopeRecord;
use crate::cluster::records::{Maced, Sealed, UserRecord, decode, encode};
use crate::cluster::secrets::Holder;
use crate::cluster::{Clusters, UserId};
use crate::crypto::hpke::{self, Envelope};
use crate::crypto::seal::{self, KEY_BYTES, Key, SealKey};
use crate::error::{CallError, ClusterError, Error};
use vhsm_store::Batch;

/// The most users whose secrets one commit seals anew, beside its other operations; where there are more, the key stays.
pub const MAX_RENEWED: usize = 90;

const INFO: &[u8] = b"vhsm cluster key 1";
const DAMAGED: &str = "user record: renewed cluster key";

impl Clusters {
    /// Adds to the batch a new cluster key for all users but the one that goes. `false`: there are too many.
    pub(super) fn renew_cluster_key(
        &self,
        mut batch: Batch,
        admin: &Login,
        iv_prefix: [u8; 3],
        users: &[Maced<UserRecord>],
        but: UserId,
    ) -> Result<(Batch, bool), Error> {
        let stay: Vec<_> = users.iter().filter(|user| user.unverified().id() != but).collect();
        if stay.len() > MAX_RENEWED {
            return Ok((batch, false));
        }
        let own = users.iter().find(|user| user.unverified().id() == admin.user.id);
        let own = own.ok_or(CallError::NotLoggedIn)?.verified(&admin.mac)?;
        let (old, new) = (current(admin, own)?, seal::random_key()?);
        for user in stay {
            let mut record = user.verified(&admin.mac)?.clone();
            let holder = Holder { lineage: admin.lineage, user: record.id() };
            let secrets = holder.open_by_cluster(&record, &old)?;
            record.by_cluster = holder.seal_by_cluster(&secrets, &new, self.iv(iv_prefix)?)?;
            if record.admin {
                let nonce = self.iv(iv_prefix)?;
                record.renewed.push(hand_over(&holder, &record.public_key, &old, &new, nonce)?);
            }
            batch = batch
                .expect(user.key.as_slice(), Some(&user.raw))
                .put(user.key.as_slice(), Maced::encode(&user.key, &record, &admin.mac)?);
        }
        Ok((batch, true))
    }
}

/// The cluster key as it is now. `own`: the admin's own record, as it is now. Errors: `LoginNeeded` where the user is no
/// admin; `NotLoggedIn` where this login began with a password that was changed since, and a key that was renewed.
pub(super) fn current(admin: &Login, own: &UserRecord) -> Result<Key, Error> {
    let held = admin.cluster_key()?;
    let holder = Holder { lineage: admin.lineage, user: own.id() };
    let newest =
        follow(&holder, own, held.clone(), &admin.secrets.private_key).unwrap_or_else(|_| held.clone());
    match holder.open_by_cluster(own, &newest) {
        Ok(_) => Ok(newest),
        Err(_) => Err(CallError::NotLoggedIn.into()),
    }
}

/// From the key under the password to the cluster's. Errors: `Corrupt`.
pub(super) fn follow(holder: &Holder, own: &UserRecord, first: Key, private: &Key) -> Result<Key, Error> {
    own.renewed.iter().try_fold(first, |key, sealed| take_over(holder, private, &key, sealed))
}

fn hand_over(
    holder: &Holder,
    public_key: &[u8; KEY_BYTES],
    old: &Key,
    new: &Key,
    nonce: [u8; seal::NONCE_BYTES],
) -> Result<Sealed, Error> {
    let aad = holder.aad(b"renewed ");
    let Envelope { encapsulated, sealed } = hpke::seal(public_key, INFO, &aad, &new[..])?;
    let envelope = encode(&EnvelopeRecord { encapsulated, sealed })?;
    let mut bytes = Vec::new();
    outer(old).seal(&nonce, &aad, &envelope, &mut bytes)?;
    Ok(Sealed { nonce, bytes })
}

fn take_over(holder: &Holder, private: &Key, old: &Key, sealed: &Sealed) -> Result<Key, Error> {
    let aad = holder.aad(b"renewed ");
    let envelope =
        outer(old).open(&sealed.nonce, &aad, &sealed.bytes).ok_or(ClusterError::Corrupt(DAMAGED))?;
    let EnvelopeRecord { encapsulated, sealed } = decode(DAMAGED, &envelope)?;
    let plain = hpke::open(private, INFO, &aad, &Envelope { encapsulated, sealed });
    let plain = plain.filter(|plain| plain.len() == KEY_BYTES).ok_or(ClusterError::Corrupt(DAMAGED))?;
    let mut key = Key::default();
    key.copy_from_slice(&plain);
    Ok(key)
}

fn outer(old: &Key) -> SealKey {
    SealKey::new(&seal::derive(old, "vhsm renewed cluster key 1"))
}
