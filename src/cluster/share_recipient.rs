//! Sharing, the other side: what a user makes of the messages of owners, and how it opens what is shared with it.

use crate::cluster::index;
use crate::cluster::keys;
use crate::cluster::login::Login;
use crate::cluster::objects::open_body;
use crate::cluster::records::{AdoptedRecord, ObjectRecord};
use crate::cluster::share::{Share, Told, entries_of_adopted, read_adopted, read_message};
use crate::cluster::{Cluster, Clusters, ObjectId, Role, UserId, read, trust};
use crate::crypto::seal::Key;
use crate::error::{CallError, ClusterError, Error};
use crate::object::Object;
use cryptoki_sys::CKA_PRIVATE;
use std::ops::ControlFlow;
use vhsm_store::{Batch, MAX_OPERATIONS, Snapshot, StoreError};

/// A message takes eight operations at most: old and new entries, and the two records.
const MESSAGES_AT_ONCE: usize = MAX_OPERATIONS / 8;

/// A message as read, with what there is to make of it.
struct News {
    id: ObjectId,
    raw: Vec<u8>,
    adopted: Option<(AdoptedRecord, Vec<u8>)>,
    /// The object's owner, its key and the object; `None`: it is withdrawn, or gone.
    shared: Option<(UserId, Key, Object)>,
}

impl Clusters {
    /// Follows what owners told this login's user since it last looked: makes index entries, or deletes them. Costs
    /// nothing where no message came. `false`: not all could be followed, for the store is full; the entries may then be
    /// old ones. Errors: `NotLoggedIn`, `Corrupt`.
    pub(super) fn follow_shares(&self, cluster: &Cluster, login: &Login) -> Result<bool, Error> {
        if !login.take_share_news() {
            return Ok(true);
        }
        let done = self.retry(|| while_some(|| self.follow_some(cluster, login)));
        if done.is_err() {
            login.expect_share_news();
        }
        match done {
            Err(Error::Store(StoreError::Full { .. })) => Ok(false),
            done => done.map(|()| true),
        }
    }

    /// Follows some messages; `false`: there are none.
    fn follow_some(&self, cluster: &Cluster, login: &Login) -> Result<bool, Error> {
        let (space, user) = (login.space(), login.user.id);
        let news = self.view(|snapshot| {
            let mut messages = Vec::new();
            read::scan(snapshot, &space.messages(user), &mut |key, raw| {
                let id = keys::object_of(key).ok_or(ClusterError::Corrupt("share: key of a message"))?;
                messages.push((id, raw.to_vec()));
                match messages.len() < MESSAGES_AT_ONCE {
                    true => Ok(ControlFlow::Continue(())),
                    false => Ok(ControlFlow::Break(())),
                }
            })?;
            messages.into_iter().map(|(id, raw)| News::read(snapshot, cluster, login, id, raw)).collect()
        });
        let news: Vec<News> = news?;
        if news.is_empty() {
            return Ok(false);
        }
        let mut batch = self.under(login)?;
        for one in &news {
            let key = space.message(user, one.id);
            batch = batch.expect(key.as_slice(), Some(&one.raw)).delete(key.as_slice());
            batch = self.adopt(batch, cluster, login, one)?;
        }
        self.store.commit(batch)?;
        Ok(true)
    }

    /// A batch under the condition that cluster and user are as they are: what is made for a user that is deleted
    /// meanwhile would escape the sweep.
    fn under(&self, login: &Login) -> Result<Batch, Error> {
        let seen = self.refresh(login)?.ok_or(CallError::NotLoggedIn)?;
        Ok(Batch::new()
            .expect(seen.cluster.key.as_slice(), Some(&seen.cluster.raw))
            .expect(seen.user.key.as_slice(), Some(&seen.user.raw)))
    }

    /// Adds to the batch what the message asks for.
    fn adopt(&self, batch: Batch, cluster: &Cluster, login: &Login, news: &News) -> Result<Batch, Error> {
        let (space, user, id) = (login.space(), login.user.id, news.id);
        let place = space.adopted(user, id);
        let mut batch = batch.expect(place.as_slice(), news.adopted.as_ref().map(|(_, raw)| &raw[..]));
        let old = match &news.adopted {
            Some((record, _)) => entries_of_adopted(record, space, user, id)?,
            None => Vec::new(),
        };
        let Some((owner, key, object)) = &news.shared else {
            batch = old.iter().fold(batch, |batch, entry| batch.delete(entry.as_slice()));
            return Ok(if news.adopted.is_some() { batch.delete(place.as_slice()) } else { batch });
        };
        let hashes = index::hashes(&login.keys, object);
        let entries = hashes.iter().map(|(index, hash)| (index.kind(), *hash)).collect();
        let share = share(cluster, login, *owner, id);
        let adopted = share.adopt(&login.keys, key, self.iv(cluster.iv_prefix)?, entries)?;
        let new = index::entries(user, &login.keys, space, id, object);
        for entry in old.iter().filter(|entry| !new.contains(entry)) {
            batch = batch.delete(entry.as_slice());
        }
        for entry in &new {
            let tag = index::shared_tag(&login.keys.index, cluster.entries_of, entry, *owner);
            batch = batch.put(entry.as_slice(), tag);
        }
        Ok(batch.put(place.as_slice(), adopted))
    }

