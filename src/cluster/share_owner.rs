//! Sharing, the owner's side: who may use an object, and what they are told of it.
//!
//! The users stand in the object's record, bound by its seal. One commit changes the record and writes each of them its
//! message, under the condition that no user came or went. Whoever is taken out learnt the object's key: so the object
//! gets a new one, under which it is sealed anew, and those who stay are told. The same happens at the owner's next change
//! after a user was deleted whom the object was shared with.

use crate::cluster::login::{Login, Seen};
use crate::cluster::objects::Stored;
use crate::cluster::records::object::TRUST_BYTES;
use crate::cluster::records::{Maced, More, ObjectRecord, UserRecord};
use crate::cluster::share::Share;
use crate::cluster::{Cluster, Clusters, ObjectId, Role, UserId, pin, read};
use crate::crypto::seal::Key;
use crate::error::{CallError, ClusterError, Error};
use crate::object::Object;
use cryptoki_sys::CKA_PRIVATE;
use std::sync::Arc;
use vhsm_store::Batch;

/// The most users that one key is shared with: all of them are told in one commit.
pub const MAX_RECIPIENTS: usize = 64;

/// Whose a token object is, and who may use it beside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// `None`: it is public.
    pub owner: Option<UserId>,
    pub shared_with: Vec<UserId>,
}

/// An object as it was read, and as it is to be.
pub(super) struct Changed<'a> {
    pub stored: &'a Stored<'a>,
    pub object: &'a Object,
    pub trusted: Option<[u8; TRUST_BYTES]>,
}

/// Those an object is shared with, before and after a change.
struct Recipients<'a> {
    users: &'a [Maced<UserRecord>],
    stay: Vec<u32>,
    come: Vec<u32>,
    go: Vec<u32>,
}

impl Clusters {
    /// Shares a key with crypto users; those it is shared with already change nothing. Gives all that it is then shared
    /// with; `None`: the login owns no such object. Errors: `UserNotFound`, `WrongRole`, `Refused` (an object that is no
    /// private key of the login's own, the owner itself, more than `MAX_RECIPIENTS`), `NotLoggedIn`, `Corrupt`.
    pub fn share_object(
        &self,
        cluster: &Cluster,
        owner: &Login,
        id: ObjectId,
        with: &[&str],
    ) -> Result<Option<Vec<UserId>>, Error> {
        self.reshare(cluster, owner, id, |users, now| {
            let mut wanted = now.to_vec();
            for name in with {
                let user = recipient(users, name, owner)?;
                if !wanted.contains(&user) {
                    wanted.push(user);
                }
            }
            match wanted.len() {
                0..=MAX_RECIPIENTS => Ok(wanted),
                many => refused(format!(
                    "a key is shared with {MAX_RECIPIENTS} users at most, and this makes {many}"
                )),
            }
        })
    }

    /// Takes users out, who lose the key at their next call; it gets a new object key. Those it is not shared with change
    /// nothing. Gives those that stay. Errors: as `share_object`.
    pub fn unshare_object(
        &self,
        cluster: &Cluster,
        owner: &Login,
        id: ObjectId,
        with: &[&str],
    ) -> Result<Option<Vec<UserId>>, Error> {
        self.reshare(cluster, owner, id, |users, now| {
            let mut wanted = now.to_vec();
            for name in with {
                let user = recipient(users, name, owner)?;
                wanted.retain(|one| *one != user);
            }
            Ok(wanted)
        })
    }

