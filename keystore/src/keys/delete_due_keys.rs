//! The deletion itself of keys whose time has come.
//!
//! First goes the key with its details; by then its material is orphaned. Then go its aliases and grants, in batches, and at last
//! the entry that names the deletion: as long as it stands, the next run goes on where one was cut. The material is
//! destroyed as every orphan is.

use super::describe_key::cluster_of;
use super::grants::remove_uncounted;
use super::list_aliases::stored_name;
use super::locate::Located;
use crate::error::KmsError;
use crate::ids::{AliasName, KeyId, StoreId};
use crate::kms::Kms;
use crate::records::key::{
    AliasRecord, ExternalKey, GrantRecord, KeyCounts, KeyRecord, OrphanRecord, StoredState, XksKeyOwner,
};
use crate::records::{Change, Read, View, keys};
use std::ops::ControlFlow;

/// How many aliases, grants or pieces of key material a commit is about: a store takes 100 operations, and aliases and grants have
/// index entries.
const BATCH: usize = 40;
/// Until it was tried to destroy it.
const CAUSE: &str = "its key was deleted just now";

/// A deletion that is due.
struct Due {
    at_ms: u64,
    id: KeyId,
}

impl Kms {
    /// Deletes the keys whose waiting period is over, and tries again to destroy what is orphaned. To be called now and then.
    /// Answers the ARNs of the keys that are deleted now; what fails is tried again by the next call.
    pub fn delete_due_keys(&self) -> Vec<String> {
        let mut deleted = Vec::new();
        for due in self.due_deletions().unwrap_or_default() {
            if let Ok(true) = self.delete_key(&due) {
                deleted.push(self.key_arn(&due.id));
            }
        }
        // What cannot be looked up now is wiped by the next run.
        let _ = self.forget_deleted_materials();
        // What is left is told by `orphans`, with its cause.
        let _ = self.destroy_orphans();
        deleted
    }

    fn due_deletions(&self) -> Result<Vec<Due>, KmsError> {
        let (from, to) = keys::key_deletions(self.now_ms());
        self.view(|view| {
            let mut due = Vec::new();
            view.names(&from, &to, |place| {
                due.extend(named(place));
                ControlFlow::Continue(())
            })?;
            Ok(due)
        })
    }

    /// `false`: it was not deleted after all, or others have done it.
    fn delete_key(&self, due: &Due) -> Result<bool, KmsError> {
        let now_ms = self.now_ms();
        while self.transact(|view| self.without_key(view, due, now_ms))? {}
        while self.transact(|view| without_some_aliases(view, &due.id))? {}
        while self.transact(|view| without_some_grants(view, &due.id))? {}
        self.transact(|view| {
            let place = keys::key_deletion(due.at_ms, &due.id);
            let is_there = view.get::<KeyRecord>(keys::key(&due.id))?.is_some();
            let is_named = view.count(&place, &[&place[..], &[0]].concat(), 1)? == 1;
            match is_named && !is_there {
                true => Ok((Change::default().remove_index(place), true)),
                false => Ok((Change::default(), false)),
            }
        })
    }

    /// The key's own records go, once all of its material is orphaned. `true`: some of it is not yet. Nothing changes where
    /// that is done, or the deletion was cancelled or put off.
    fn without_key(&self, view: &View, due: &Due, now_ms: u64) -> Result<(Change, bool), KmsError> {
        if view.get::<KeyRecord>(keys::key(&due.id))?.is_none() {
            return Ok((Change::default(), false));
        }
        let key = self.locate_id(view, due.id)?;
        if key.record.value.state != (StoredState::PendingDeletion { deletion_ms: due.at_ms }) {
            return Ok((Change::default(), false));
        }
        let mut material = Vec::new();
        for backing in &key.record.value.backing {
            if view.get::<OrphanRecord>(keys::orphan(&backing.id))?.is_none() {
                material.push(keys::orphan(&backing.id));
            }
        }
        let is_all = material.len() <= BATCH;
        let change = if is_all { without_records(view, &key)? } else { Change::default().keep(&key.record) };
        let orphan = self.orphan_of(view, &key, now_ms)?;
        let mut places = material.into_iter().take(BATCH);
        let change = places.try_fold(change, |change, place| change.create(place, &orphan))?;
        Ok((change, !is_all))
    }

