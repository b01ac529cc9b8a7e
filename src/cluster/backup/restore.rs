//! A cluster made of a backup: CreateCluster with SourceBackupId.
//!
//! It has the users, keys, shares, certificate and settings of the backup, and so its lineage; it gets a number, a
//! ClusterId and a first part of IVs of its own, and from then on goes its own way. Records of users are MACed anew,
//! for the MAC covers a record's key; all other records are as they were in the backup: objects are bound to lineage,
//! owner and id, and the tags of index entries to the numbers that `entries_of` keeps.
//!
//! The records come in small commits, the cluster's own last: until then the number is only a mark in the store
//! (`0c cluster`). Whoever restores holds a claim, and commits under the condition that the mark stands. A mark without
//! a claim is a dead process's: the sweep takes it away with everything under its number.

use super::format::ReadError;
use super::read::Reader;
use super::source::{BackupPassword, Opener, Source};
use super::{BackupState, Progress};
use crate::cluster::keys::{self, Space};
use crate::cluster::records::{ClusterRecord, Head, Maced, UserRecord};
use crate::cluster::slots::{MAX_HSMS, head_change, new_hsms, new_name, take_slots};
use crate::cluster::{
    Backing, Cluster, ClusterId, Clusters, HsmType, Mode, NetworkType, ObjectId, Subnet, Tag, authority, pin,
    read, sweep,
};
use crate::crypto::random;
use crate::crypto::seal::{Key, MacKey};
use crate::error::{BackupError, ClusterError, Error};
use crate::root_key::RootKey;
use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::sync::Arc;
use vhsm_store::{Batch, Claim, ClaimKind, MAX_BATCH_BYTES, MAX_OPERATIONS, StoreError};

/// What a cluster is made of a backup with. `None`: as in the backup.
#[derive(Clone, Default)]
pub struct RestoreCluster<'a> {
    /// BackupId or ARN.
    pub source_backup: &'a str,
    /// No other cluster of the store may have it. Without one: the backup's, where that is free, else the ClusterId.
    pub label: Option<&'a str>,
    /// 0 to 28. As CreateCluster makes it, a cluster has none yet.
    pub hsms: usize,
    /// Needed where the root key here is not the one that the backed up cluster was made with.
    pub password: Option<BackupPassword<'a>>,
    /// So that the control plane can later change the cluster without an admin's login.
    pub root_key: Option<&'a RootKey>,
    pub hsm_type: Option<HsmType>,
    pub network_type: Option<NetworkType>,
    /// Must be the backup's: it is fixed when a cluster is created.
    pub mode: Option<Mode>,
    pub backup_retention_days: Option<u16>,
    pub subnets: Option<Vec<Subnet>>,
    pub tags: Vec<Tag>,
}

/// A cluster that was made of a backup.
pub struct Restored {
    pub cluster: Arc<Cluster>,
    pub users: u64,
    pub objects: u64,
    /// The backup carried a MAC. Without one its records are a cluster's own, but some may be missing or older.
    pub was_maced: bool,
}

/// The value of the mark: its key says all.
const MARK: &[u8] = &[1];
/// Bytes of a batch that its condition and its limits may take.
const SPARE_BYTES: usize = 1024;
/// Records between two reports.
const REPORTED: u64 = 100;

/// A restore under way: the number it got, and the claim that shows that somebody works on it.
struct Underway {
    id: ClusterId,
    mark: keys::Key,
    _claim: Box<dyn Claim>,
}