    fn reshare(
        &self,
        cluster: &Cluster,
        login: &Login,
        id: ObjectId,
        choose: impl Fn(&[Maced<UserRecord>], &[u32]) -> Result<Vec<u32>, Error>,
    ) -> Result<Option<Vec<UserId>>, Error> {
        self.retry(|| {
            let (seen, users) = self.roster(login)?;
            let Some(stored) = self.stored(cluster, Some(login), id)? else { return Ok(None) };
            must_be_shareable(&stored.object)?;
            let wanted = choose(&users, &stored.more.shared_with)?;
            let recipients = Recipients::new(&users, &stored.more.shared_with, wanted);
            let changes = !recipients.come.is_empty() || !recipients.go.is_empty();
            let all = recipients.after();
            if changes {
                let batch = Batch::new().expect(seen.user.key.as_slice(), Some(&seen.user.raw));
                let trusted = stored.more.trusted;
                let changed = Changed { stored: &stored, object: &stored.object, trusted };
                self.store.commit(self.tell(batch, &seen, login, id, &changed, &recipients)?)?;
            }
            Ok(Some(all.into_iter().map(UserId).collect()))
        })
    }

    /// Commits a changed object that is shared, with its `moved` index entries: where there are any, others find it by
    /// something else too.
    pub(super) fn put_shared(
        &self,
        moved: Batch,
        login: &Login,
        id: ObjectId,
        changed: &Changed,
    ) -> Result<(), Error> {
        let (seen, users) = self.roster(login)?;
        let now = &changed.stored.more.shared_with;
        let mut recipients = Recipients::new(&users, now, now.clone());
        if !moved.operations.is_empty() {
            recipients.come = std::mem::take(&mut recipients.stay);
        }
        self.store.commit(self.tell(moved, &seen, login, id, changed, &recipients)?)?;
        Ok(())
    }

    /// Adds the object's new record, and the messages to those who come, go, or must learn a new key.
    fn tell(
        &self,
        batch: Batch,
        seen: &Seen,
        login: &Login,
        id: ObjectId,
        changed: &Changed,
        recipients: &Recipients,
    ) -> Result<Batch, Error> {
        let Changed { stored, object, trusted } = *changed;
        let owner = &stored.owner;
        let renewed;
        let sealed = match recipients.go.is_empty() {
            true => &stored.sealed,
            false => {
                renewed = self.new_object_key(owner, id)?;
                &renewed
            }
        };
        let more = More { shared_with: recipients.after(), trusted };
        let raw = self.sealed_record(owner, id, stored.version + 1, sealed, object, &more)?;
        let place = owner.space.object(owner.id, id);
        let mut batch = batch
            .expect(seen.cluster.key.as_slice(), Some(&seen.cluster.raw))
            .expect(place.as_slice(), Some(&stored.raw))
            .put(place.as_slice(), raw);
        let told = if recipients.go.is_empty() { &recipients.come } else { &more.shared_with };
        for user in recipients.records(told) {
            batch = put_message(batch, login, stored, id, user, &sealed.key)?;
        }
        self.withdraw_from(batch, login, id, stored, recipients.users, &recipients.go)
    }

    /// Adds the messages that tell users that an object is theirs no longer.
    pub(super) fn withdraw(
        &self,
        batch: Batch,
        login: &Login,
        id: ObjectId,
        stored: &Stored,
        from: &[u32],
    ) -> Result<Batch, Error> {
        let (seen, users) = self.roster(login)?;
        let batch = batch.expect(seen.cluster.key.as_slice(), Some(&seen.cluster.raw));
        self.withdraw_from(batch, login, id, stored, &users, from)
    }

    fn withdraw_from(
        &self,
        mut batch: Batch,
        login: &Login,
        id: ObjectId,
        stored: &Stored,
        users: &[Maced<UserRecord>],
        from: &[u32],
    ) -> Result<Batch, Error> {
        let owner = &stored.owner;
        for user in users.iter().map(Maced::unverified).filter(|user| from.contains(&user.id)) {
            let message = share(login, id, user.id()).withdrawal(owner.entries_of, &login.mac)?;
            batch = batch.put(owner.space.message(user.id(), id).as_slice(), message);
        }
        Ok(batch)
    }

    /// The login's records as they are, and the users there are: no user comes or goes without the cluster's record
    /// changing.
    fn roster(&self, login: &Login) -> Result<(Arc<Seen>, Vec<Maced<UserRecord>>), Error> {
        let seen = self.refresh(login)?.ok_or(CallError::NotLoggedIn)?;
        Ok((seen, self.view(|snapshot| read::users(snapshot, login.space()))?))
    }

