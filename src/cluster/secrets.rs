//! Keys at rest: what a user holds, and what it is sealed under.
//!
//! | secret | who holds it |
//! | --- | --- |
//! | user key (256 bits): seals its objects' keys, hides its index entries | the user |
//! | private key (X25519) for envelopes to the user | the user |
//! | MAC key of the cluster's records | every user of the cluster |
//! | cluster key: opens every user's secrets, so that an admin can give a new password | every admin; renewed when one goes |
//!
//! A user's secrets lie in its record twice: under a key from its password (Argon2id), and under the cluster
//! key. So an admin could open a user's objects only by giving itself that user's password, which the user
//! notices. A new password seals the same secrets anew: no object is touched.

use crate::cluster::records::{CostsRecord, Sealed, UserRecord};
use crate::cluster::{PasswordCosts, Role, UserId, renewal};
use crate::crypto::random;
use crate::crypto::seal::{self, KEY_BYTES, Key, MacKey, NONCE_BYTES, SALT_BYTES, SealKey};
use crate::error::{ClusterError, Error};
use std::fmt;
use zeroize::Zeroizing;

/// The keys of one owner's objects, expanded: a user's, or the public's.
pub(super) struct OwnerKeys {
    /// Seals object keys.
    pub seal: SealKey,
    /// Makes index entries that tell nothing without it.
    pub index: MacKey,
}

impl OwnerKeys {
    pub(super) fn new(root: &[u8; KEY_BYTES]) -> Self {
        Self {
            seal: SealKey::new(&seal::derive(root, "vhsm object keys 1")),
            index: MacKey::new(&seal::derive(root, "vhsm index 1")),
        }
    }
}

impl fmt::Debug for OwnerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerKeys")
    }
}

/// What a user holds; wiped when dropped.
pub(super) struct Secrets {
    pub user_key: Key,
    pub private_key: Key,
    pub mac_key: Key,
    /// Admins only.
    pub cluster_key: Option<Key>,
}

impl Secrets {
    /// Those of a new user of a cluster with these keys, and the public key to the private one.
    pub(super) fn new(
        mac_key: &Key,
        cluster_key: &Key,
        role: Role,
    ) -> Result<(Self, [u8; KEY_BYTES]), Error> {
        let pair = seal::x25519_pair()?;
        let secrets = Self {
            user_key: seal::random_key()?,
            private_key: pair.private,
            mac_key: mac_key.clone(),
            cluster_key: (role == Role::Admin).then(|| cluster_key.clone()),
        };
        Ok((secrets, pair.public))
    }

    pub(super) fn mac(&self) -> MacKey {
        MacKey::new(&self.mac_key)
    }

    /// Seals them; the cluster key only along where `with_cluster_key` says so.
    fn seal(
        &self,
        key: &[u8; KEY_BYTES],
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        with_cluster_key: bool,
    ) -> Result<Sealed, Error> {
        let mut plain = Zeroizing::new(Vec::with_capacity(4 * KEY_BYTES));
        plain.extend_from_slice(&self.user_key[..]);
        plain.extend_from_slice(&self.private_key[..]);
        plain.extend_from_slice(&self.mac_key[..]);
        if let (true, Some(cluster_key)) = (with_cluster_key, &self.cluster_key) {
            plain.extend_from_slice(&cluster_key[..]);
        }
        let mut bytes = Vec::new();
        SealKey::new(key).seal(&nonce, aad, &plain, &mut bytes)?;
        Ok(Sealed { nonce, bytes })
    }

    fn open(sealed: &Sealed, key: &[u8; KEY_BYTES], aad: &[u8]) -> Option<Self> {
        let plain = SealKey::new(key).open(&sealed.nonce, aad, &sealed.bytes)?;
        let mut keys = plain.chunks_exact(KEY_BYTES).map(|chunk| {
            let mut key = Key::default();
            key.copy_from_slice(chunk);
            key
        });
        let secrets = Self {
            user_key: keys.next()?,
            private_key: keys.next()?,
            mac_key: keys.next()?,
            cluster_key: keys.next(),
        };
        Some(secrets)
    }
}

/// Who a sealed set of secrets belongs to.
#[derive(Clone, Copy)]
pub(super) struct Holder {
    pub lineage: [u8; 16],
    pub user: UserId,
}

impl Holder {
    pub(super) fn aad(&self, under: &[u8; 8]) -> Vec<u8> {
        [&b"vhsm secrets 1"[..], &self.lineage, &self.user.0.to_be_bytes(), under].concat()
    }

    /// Opens them with the password; `None`: it is wrong. Errors: `Corrupt` where the costs cannot be a
    /// user's.
    pub(super) fn open_by_password(
        &self,
        record: &UserRecord,
        password: &[u8],
    ) -> Result<Option<Secrets>, Error> {
        let c = record.costs;
        // A record that was changed must not take all memory of this machine, nor all its time.
        if !PasswordCosts::from(c).are_bearable() {
            return Err(ClusterError::Corrupt("user record: password costs").into());
        }
        let key = seal::password_key(password, &record.salt, c.memory_kib, c.passes, c.lanes)?;
        let Some(mut secrets) = Secrets::open(&record.by_password, &key, &self.aad(b"password")) else {
            return Ok(None);
        };
        if let Some(first) = secrets.cluster_key.take() {
            secrets.cluster_key = Some(renewal::follow(self, record, first, &secrets.private_key)?);
        }
        Ok(Some(secrets))
    }

    /// Opens them with the cluster key. Errors: `Corrupt`.
    pub(super) fn open_by_cluster(
        &self,
        record: &UserRecord,
        cluster_key: &[u8; KEY_BYTES],
    ) -> Result<Secrets, Error> {
        let mut secrets = Secrets::open(&record.by_cluster, cluster_key, &self.aad(b"cluster "))
            .ok_or(ClusterError::Corrupt("user record: sealed keys"))?;
        if record.admin {
            secrets.cluster_key = Some(Zeroizing::new(*cluster_key));
        }
        Ok(secrets)
    }

    pub(super) fn seal_by_cluster(
        &self,
        secrets: &Secrets,
        cluster_key: &[u8; KEY_BYTES],
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Sealed, Error> {
        secrets.seal(cluster_key, nonce, &self.aad(b"cluster "), false)
    }

    /// Seals them under a password: a new salt, and the costs as configured now.
    pub(super) fn seal_by_password(
        &self,
        secrets: &Secrets,
        password: &[u8],
        costs: PasswordCosts,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<ByPassword, Error> {
        let salt = random::array()?;
        let key = seal::password_key(password, &salt, costs.memory_kib, costs.passes, costs.lanes)?;
        let sealed = secrets.seal(&key, nonce, &self.aad(b"password"), true)?;
        Ok(ByPassword { salt, costs: costs.into(), sealed })
    }
}

/// The fields of a user's record that a new password changes.
pub(super) struct ByPassword {
    pub salt: [u8; SALT_BYTES],
    pub costs: CostsRecord,
    pub sealed: Sealed,
}

impl ByPassword {
    pub(super) fn put_into(self, record: &mut UserRecord) {
        record.salt = self.salt;
        record.costs = self.costs;
        record.by_password = self.sealed;
        // The newest cluster key is sealed along.
        record.renewed.clear();
    }
}