    /// Deletes what is left of shares whose owners were deleted, who could tell nobody. What another does at the same
    /// moment, or a full store, leaves it for the next search.
    pub(super) fn forget_shares(
        &self,
        cluster: &Cluster,
        login: &Login,
        dangling: &[ObjectId],
    ) -> Result<(), Error> {
        login.check(cluster)?;
        let (space, user) = (login.space(), login.user.id);
        let mut batch = self.under(login)?;
        for id in dangling.iter().take(MESSAGES_AT_ONCE) {
            let place = space.adopted(user, *id);
            let adopted = self.view(|snapshot| Ok(snapshot.get(&place)?.map(<[u8]>::to_vec)))?;
            let Some(raw) = adopted else { continue };
            batch = batch.expect(place.as_slice(), Some(&raw)).delete(place.as_slice());
            for entry in entries_of_adopted(&read_adopted(&raw)?, space, user, *id)? {
                batch = batch.delete(entry.as_slice());
            }
        }
        match self.store.commit(batch) {
            Ok(_) | Err(StoreError::Conflict { .. } | StoreError::Full { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl News {
    fn read(
        snapshot: &dyn Snapshot,
        cluster: &Cluster,
        login: &Login,
        id: ObjectId,
        raw: Vec<u8>,
    ) -> Result<Self, Error> {
        let adopted = match snapshot.get(&login.space().adopted(login.user.id, id))? {
            Some(raw) => Some((read_adopted(raw)?, raw.to_vec())),
            None => None,
        };
        let found = located(snapshot, cluster, login, id)?;
        let shared = match found {
            Some(found) => Some((found.owner, found.key.clone(), found.open(cluster, login, id)?)),
            None => None,
        };
        Ok(Self { id, raw, adopted, shared })
    }
}

/// Another's object, and its key.
struct Located<'s> {
    owner: UserId,
    key: Key,
    raw: &'s [u8],
}

impl Located<'_> {
    fn open(&self, cluster: &Cluster, login: &Login, id: ObjectId) -> Result<Object, Error> {
        let (record, more) = ObjectRecord::read(self.raw)?;
        let object = open_body((&cluster.lineage, self.owner, id), &record, &more, &self.key)?;
        if !more.shared_with.contains(&login.user.id.0) || !object.is_key() || !object.flag(CKA_PRIVATE) {
            return Err(ClusterError::Corrupt("share: an object that is not shared").into());
        }
        let trusted = trust::is_trusted(&login.mac, cluster.entries_of, self.owner, id, &more);
        Ok(object.with_trusted(trusted).of_another())
    }
}

/// An object that another shares with the login's user; `None`: there is none. Errors: `Corrupt`.
pub(super) fn object(
    snapshot: &dyn Snapshot,
    cluster: &Cluster,
    login: Option<&Login>,
    id: ObjectId,
) -> Result<Option<Object>, Error> {
    let Some(login) = login.filter(|login| login.user.role == Role::CryptoUser) else { return Ok(None) };
    match located(snapshot, cluster, login, id)? {
        Some(found) => found.open(cluster, login, id).map(Some),
        None => Ok(None),
    }
}

/// Whether an index entry of a shared object still leads somewhere.
pub(super) fn stands(
    snapshot: &dyn Snapshot,
    cluster: &Cluster,
    login: &Login,
    id: ObjectId,
    owner: UserId,
) -> Result<bool, Error> {
    let space = login.space();
    if snapshot.get(&space.object(owner, id))?.is_none() || snapshot.get(&space.user(owner))?.is_none() {
        return Ok(false);
    }
    // Only where the messages could not be followed.
    Ok(!matches!(message(snapshot, cluster, login, id)?, Some(Told::Withdrawn)))
}

fn located<'s>(
    snapshot: &'s dyn Snapshot,
    cluster: &Cluster,
    login: &Login,
    id: ObjectId,
) -> Result<Option<Located<'s>>, Error> {
    let space = login.space();
    let (owner, key) = match message(snapshot, cluster, login, id)? {
        Some(Told::Withdrawn) => return Ok(None),
        Some(Told::Shared(owner, envelope)) => {
            (owner, share(cluster, login, owner, id).open(&login.secrets.private_key, &envelope)?)
        }
        None => {
            let Some(raw) = snapshot.get(&space.adopted(login.user.id, id))? else { return Ok(None) };
            let record = read_adopted(raw)?;
            let owner = UserId(record.owner);
            (owner, share(cluster, login, owner, id).open_adopted(&login.keys, &record)?)
        }
    };
    let raw = snapshot.get(&space.object(owner, id))?;
    // Objects of a deleted owner lie there until they are swept.
    let raw = raw.filter(|_| matches!(snapshot.get(&space.user(owner)), Ok(Some(_))));
    Ok(raw.map(|raw| Located { owner, key, raw }))
}

fn message(
    snapshot: &dyn Snapshot,
    cluster: &Cluster,
    login: &Login,
    id: ObjectId,
) -> Result<Option<Told>, Error> {
    let user = login.user.id;
    let Some(raw) = snapshot.get(&login.space().message(user, id))? else { return Ok(None) };
    read_message(&cluster.lineage, user, id, cluster.entries_of, &login.mac, raw).map(Some)
}

fn share(cluster: &Cluster, login: &Login, owner: UserId, object: ObjectId) -> Share {
    Share { lineage: cluster.lineage, owner, recipient: login.user.id, object }
}

/// Runs `body` as long as it says that there is more.
fn while_some(mut body: impl FnMut() -> Result<bool, Error>) -> Result<(), Error> {
    while body()? {}
    Ok(())
}
