//! Token objects: sealed under a key of their own, which is sealed under their owner's.
//!
//! What has CKA_PRIVATE false belongs to the public, whose key lies in the cluster's record. The seal binds
//! an object to its cluster, its id, its owner and its version; the id, which is its handle, stands in the
//! store's key.

use crate::cluster::index::{self, PUBLIC};
use crate::cluster::keys::Space;
use crate::cluster::login::Login;
use crate::cluster::records::{ObjectRecord, decode, encode};
use crate::cluster::secrets::OwnerKeys;
use crate::cluster::{Cluster, Clusters, ObjectId, Role, UserId, read};
use crate::crypto::seal::{self, KEY_BYTES, Key, SealKey, TAG_BYTES};
use crate::error::{CallError, ClusterError, Error};
use crate::object::Object;
use cryptoki_sys::{CKA_PRIVATE, CKO_PRIVATE_KEY, CKO_SECRET_KEY};
use vhsm_store::{Batch, Snapshot, StoreError};

/// Whose an object is, with the keys for it.
struct Owner<'a> {
    id: UserId,
    keys: &'a OwnerKeys,
    space: Space,
    entries_of: Space,
    lineage: [u8; 16],
    iv_prefix: [u8; 3],
    /// The cluster has no such keys by policy: one that is there was put there past the library.
    refuses_keys: bool,
}

/// An object as read from the store.
struct Stored<'a> {
    owner: Owner<'a>,
    raw: Vec<u8>,
    version: u64,
    key_nonce: [u8; seal::NONCE_BYTES],
    sealed_key: Vec<u8>,
    key: Key,
    object: Object,
}

impl Clusters {
    /// Makes a token object: durable when this returns. Errors: `LoginNeeded` for a private object without a
    /// crypto user's login, `NotLoggedIn` where the login no longer stands, `DeviceRemoved` where the token
    /// was wiped, `KeyAvailability` for a key.
    pub fn create_object(
        &self,
        cluster: &Cluster,
        login: Option<&Login>,
        object: &Object,
    ) -> Result<ObjectId, Error> {
        if object.is_key() {
            cluster.check_key_availability()?;
        }
        let owner = owner_of(cluster, login, object)?;
        let id = self.next_object_id(cluster.last_restored)?;
        let key = seal::random_key()?;
        let key_nonce = self.iv(owner.iv_prefix)?;
        let mut sealed_key = Vec::with_capacity(KEY_BYTES + TAG_BYTES);
        owner.keys.seal.seal(&key_nonce, &owner.key_aad(id), &key[..], &mut sealed_key)?;
        let raw = self.sealed_record(&owner, id, 1, (key_nonce, &sealed_key, &key), object)?;
        let place = owner.space.object(owner.id, id);
        let mut writes = Batch::new().expect(place.as_slice(), None).put(place.as_slice(), raw);
        for entry in index::entries(owner.id, owner.keys, owner.space, id, object) {
            writes = writes.put(entry.as_slice(), index::tag(&owner.keys.index, owner.entries_of, &entry));
        }
        self.commit_new(cluster, login, writes)?;
        Ok(id)
    }

    /// Commits under the condition that the cluster, and the login's user, are as they were when last
    /// verified; if not, they are verified again.
    fn commit_new(&self, cluster: &Cluster, login: Option<&Login>, writes: Batch) -> Result<(), Error> {
        let Some(login) = login else { return self.commit_public(cluster, writes) };
        let mut seen = login.seen();
        self.retry(|| {
            if seen.policy != cluster.policy {
                seen = self.refresh(login)?.ok_or(CallError::NotLoggedIn)?;
            }
            if seen.policy != cluster.policy {
                return Err(ClusterError::Refused("the cluster's settings changed; try again".into()).into());
            }
            let batch = writes
                .clone()
                .expect(seen.cluster.key.as_slice(), Some(&seen.cluster.raw))
                .expect(seen.user.key.as_slice(), Some(&seen.user.raw));
            let committed = self.store.commit(batch);
            if let Err(StoreError::Conflict { .. }) = committed {
                seen = self.refresh(login)?.ok_or(CallError::NotLoggedIn)?;
            }
            committed?;
            Ok(())
        })
    }

    fn commit_public(&self, cluster: &Cluster, writes: Batch) -> Result<(), Error> {
        self.retry(|| {
            let record = self.view(|snapshot| read::cluster(snapshot, cluster.id))?;
            if record.unverified().generation != cluster.generation {
                return Err(CallError::DeviceRemoved.into());
            }
            self.store.commit(writes.clone().expect(record.key.as_slice(), Some(&record.raw)))?;
            Ok(())
        })
    }