    /// Whose an object is, for the login that sees it, or for an admin; `None`: there is none. Errors: `NotLoggedIn`,
    /// `Corrupt`.
    pub fn sharing(&self, cluster: &Cluster, login: &Login, id: ObjectId) -> Result<Option<Sharing>, Error> {
        login.check(cluster)?;
        if login.user.role == Role::CryptoUser && self.object(cluster, Some(login), id)?.is_none() {
            return Ok(None);
        }
        if let Some((owner, raw)) = self.owner_of_object(cluster, id)? {
            let users = self.view(|snapshot| read::users(snapshot, cluster.space()))?;
            let stands = |id: &u32| users.iter().any(|user| user.unverified().id == *id);
            let shared_with = ObjectRecord::read(&raw)?.1.shared_with;
            let shared_with = shared_with.into_iter().filter(stands).map(UserId).collect();
            return Ok(Some(Sharing { owner: Some(owner), shared_with }));
        }
        let public = self.object(cluster, None, id)?;
        Ok(public.map(|_| Sharing { owner: None, shared_with: Vec::new() }))
    }
}

impl<'a> Recipients<'a> {
    /// `wanted`: those after the change; users that are gone go.
    fn new(users: &'a [Maced<UserRecord>], now: &[u32], wanted: Vec<u32>) -> Self {
        let stands = |id: &u32| users.iter().any(|user| user.unverified().id == *id);
        let (wanted, _): (Vec<_>, Vec<_>) = wanted.into_iter().partition(stands);
        let (stay, come) = wanted.iter().partition(|id| now.contains(id));
        let go = now.iter().copied().filter(|id| !wanted.contains(id)).collect();
        Self { users, stay, come, go }
    }

    /// Those that it is then shared with, ascending.
    fn after(&self) -> Vec<u32> {
        let mut after: Vec<u32> = self.stay.iter().chain(&self.come).copied().collect();
        after.sort_unstable();
        after
    }

    fn records(&self, told: &[u32]) -> impl Iterator<Item = &'a Maced<UserRecord>> {
        self.users.iter().filter(move |user| told.contains(&user.unverified().id))
    }
}

/// Adds the message with the object's key. Errors: `Corrupt` where the user's public key may be another's.
fn put_message(
    batch: Batch,
    login: &Login,
    stored: &Stored,
    id: ObjectId,
    user: &Maced<UserRecord>,
    key: &Key,
) -> Result<Batch, Error> {
    let owner = &stored.owner;
    let user = user.verified(&login.mac)?;
    let message = share(login, id, user.id()).message(&user.public_key, key, owner.entries_of, &login.mac)?;
    Ok(batch.put(owner.space.message(user.id(), id).as_slice(), message))
}

fn share(login: &Login, object: ObjectId, recipient: UserId) -> Share {
    Share { lineage: login.lineage, owner: login.user.id, recipient, object }
}

/// The number of a crypto user other than the owner.
fn recipient(users: &[Maced<UserRecord>], name: &str, owner: &Login) -> Result<u32, Error> {
    let user = pin::named(users, name.as_bytes()).ok_or_else(|| ClusterError::UserNotFound(name.into()))?;
    let user = user.verified(&owner.mac)?;
    if user.role() != Role::CryptoUser {
        return Err(ClusterError::WrongRole { name: user.name.clone(), wanted: "crypto user" }.into());
    }
    if user.id() == owner.user.id {
        return refused(format!("user {:?} owns the key: it is shared with others", user.name));
    }
    Ok(user.id)
}

/// Errors: `Refused`.
fn must_be_shareable(object: &Object) -> Result<(), Error> {
    match object.is_key() && object.flag(CKA_PRIVATE) {
        true => Ok(()),
        false => refused("only keys are shared, and public ones are everybody's".into()),
    }
}

fn refused<T>(reason: String) -> Result<T, Error> {
    Err(ClusterError::Refused(reason).into())
}