impl Clusters {
    /// Makes a cluster of a backup. Errors: `NotFound`, `State`, `Damaged`, `NewerFormat`, `NoAuthority`,
    /// `PinIncorrect`, `PinLocked`, `UserNotFound`, `LabelTaken`, `BadInput`, `Corrupt`, `GivenUp`.
    pub fn restore_cluster(&self, new: &RestoreCluster, progress: Progress) -> Result<Restored, Error> {
        let path = self.backup_file(new.source_backup, &[BackupState::Ready], "restored to a cluster")?;
        let source = Source::read(&path, progress)?;
        let opener = Opener { password: new.password, root_key: new.root_key };
        let mac_key =
            source.mac_key(opener)?.ok_or_else(|| BackupError::NoAuthority(new.source_backup.into()))?;
        let mac = MacKey::new(&mac_key);
        source.check(&mac)?;
        check_restorable(&source, new)?;
        let name = new_name("cluster-")?;
        self.label_for(&source, new, &name)?;
        let underway = self.begin_restore()?;
        let done = self
            .put_records(&source, &underway, &mac, progress)
            .and_then(|()| self.put_restored(&source, &underway, new, &name, &mac_key));
        if let Err(error) = done {
            // What was restored so far is swept now, or by the next sweep.
            drop(underway);
            while matches!(self.sweep(), Ok(true)) {}
            return Err(error);
        }
        let counts = source.whole.manifest.counts;
        Ok(Restored {
            cluster: self.by_id(underway.id)?,
            users: counts.users,
            objects: counts.objects,
            was_maced: source.whole.manifest.is_maced(),
        })
    }

    /// The new cluster's label. Errors: `LabelTaken`.
    fn label_for(&self, source: &Source, new: &RestoreCluster, name: &str) -> Result<String, Error> {
        let old = source.cluster.unverified();
        match new.label {
            Some(label) => self.check_label_free(label).map(|()| label.to_owned()),
            // Another's ClusterId would mislead.
            None if old.label == old.name || self.check_label_free(&old.label).is_err() => {
                Ok(name.to_owned())
            }
            None => Ok(old.label.clone()),
        }
    }

    /// Takes a number, and marks it.
    fn begin_restore(&self) -> Result<Underway, Error> {
        self.retry(|| {
            let (head, raw) = self.head()?;
            let id = ClusterId(head.next_cluster);
            // Before the mark: else another's sweep could take it away at once.
            let claim = self.store.claim(&claim_name(id), ClaimKind::Exclusive)?;
            let Some(claim) = claim else { return Err(StoreError::Conflict { condition: 0 }.into()) };
            let mark = keys::restore(id);
            let next = Head { next_cluster: head.next_cluster + 1, ..head };
            let batch = head_change(&raw, &next)?.expect(mark.as_slice(), None).put(mark.as_slice(), MARK);
            self.store.commit(batch)?;
            Ok(Underway { id, mark, _claim: claim })
        })
    }

    /// Everything but the cluster's own record and its HSMs, which stay behind.
    fn put_records(
        &self,
        source: &Source,
        underway: &Underway,
        mac: &MacKey,
        progress: Progress,
    ) -> Result<(), Error> {
        let put = self.put_all(source, underway, mac, progress);
        put.map_err(|error| error.of(&source.path.display().to_string()))
    }

    fn put_all(
        &self,
        source: &Source,
        underway: &Underway,
        mac: &MacKey,
        progress: Progress,
    ) -> Result<(), ReadError> {
        let mut reader = Reader::begin(BufReader::with_capacity(1 << 18, File::open(&source.path)?))?;
        let mut batches = Batches::new(self, underway);
        let to = Space { cluster: underway.id, generation: 1 };
        let (mut done, total) = (0, source.whole.manifest.counts.records);
        while let Some((key, value)) = reader.next()? {
            if let Some(moved) = keys::moved(key, source.head.space(), to) {
                batches.put(&moved, restored_value(key, &moved, value, mac)?)?;
            }
            done += 1;
            if done % REPORTED == 0 {
                progress(done, Some(total));
            }
        }
        batches.finish()?;
        // What was read now must be what was checked before.
        match reader.finish()?.digest == source.whole.digest {
            true => Ok(()),
            false => Err(ReadError::Damaged("it was changed while it was read; restore it again")),
        }
    }