    /// `None`: there is none, or not for this login. Errors: `NotLoggedIn`, `Corrupt`.
    pub fn object(
        &self,
        cluster: &Cluster,
        login: Option<&Login>,
        id: ObjectId,
    ) -> Result<Option<Object>, Error> {
        self.view(|snapshot| {
            let Some((owner, raw)) = locate(snapshot, cluster, login, id)? else { return Ok(None) };
            let record = decode::<ObjectRecord>("object record", raw)?;
            let key = owner.open_key(id, &record)?;
            owner.open(id, &record, &key).map(Some)
        })
    }

    fn stored<'a>(
        &self,
        cluster: &'a Cluster,
        login: Option<&'a Login>,
        id: ObjectId,
    ) -> Result<Option<Stored<'a>>, Error> {
        self.view(|snapshot| {
            let Some((owner, raw)) = locate(snapshot, cluster, login, id)? else { return Ok(None) };
            let record = decode::<ObjectRecord>("object record", raw)?;
            let key = owner.open_key(id, &record)?;
            let object = owner.open(id, &record, &key)?;
            let (version, key_nonce, sealed_key) = (record.version, record.key_nonce, record.key.to_vec());
            Ok(Some(Stored { owner, raw: raw.to_vec(), version, key_nonce, sealed_key, key, object }))
        })
    }

    /// Changes an object as it stands, again if another changed it meanwhile (`None`: it is gone).
    pub fn update_object(
        &self,
        cluster: &Cluster,
        login: Option<&Login>,
        id: ObjectId,
        change: &mut dyn FnMut(&Object) -> Result<Object, Error>,
    ) -> Result<Option<Object>, Error> {
        self.retry(|| {
            let Some(stored) = self.stored(cluster, login, id)? else { return Ok(None) };
            let changed = change(&stored.object)?;
            self.put_changed(id, &stored, &changed)?;
            Ok(Some(changed))
        })
    }

    /// Commits an object in the place of the stored one, if that is still there as it was read.
    fn put_changed(&self, id: ObjectId, stored: &Stored, object: &Object) -> Result<(), Error> {
        let owner = &stored.owner;
        if object.flag(CKA_PRIVATE) == (owner.id == PUBLIC) {
            return Err(Error::Internal("an object cannot change its owner".into()));
        }
        let version = stored.version + 1;
        let sealed = (stored.key_nonce, &stored.sealed_key[..], &stored.key);
        let raw = self.sealed_record(owner, id, version, sealed, object)?;
        let place = owner.space.object(owner.id, id);
        let mut batch = Batch::new().expect(place.as_slice(), Some(&stored.raw)).put(place.as_slice(), raw);
        let old = index::entries(owner.id, owner.keys, owner.space, id, &stored.object);
        let new = index::entries(owner.id, owner.keys, owner.space, id, object);
        for entry in old.iter().filter(|entry| !new.contains(entry)) {
            batch = batch.delete(entry.as_slice());
        }
        for entry in new.iter().filter(|entry| !old.contains(entry)) {
            batch = batch.put(entry.as_slice(), index::tag(&owner.keys.index, owner.entries_of, entry));
        }
        self.store.commit(batch)?;
        Ok(())
    }

    /// `false`: it was gone already. Errors: `NotLoggedIn`, `Corrupt`.
    pub fn destroy_object(
        &self,
        cluster: &Cluster,
        login: Option<&Login>,
        id: ObjectId,
    ) -> Result<bool, Error> {
        self.retry(|| {
            let Some(stored) = self.stored(cluster, login, id)? else { return Ok(false) };
            let owner = &stored.owner;
            let place = owner.space.object(owner.id, id);
            let mut batch = Batch::new().expect(place.as_slice(), Some(&stored.raw)).delete(place.as_slice());
            for entry in index::entries(owner.id, owner.keys, owner.space, id, &stored.object) {
                batch = batch.delete(entry.as_slice());
            }
            self.store.commit(batch)?;
            Ok(true)
        })
    }

    /// How many token objects the cluster has, whoever owns them. Walks all of them.
    pub fn object_count(&self, cluster: &Cluster) -> Result<usize, Error> {
        self.view(|snapshot| Ok(read::count(snapshot, &cluster.space().objects())?))
    }

    fn sealed_record(
        &self,
        owner: &Owner,
        id: ObjectId,
        version: u64,
        (key_nonce, sealed_key, key): ([u8; seal::NONCE_BYTES], &[u8], &Key),
        object: &Object,
    ) -> Result<Vec<u8>, Error> {
        let nonce = self.iv(owner.iv_prefix)?;
        let mut body = Vec::new();
        SealKey::new(key).seal(&nonce, &owner.body_aad(id, version), &object.encode(), &mut body)?;
        encode(&ObjectRecord { version, key_nonce, key: sealed_key, nonce, body: &body })
    }
}

