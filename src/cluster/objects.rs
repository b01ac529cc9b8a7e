//! Token objects: sealed under a key of their own, which is sealed under their owner's.
//!
//! What has CKA_PRIVATE false belongs to the public, whose key lies in the cluster's record. The seal binds
//! an object to its cluster, its id, its owner and its version; the id, which is its handle, stands in the
//! store's key. An object that is shared (`share_owner`), or that an admin says is trusted (`trust`), carries that in its
//! record too.

use crate::cluster::index::{self, PUBLIC};
use crate::cluster::keys::Space;
use crate::cluster::login::Login;
use crate::cluster::records::{More, ObjectRecord};
use crate::cluster::secrets::OwnerKeys;
use crate::cluster::share_owner::Changed;
use crate::cluster::{Cluster, Clusters, ObjectId, Role, UserId, read, share_recipient, trust};
use crate::crypto::seal::{self, KEY_BYTES, Key, MacKey, SealKey, TAG_BYTES};
use crate::error::{CallError, ClusterError, Error, ObjectError};
use crate::object::Object;
use cryptoki_sys::{
    CKA_DESTROYABLE, CKA_MODIFIABLE, CKA_PRIVATE, CKA_TRUSTED, CKO_PRIVATE_KEY, CKO_SECRET_KEY,
};
use smallvec::SmallVec;
use vhsm_store::{Batch, Snapshot, StoreError};

/// Whose an object is, with the keys for it.
pub(super) struct Owner<'a> {
    pub id: UserId,
    pub keys: &'a OwnerKeys,
    pub space: Space,
    pub entries_of: Space,
    pub lineage: [u8; 16],
    pub iv_prefix: [u8; 3],
    /// The cluster has no such keys by policy: one that is there was put there past the library.
    refuses_keys: bool,
    /// Of the cluster's records; the public has none.
    mac: Option<&'a MacKey>,
}

/// An object as read from the store.
pub(super) struct Stored<'a> {
    pub owner: Owner<'a>,
    pub raw: Vec<u8>,
    pub version: u64,
    pub sealed: SealedKey,
    pub more: More,
    pub object: Object,
}

/// An object's key, and as it stands in the record.
pub(super) struct SealedKey {
    pub key: Key,
    nonce: [u8; seal::NONCE_BYTES],
    sealed: Vec<u8>,
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
        let key = self.new_object_key(&owner, id)?;
        let raw = self.sealed_record(&owner, id, 1, &key, object, &More::default())?;
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

    /// `None`: there is none, or not for this login. What another user shares is seen as `Object::of_another` says.
    /// Errors: `NotLoggedIn`, `Corrupt`.
    pub fn object(
        &self,
        cluster: &Cluster,
        login: Option<&Login>,
        id: ObjectId,
    ) -> Result<Option<Object>, Error> {
        self.view(|snapshot| {
            let Some((owner, raw)) = locate(snapshot, cluster, login, id)? else {
                return share_recipient::object(snapshot, cluster, login, id);
            };
            let (record, more) = ObjectRecord::read(raw)?;
            let key = owner.open_key(id, &record)?;
            owner.open(id, &record, &more, &key).map(Some)
        })
    }