    /// The commit that makes it a cluster.
    fn put_restored(
        &self,
        source: &Source,
        underway: &Underway,
        new: &RestoreCluster,
        name: &str,
        mac_key: &Key,
    ) -> Result<(), Error> {
        let greatest = ObjectId(source.whole.manifest.counts.greatest_object);
        self.raise_object_ids(greatest)?;
        let mac = MacKey::new(mac_key);
        self.retry(|| {
            let (head, raw) = self.head()?;
            let label = self.label_for(source, new, name)?;
            self.check_mark(underway)?;
            let record = self.restored_record(source, new, (name, &label), mac_key)?;
            let (slots, next) = take_slots(&head, new.hsms);
            let mut batch = head_change(&raw, &next)?
                .expect(underway.mark.as_slice(), Some(MARK))
                .delete(underway.mark.as_slice());
            for hsm in new_hsms(&slots, &record.backing.subnets, (self.now)())? {
                let key = keys::hsm(underway.id, hsm.slot_id);
                batch = batch.put(key.as_slice(), Maced::encode(&key, &hsm, &mac)?);
            }
            let key = keys::cluster(underway.id);
            let batch = batch.expect(key.as_slice(), None);
            self.store.commit(batch.put(key.as_slice(), Maced::encode(&key, &record, &mac)?))?;
            Ok(())
        })
    }

    /// Errors: `GivenUp`.
    fn check_mark(&self, underway: &Underway) -> Result<(), Error> {
        match self.view(|snapshot| Ok(snapshot.get(&underway.mark)?.is_some()))? {
            true => Ok(()),
            false => Err(BackupError::GivenUp.into()),
        }
    }

    fn restored_record(
        &self,
        source: &Source,
        new: &RestoreCluster,
        (name, label): (&str, &str),
        mac_key: &Key,
    ) -> Result<ClusterRecord, Error> {
        let old = source.cluster.unverified();
        let seal = |root| authority::seal_by_service(root, name, mac_key);
        let numbers = old.entries_of.unwrap_or((source.head.cluster, source.head.generation));
        Ok(ClusterRecord {
            name: name.into(),
            label: label.into(),
            iv_prefix: self.new_iv_prefix(old)?,
            // C_InitToken wipes what it made; this was made by vhsm.
            by_init_token: false,
            generation: 1,
            backing: self.restored_backing(&old.backing, source.id(), new),
            by_service: new.root_key.map(seal).transpose()?,
            entries_of: Some(numbers),
            last_restored: source.whole.manifest.counts.greatest_object,
            private: None,
            ..old.clone()
        })
    }

    fn restored_backing(&self, old: &Backing, backup: &str, new: &RestoreCluster) -> Backing {
        let mut backing = Backing::new(new.hsm_type.unwrap_or(old.hsm_type), old.mode, (self.now)());
        backing.network_type = new.network_type.unwrap_or(old.network_type);
        backing.subnets = new.subnets.clone().unwrap_or_else(|| old.subnets.clone());
        backing.backup_retention_days = new.backup_retention_days.unwrap_or(old.backup_retention_days);
        backing.source_backup = Some(backup.into());
        backing.certificate = old.certificate.clone();
        backing.trust_anchor = old.trust_anchor.clone();
        backing.tags = new.tags.clone();
        backing
    }

    /// The first part of IVs, as no other cluster with these keys has it here: the keys are the same.
    fn new_iv_prefix(&self, old: &ClusterRecord) -> Result<[u8; 3], Error> {
        let clusters = self.list()?;
        loop {
            let prefix: [u8; 3] = random::array()?;
            let kin = clusters.iter().filter(|cluster| cluster.lineage == old.lineage);
            if prefix != old.iv_prefix && kin.into_iter().all(|cluster| cluster.iv_prefix != prefix) {
                return Ok(prefix);
            }
        }
    }