impl<'a> Owner<'a> {
    fn public(cluster: &'a Cluster) -> Self {
        Self {
            id: PUBLIC,
            keys: &cluster.public,
            space: cluster.space(),
            entries_of: cluster.entries_of,
            lineage: cluster.lineage,
            iv_prefix: cluster.iv_prefix,
            refuses_keys: cluster.policy.refuse_public_keys,
        }
    }

    /// The login's user, if it can own objects. Errors: `NotLoggedIn`.
    fn user(cluster: &'a Cluster, login: Option<&'a Login>) -> Result<Option<Self>, Error> {
        let Some(login) = login else { return Ok(None) };
        login.check(cluster)?;
        let owner = Self {
            id: login.user.id,
            keys: &login.keys,
            space: login.space(),
            entries_of: cluster.entries_of,
            lineage: login.lineage,
            iv_prefix: cluster.iv_prefix,
            refuses_keys: false,
        };
        Ok((login.user.role == Role::CryptoUser).then_some(owner))
    }

    fn open_key(&self, id: ObjectId, record: &ObjectRecord) -> Result<Key, Error> {
        let key = self.keys.seal.open_key(&record.key_nonce, &self.key_aad(id), record.key);
        key.ok_or(ClusterError::Corrupt("object key").into())
    }

    fn open(&self, id: ObjectId, record: &ObjectRecord, key: &Key) -> Result<Object, Error> {
        let plain = SealKey::new(key).open(&record.nonce, &self.body_aad(id, record.version), record.body);
        let object = Object::decode(&plain.ok_or(ClusterError::Corrupt("object record"))?)?;
        if self.refuses_keys && matches!(object.class(), CKO_SECRET_KEY | CKO_PRIVATE_KEY) {
            return Err(ClusterError::Corrupt("a public key, which this cluster refuses").into());
        }
        Ok(object)
    }

    fn key_aad(&self, id: ObjectId) -> [u8; 44] {
        self.aad(b"vhsm object key\0", id)
    }

    fn body_aad(&self, id: ObjectId, version: u64) -> [u8; 52] {
        let mut aad = [0; 52];
        aad[..44].copy_from_slice(&self.aad(b"vhsm object\0\0\0\0\0", id));
        aad[44..].copy_from_slice(&version.to_be_bytes());
        aad
    }

    fn aad(&self, domain: &[u8; 16], id: ObjectId) -> [u8; 44] {
        let mut aad = [0; 44];
        aad[..16].copy_from_slice(domain);
        aad[16..32].copy_from_slice(&self.lineage);
        aad[32..36].copy_from_slice(&self.id.0.to_be_bytes());
        aad[36..].copy_from_slice(&id.0.to_be_bytes());
        aad
    }
}

/// Who will own a new object.
fn owner_of<'a>(cluster: &'a Cluster, login: Option<&'a Login>, object: &Object) -> Result<Owner<'a>, Error> {
    let user = Owner::user(cluster, login)?;
    match object.flag(CKA_PRIVATE) {
        true => user.ok_or(ClusterError::LoginNeeded("crypto user").into()),
        false => Ok(Owner::public(cluster)),
    }
}

/// Where an object lies: with the login's user, or with the public.
fn locate<'a, 's>(
    snapshot: &'s dyn Snapshot,
    cluster: &'a Cluster,
    login: Option<&'a Login>,
    id: ObjectId,
) -> Result<Option<(Owner<'a>, &'s [u8])>, Error> {
    if let Some(owner) = Owner::user(cluster, login)?
        && let Some(raw) = snapshot.get(&owner.space.object(owner.id, id))?
    {
        return Ok(Some((owner, raw)));
    }
    let owner = Owner::public(cluster);
    let raw = snapshot.get(&owner.space.object(owner.id, id))?;
    Ok(raw.map(|raw| (owner, raw)))
}