    pub(super) fn stored<'a>(
        &self,
        cluster: &'a Cluster,
        login: Option<&'a Login>,
        id: ObjectId,
    ) -> Result<Option<Stored<'a>>, Error> {
        self.view(|snapshot| {
            let Some((owner, raw)) = locate(snapshot, cluster, login, id)? else { return Ok(None) };
            let (record, more) = ObjectRecord::read(raw)?;
            let key = owner.open_key(id, &record)?;
            let object = owner.open(id, &record, &more, &key)?;
            let sealed = SealedKey { key, nonce: record.key_nonce, sealed: record.key.to_vec() };
            Ok(Some(Stored { owner, raw: raw.to_vec(), version: record.version, sealed, more, object }))
        })
    }

    /// Changes an object as it stands, again if another changed it meanwhile (`None`: it is gone). Errors: those of
    /// `change`, `Prohibited` for what another user shares, `NotLoggedIn`, `Corrupt`.
    pub fn update_object(
        &self,
        cluster: &Cluster,
        login: Option<&Login>,
        id: ObjectId,
        change: &mut dyn FnMut(&Object) -> Result<Object, Error>,
    ) -> Result<Option<Object>, Error> {
        self.retry(|| {
            let Some(stored) = self.stored(cluster, login, id)? else {
                let Some(object) = self.object(cluster, login, id)? else { return Ok(None) };
                // Whatever is wrong with the change itself is told first.
                change(&object)?;
                return Err(ObjectError::Prohibited(CKA_MODIFIABLE).into());
            };
            let changed = change(&stored.object)?;
            self.put_changed(login, id, &stored, &changed)?;
            Ok(Some(changed))
        })
    }

    /// Commits an object in the place of the stored one, if that is still there as it was read.
    fn put_changed(
        &self,
        login: Option<&Login>,
        id: ObjectId,
        stored: &Stored,
        object: &Object,
    ) -> Result<(), Error> {
        let owner = &stored.owner;
        if object.flag(CKA_PRIVATE) == (owner.id == PUBLIC) {
            return Err(Error::Internal("an object cannot change its owner".into()));
        }
        let trusted = stored.more.trusted.filter(|_| object.flag(CKA_TRUSTED));
        let batch = entries_moved(owner, id, &stored.object, object);
        if let (Some(login), false) = (login, stored.more.shared_with.is_empty()) {
            return self.put_shared(batch, login, id, &Changed { stored, object, trusted });
        }
        let more = More { trusted, ..More::default() };
        let raw = self.sealed_record(owner, id, stored.version + 1, &stored.sealed, object, &more)?;
        let place = owner.space.object(owner.id, id);
        self.store.commit(batch.expect(place.as_slice(), Some(&stored.raw)).put(place.as_slice(), raw))?;
        Ok(())
    }

    /// `false`: it was gone already. Errors: `Prohibited` for what another user shares, `NotLoggedIn`, `Corrupt`.
    pub fn destroy_object(
        &self,
        cluster: &Cluster,
        login: Option<&Login>,
        id: ObjectId,
    ) -> Result<bool, Error> {
        self.retry(|| {
            let Some(stored) = self.stored(cluster, login, id)? else {
                return match self.object(cluster, login, id)? {
                    Some(_) => Err(ObjectError::Prohibited(CKA_DESTROYABLE).into()),
                    None => Ok(false),
                };
            };
            let owner = &stored.owner;
            let place = owner.space.object(owner.id, id);
            let mut batch = Batch::new().expect(place.as_slice(), Some(&stored.raw)).delete(place.as_slice());
            for entry in index::entries(owner.id, owner.keys, owner.space, id, &stored.object) {
                batch = batch.delete(entry.as_slice());
            }
            if let (Some(login), false) = (login, stored.more.shared_with.is_empty()) {
                batch = self.withdraw(batch, login, id, &stored, &stored.more.shared_with)?;
            }
            self.store.commit(batch)?;
            Ok(true)
        })
    }

    /// How many token objects the cluster has, whoever owns them. Walks all of them.
    pub fn object_count(&self, cluster: &Cluster) -> Result<usize, Error> {
        self.view(|snapshot| Ok(read::count(snapshot, &cluster.space().objects())?))
    }

    /// A new key for an object, sealed under its owner's.
    pub(super) fn new_object_key(&self, owner: &Owner, id: ObjectId) -> Result<SealedKey, Error> {
        let (key, nonce) = (seal::random_key()?, self.iv(owner.iv_prefix)?);
        let mut sealed = Vec::with_capacity(KEY_BYTES + TAG_BYTES);
        owner.keys.seal.seal(&nonce, &owner.key_aad(id), &key[..], &mut sealed)?;
        Ok(SealedKey { key, nonce, sealed })
    }

    pub(super) fn sealed_record(
        &self,
        owner: &Owner,
        id: ObjectId,
        version: u64,
        key: &SealedKey,
        object: &Object,
        more: &More,
    ) -> Result<Vec<u8>, Error> {
        let nonce = self.iv(owner.iv_prefix)?;
        let mut body = Vec::new();
        let aad = body_aad(&owner.lineage, owner.id, id, version, &more.shared_with);
        SealKey::new(&key.key).seal(&nonce, &aad, &object.encode(), &mut body)?;
        ObjectRecord { version, key_nonce: key.nonce, key: &key.sealed, nonce, body: &body }.write(more)
    }
}