    /// Has everything swept that restores of dead processes left. Called by the sweep.
    pub(in crate::cluster) fn give_up_dead_restores(&self) -> Result<(), Error> {
        let marks = self.view(|snapshot| {
            let mut marks = Vec::new();
            read::scan(snapshot, &keys::restores(), &mut |key, _| {
                marks.push(keys::cluster_of(key).ok_or(ClusterError::Corrupt("mark of a restore"))?);
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(marks)
        })?;
        for id in marks {
            let Some(_dead) = self.store.claim(&claim_name(id), ClaimKind::Exclusive)? else { continue };
            let mark = keys::restore(id);
            let batch = Batch::new().expect(mark.as_slice(), Some(MARK)).delete(mark.as_slice());
            let all = Space { cluster: id, generation: keys::ALL };
            match self.store.commit(sweep::later(batch, all, keys::ALL)) {
                // Its process was done just before it let go.
                Err(StoreError::Conflict { .. }) => {}
                done => drop(done?),
            }
        }
        Ok(())
    }
}

/// Errors: `BadInput`.
fn check_restorable(source: &Source, new: &RestoreCluster) -> Result<(), Error> {
    let bad = |field, reason| Err(ClusterError::BadInput { field, reason }.into());
    let backing = &source.cluster.unverified().backing;
    if new.mode.is_some_and(|mode| mode != backing.mode) {
        let mode = backing.mode.name();
        return bad("Mode", format!("a backup is only restored into the mode of its cluster, {mode}"));
    }
    if new.hsms > MAX_HSMS {
        return bad("hsms", format!("{} is not 0 to {MAX_HSMS}", new.hsms));
    }
    if let Some(days) = new.backup_retention_days.filter(|days| !(7..=379).contains(days)) {
        return bad("BackupRetentionPolicy", format!("{days} days are not 7 to 379"));
    }
    match new.label {
        Some("") => bad("label", "it is empty; give the cluster a name".into()),
        Some(label) => pin::check_label(label),
        None => Ok(()),
    }
}

/// The claim of whoever makes a cluster of this number.
fn claim_name(id: ClusterId) -> Vec<u8> {
    format!("restore/{}", id.0).into_bytes()
}

/// A record as it stands in the new cluster: a user's has another MAC.
fn restored_value(key: &[u8], moved: &[u8], value: &[u8], mac: &MacKey) -> Result<Vec<u8>, Error> {
    if !keys::is_user(key) {
        return Ok(value.to_vec());
    }
    let user = Maced::<UserRecord>::decode(key, value)?;
    Maced::encode(moved, user.verified(mac)?, mac)
}

/// Gathers records into batches under the condition that the restore was not given up.
struct Batches<'a> {
    clusters: &'a Clusters,
    underway: &'a Underway,
    batch: Batch,
    bytes: usize,
}

impl<'a> Batches<'a> {
    fn new(clusters: &'a Clusters, underway: &'a Underway) -> Self {
        Self { clusters, underway, batch: Batch::new(), bytes: 0 }
    }

    fn put(&mut self, key: &[u8], value: Vec<u8>) -> Result<(), Error> {
        let bytes = key.len() + value.len();
        let full = self.batch.operations.len() == MAX_OPERATIONS;
        if full || self.bytes + bytes > MAX_BATCH_BYTES - SPARE_BYTES {
            self.finish()?;
        }
        self.bytes += bytes;
        self.batch = std::mem::take(&mut self.batch).put(key, value);
        Ok(())
    }

    /// Commits what was gathered. Errors: `GivenUp`.
    fn finish(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        if batch.operations.is_empty() {
            return Ok(());
        }
        match self.clusters.store.commit(batch.expect(self.underway.mark.as_slice(), Some(MARK))) {
            Err(StoreError::Conflict { .. }) => Err(BackupError::GivenUp.into()),
            done => Ok(done.map(drop)?),
        }
    }
}