    fn orphan_of(&self, view: &View, key: &Located, since_ms: u64) -> Result<OrphanRecord, KmsError> {
        Ok(OrphanRecord {
            key_arn: self.key_arn(&key.id),
            custom_key_store: key.record.value.custom_key_store.clone(),
            cluster_id: key.store.as_ref().and_then(|store| cluster_of(&store.value)).map(str::to_owned),
            since_ms,
            cause: CAUSE.into(),
            aliases: aliases(view, &key.id, usize::MAX)?,
        })
    }
}

/// What is stored of a key beside its material, aliases and grants.
fn without_records(view: &View, key: &Located) -> Result<Change, KmsError> {
    let record = &key.record.value;
    let change = Change::default().remove(&key.record).remove(&view.key_details(&key.id)?);
    let mut change = change.remove_index(keys::last_use(&key.id));
    if let Some(counts) = view.get::<KeyCounts>(keys::key_counts(&key.id))? {
        change = change.remove(&counts);
    }
    if let Some(rotation) = record.rotation {
        change = change.remove_index(keys::key_rotation(rotation.next_ms, &key.id));
    }
    let Some(store) = &record.custom_key_store else { return Ok(change) };
    let change = change.remove_index(keys::key_of_store(store, &key.id));
    match view.external_key(&key.id, record)? {
        Some(external) => without_external(view, change, store, &external),
        None => Ok(change),
    }
}

/// KMS's own key material goes for good, and with it what was encrypted under the key; the external key is free for another one.
fn without_external(
    view: &View,
    change: Change,
    store: &StoreId,
    external: &Read<ExternalKey>,
) -> Result<Change, KmsError> {
    let owner = view.get::<XksKeyOwner>(keys::xks_key(store, &external.value.xks_key_id))?;
    let change = change.remove(external);
    Ok(owner.iter().fold(change, |change, owner| change.remove(owner)))
}

/// The deletion that an index entry names.
fn named(place: &[u8]) -> Option<Due> {
    let (at_ms, id) = place.get(1..)?.split_first_chunk::<8>()?;
    Some(Due { at_ms: u64::from_be_bytes(*at_ms), id: KeyId::from_bytes(id.try_into().ok()?) })
}

fn aliases(view: &View, id: &KeyId, most: usize) -> Result<Vec<AliasName>, KmsError> {
    let (from, to) = keys::aliases_of_key(id);
    let mut names = Vec::new();
    view.names(&from, &to, |place| {
        names.push(stored_name(&place[from.len()..]));
        if names.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    names.into_iter().collect()
}

/// `true`: there may be more. Aliases of a key that is there stay.
fn without_some_aliases(view: &View, id: &KeyId) -> Result<(Change, bool), KmsError> {
    if view.get::<KeyRecord>(keys::key(id))?.is_some() {
        return Ok((Change::default(), false));
    }
    let mut change = Change::default();
    let names = aliases(view, id, BATCH)?;
    for name in &names {
        change = change.remove_index(keys::alias_of_key(id, name));
        if let Some(alias) = view.get::<AliasRecord>(keys::alias(name))? {
            change = change.remove(&alias);
        }
    }
    Ok((change, !names.is_empty()))
}

/// As `without_some_aliases`.
fn without_some_grants(view: &View, id: &KeyId) -> Result<(Change, bool), KmsError> {
    if view.get::<KeyRecord>(keys::key(id))?.is_some() {
        return Ok((Change::default(), false));
    }
    let (from, to) = keys::grants(id);
    let mut places = Vec::new();
    view.names(&from, &to, |place| {
        places.push(place.to_vec());
        if places.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let mut change = Change::default();
    for place in &places {
        let grant_id = std::str::from_utf8(&place[from.len()..])
            .map_err(|_| KmsError::internal("a grant is stored under what is no ID"))?;
        let grant: Option<Read<GrantRecord>> = view.get(place.clone())?;
        if let Some(grant) = grant {
            change = remove_uncounted(change, id, grant_id, &grant);
        }
    }
    Ok((change, !places.is_empty()))
}