/// The object that a record holds. Errors: `Corrupt`.
pub(super) fn open_body(
    (lineage, owner, id): (&[u8; 16], UserId, ObjectId),
    record: &ObjectRecord,
    more: &More,
    key: &Key,
) -> Result<Object, Error> {
    let aad = body_aad(lineage, owner, id, record.version, &more.shared_with);
    let plain = SealKey::new(key).open(&record.nonce, &aad, record.body);
    Ok(Object::decode(&plain.ok_or(ClusterError::Corrupt("object record"))?)?)
}

/// What an object's seal binds.
fn body_aad(
    lineage: &[u8; 16],
    owner: UserId,
    id: ObjectId,
    version: u64,
    shared_with: &[u32],
) -> SmallVec<[u8; 64]> {
    let mut bound = SmallVec::from_slice(&aad(b"vhsm object\0\0\0\0\0", lineage, owner, id));
    bound.extend_from_slice(&version.to_be_bytes());
    shared_with.iter().for_each(|user| bound.extend_from_slice(&user.to_be_bytes()));
    bound
}

fn aad(domain: &[u8; 16], lineage: &[u8; 16], owner: UserId, id: ObjectId) -> [u8; 44] {
    let mut aad = [0; 44];
    aad[..16].copy_from_slice(domain);
    aad[16..32].copy_from_slice(lineage);
    aad[32..36].copy_from_slice(&owner.0.to_be_bytes());
    aad[36..].copy_from_slice(&id.0.to_be_bytes());
    aad
}

/// The index entries that a change of an object deletes and makes.
fn entries_moved(owner: &Owner, id: ObjectId, old: &Object, new: &Object) -> Batch {
    let old = index::entries(owner.id, owner.keys, owner.space, id, old);
    let new = index::entries(owner.id, owner.keys, owner.space, id, new);
    let mut batch = Batch::new();
    for entry in old.iter().filter(|entry| !new.contains(entry)) {
        batch = batch.delete(entry.as_slice());
    }
    for entry in new.iter().filter(|entry| !old.contains(entry)) {
        batch = batch.put(entry.as_slice(), index::tag(&owner.keys.index, owner.entries_of, entry));
    }
    batch
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
            mac: None,
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
            mac: Some(&login.mac),
        };
        Ok((login.user.role == Role::CryptoUser).then_some(owner))
    }

    fn open_key(&self, id: ObjectId, record: &ObjectRecord) -> Result<Key, Error> {
        let key = self.keys.seal.open_key(&record.key_nonce, &self.key_aad(id), record.key);
        key.ok_or(ClusterError::Corrupt("object key").into())
    }

    fn open(&self, id: ObjectId, record: &ObjectRecord, more: &More, key: &Key) -> Result<Object, Error> {
        let object = open_body((&self.lineage, self.id, id), record, more, key)?;
        if self.refuses_keys && matches!(object.class(), CKO_SECRET_KEY | CKO_PRIVATE_KEY) {
            return Err(ClusterError::Corrupt("a public key, which this cluster refuses").into());
        }
        match self.mac {
            Some(mac) => Ok(object.with_trusted(trust::is_trusted(mac, self.entries_of, self.id, id, more))),
            None => Ok(object),
        }
    }

    fn key_aad(&self, id: ObjectId) -> [u8; 44] {
        aad(b"vhsm object key\0", &self.lineage, self.id, id)
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
