//! CKA_TRUSTED of keys that an admin cannot open: its word stands beside the seal, in the object's record.
//!
//! The word is a MAC over whose object it is, under the key of the cluster's records: it stays with the object through
//! every change, and is no other object's. An owner can take it back, and only an admin gives it (reference/cloudhsm.md
//! sec. 3 and 6).

use crate::cluster::keys::Space;
use crate::cluster::login::Login;
use crate::cluster::records::object::TRUST_BYTES;
use crate::cluster::records::{More, ObjectRecord};
use crate::cluster::{Cluster, Clusters, ObjectId, UserId, read};
use crate::crypto::seal::MacKey;
use crate::error::{CallError, Error};
use vhsm_store::Batch;

impl Clusters {
    /// Says of a crypto user's key that it is trusted, or no longer; `false`: there is no such object. What has no
    /// CKA_TRUSTED does not get it. Errors: `LoginNeeded`, `NotLoggedIn`, `Corrupt`.
    pub fn set_trusted(
        &self,
        cluster: &Cluster,
        admin: &Login,
        id: ObjectId,
        trusted: bool,
    ) -> Result<bool, Error> {
        admin.check(cluster)?;
        admin.cluster_key()?;
        self.retry(|| {
            self.refresh(admin)?.ok_or(CallError::NotLoggedIn)?;
            let Some((owner, raw)) = self.owner_of_object(cluster, id)? else { return Ok(false) };
            let (record, mut more) = ObjectRecord::read(&raw)?;
            let tag = tag(&admin.mac, cluster.entries_of, owner, id);
            more.trusted = trusted.then_some(tag);
            let place = cluster.space().object(owner, id);
            let changed = record.write(&more)?;
            self.store
                .commit(Batch::new().expect(place.as_slice(), Some(&raw)).put(place.as_slice(), changed))?;
            Ok(true)
        })
    }

    /// The user that owns an object, and the record as it stands; what is public has no owner.
    pub(super) fn owner_of_object(
        &self,
        cluster: &Cluster,
        id: ObjectId,
    ) -> Result<Option<(UserId, Vec<u8>)>, Error> {
        let space = cluster.space();
        self.view(|snapshot| {
            for user in read::users(snapshot, space)? {
                let user = user.unverified().id();
                if let Some(raw) = snapshot.get(&space.object(user, id))? {
                    return Ok(Some((user, raw.to_vec())));
                }
            }
            Ok(None)
        })
    }
}

/// Whether an admin said so of this object.
pub(super) fn is_trusted(mac: &MacKey, entries_of: Space, owner: UserId, id: ObjectId, more: &More) -> bool {
    let right = |tag: &[u8; TRUST_BYTES]| mac.verify(&[DOMAIN, &numbers(entries_of, owner, id)], tag);
    more.trusted.as_ref().is_some_and(right)
}

const DOMAIN: &[u8] = b"vhsm trusted 1";

fn tag(mac: &MacKey, entries_of: Space, owner: UserId, id: ObjectId) -> [u8; TRUST_BYTES] {
    let mut tag = [0; TRUST_BYTES];
    tag.copy_from_slice(&mac.tag(&[DOMAIN, &numbers(entries_of, owner, id)])[..TRUST_BYTES]);
    tag
}

/// As the cluster numbered itself where the word was given: in a cluster made from a backup it stays one.
fn numbers(entries_of: Space, owner: UserId, id: ObjectId) -> [u8; 20] {
    let mut numbers = [0; 20];
    numbers[..8].copy_from_slice(&entries_of.numbers());
    numbers[8..12].copy_from_slice(&owner.0.to_be_bytes());
    numbers[12..].copy_from_slice(&id.0.to_be_bytes());
    numbers
}
