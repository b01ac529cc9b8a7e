//! Reading the store: snapshots, ranges, and records by what they are.

use crate::cluster::keys::{self, Space};
use crate::cluster::records::{Attempts, ClusterRecord, FORMAT, Head, HsmRecord, Maced, UserRecord, decode};
use crate::cluster::secrets::OwnerKeys;
use crate::cluster::{Cluster, ClusterId, Clusters, Hsm, ObjectId, UserId};
use crate::crypto::seal::MacKey;
use crate::error::{ClusterError, Error};
use std::ops::ControlFlow;
use std::sync::Arc;
use vhsm_store::{Snapshot, StoreError};

impl Clusters {
    /// Runs `body` once over a consistent view of the store.
    pub(super) fn view<T>(
        &self,
        mut body: impl FnMut(&dyn Snapshot) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut result = None;
        self.store.read(&mut |snapshot| {
            result = Some(body(snapshot));
            Ok(())
        })?;
        result.unwrap_or_else(|| Err(Error::Internal("the store gave no snapshot".into())))
    }
}

/// Is shown a key and its value.
type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, Error> + 'a;

/// Visits what lies under `prefix`, in ascending order, until `visit` breaks or fails.
pub(super) fn scan(snapshot: &dyn Snapshot, prefix: &[u8], visit: &mut Visit) -> Result<(), Error> {
    let mut failed = None;
    snapshot.range(prefix, &keys::behind(prefix), &mut |key, value| match visit(key, value) {
        Ok(flow) => flow,
        Err(e) => {
            failed = Some(e);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err)
}

/// Whether nothing lies under `prefix`.
pub(super) fn is_empty(snapshot: &dyn Snapshot, prefix: &[u8]) -> Result<bool, StoreError> {
    let mut empty = true;
    snapshot.range(prefix, &keys::behind(prefix), &mut |_, _| {
        empty = false;
        ControlFlow::Break(())
    })?;
    Ok(empty)
}

/// How many keys lie under `prefix`.
pub(super) fn count(snapshot: &dyn Snapshot, prefix: &[u8]) -> Result<usize, StoreError> {
    let mut count = 0;
    snapshot.range(prefix, &keys::behind(prefix), &mut |_, _| {
        count += 1;
        ControlFlow::Continue(())
    })?;
    Ok(count)
}

/// The head record. Errors: `NewerFormat`, `Corrupt`.
pub(super) fn head(raw: &[u8]) -> Result<Head, Error> {
    let head: Head = decode("head record", raw)?;
    if head.format > FORMAT {
        return Err(ClusterError::NewerFormat { found: head.format, known: FORMAT }.into());
    }
    Ok(head)
}

/// A cluster's record. Errors: `NotFound`.
pub(super) fn cluster(snapshot: &dyn Snapshot, id: ClusterId) -> Result<Maced<ClusterRecord>, Error> {
    let key = keys::cluster(id);
    match snapshot.get(&key)? {
        Some(raw) => Maced::decode(&key, raw),
        None => Err(ClusterError::NotFound(format!("number {}", id.0)).into()),
    }
}

/// All clusters' records, by their numbers.
pub(super) fn clusters(snapshot: &dyn Snapshot) -> Result<Vec<(ClusterId, Maced<ClusterRecord>)>, Error> {
    let mut found = Vec::new();
    scan(snapshot, &keys::clusters(), &mut |key, raw| {
        let id = keys::cluster_of(key).ok_or(ClusterError::Corrupt("key of a cluster record"))?;
        found.push((id, Maced::decode(key, raw)?));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// All clusters with their HSMs, by their numbers.
pub(super) fn assembled(snapshot: &dyn Snapshot) -> Result<Vec<Arc<Cluster>>, Error> {
    let mut found = Vec::new();
    for (id, record) in clusters(snapshot)? {
        found.push(Arc::new(assemble(id, record.unverified(), &hsms(snapshot, id)?)));
    }
    Ok(found)
}

/// The records of a cluster's HSMs, by slot id.
pub(super) fn hsms(snapshot: &dyn Snapshot, cluster: ClusterId) -> Result<Vec<Maced<HsmRecord>>, Error> {
    let mut found = Vec::new();
    scan(snapshot, &keys::hsms(cluster), &mut |key, raw| {
        let hsm = Maced::<HsmRecord>::decode(key, raw)?;
        if keys::hsm(cluster, hsm.unverified().slot_id)[..] != *key {
            return Err(ClusterError::Corrupt("HSM record: another slot's").into());
        }
        found.push(hsm);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// A user's record; `None`: there is none (any more).
pub(super) fn user(
    snapshot: &dyn Snapshot,
    space: Space,
    id: UserId,
) -> Result<Option<Maced<UserRecord>>, Error> {
    let key = space.user(id);
    snapshot.get(&key)?.map(|raw| Maced::decode(&key, raw)).transpose()
}

/// All users' records, by their numbers.
pub(super) fn users(snapshot: &dyn Snapshot, space: Space) -> Result<Vec<Maced<UserRecord>>, Error> {
    let mut found = Vec::new();
    scan(snapshot, &space.users(), &mut |key, raw| {
        found.push(user_record(key, raw)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// A user's record that stands under that user's key. Errors: `Corrupt`.
pub(super) fn user_record(key: &[u8], raw: &[u8]) -> Result<Maced<UserRecord>, Error> {
    let user = Maced::<UserRecord>::decode(key, raw)?;
    if keys::user_of(key) != Some(user.unverified().id()) {
        return Err(ClusterError::Corrupt("user record: another user's").into());
    }
    Ok(user)
}

/// A user's wrong tries, and the record as it stands.
pub(super) fn attempts(
    snapshot: &dyn Snapshot,
    space: Space,
    user: UserId,
) -> Result<(Attempts, Option<Vec<u8>>), Error> {
    match snapshot.get(&space.attempts(user))? {
        Some(raw) => Ok((decode("record of wrong passwords", raw)?, Some(raw.to_vec()))),
        None => Ok((Attempts::default(), None)),
    }
}

/// The cluster its records tell of, whoever wrote them.
pub(super) fn assemble(id: ClusterId, record: &ClusterRecord, hsms: &[Maced<HsmRecord>]) -> Cluster {
    Cluster {
        id,
        name: record.name.clone(),
        label: record.label.clone(),
        state: record.state,
        backing: record.backing.clone(),
        policy: record.policy.into(),
        by_init_token: record.by_init_token,
        generation: record.generation,
        hsms: hsms.iter().map(|hsm| to_hsm(hsm.unverified())).collect(),
        lineage: record.lineage,
        iv_prefix: record.iv_prefix,
        default_user: record.default_user.map(UserId),
        public: Arc::new(OwnerKeys::new(&record.public_key)),
        entries_of: record.entries_of.map_or(
            Space { cluster: id, generation: record.generation },
            |origin| Space { cluster: ClusterId(origin.0), generation: origin.1 },
        ),
        last_restored: ObjectId(record.last_restored),
        is_private: record.private.is_some(),
    }
}

fn to_hsm(record: &HsmRecord) -> Hsm {
    Hsm {
        name: record.name.clone(),
        slot_id: record.slot_id,
        availability_zone: record.availability_zone.clone(),
        state: record.state,
        created_ms: record.created_ms,
        ip_address: record.ip_address.clone(),
    }
}

/// Checks the MACs of a cluster's own records.
pub(super) fn verify(
    cluster: &Maced<ClusterRecord>,
    hsms: &[Maced<HsmRecord>],
    mac: &MacKey,
) -> Result<(), Error> {
    cluster.verified(mac)?;
    hsms.iter().try_for_each(|hsm| hsm.verified(mac).map(drop))
}
