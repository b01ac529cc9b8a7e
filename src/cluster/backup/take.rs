//! Taking a backup: the cluster's records of one snapshot, in one stream to a file.
//!
//! Writers are not held up. In the embedded store a long read keeps the pages of its snapshot from being used again, so
//! the store's file may grow by what is written meanwhile; nothing of the backup is held in memory.

use super::format::{Counts, Head, WriteError, Writer};
use super::note::Note;
use super::{Backup, PREFIX, Progress, claim_name};
use crate::cluster::keys;
use crate::cluster::records::{ClusterRecord, HsmRecord, Kind, Maced, UserRecord};
use crate::cluster::slots::new_name;
use crate::cluster::{Authority, Cluster, ClusterState, Clusters, Login, authority, read};
use crate::crypto::seal::MacKey;
use crate::error::{ClusterError, Error};
use crate::root_key::RootKey;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use vhsm_store::{ClaimKind, Snapshot};

/// Who takes a backup: whose key of the cluster's MACs goes into its MAC.
#[derive(Clone, Copy)]
pub enum TakenBy<'a> {
    /// Any user of the cluster.
    Login(&'a Login),
    /// The control plane. Where its root key is not the cluster's, the backup is without a MAC.
    Service(&'a RootKey),
    /// The backup is without a MAC.
    Nobody,
}

/// How many records pass between two reports.
const REPORTED: u64 = 100;

impl Clusters {
    /// Takes a backup: READY when this returns. Errors: `Refused` where the cluster is not ACTIVE, `Corrupt` where a
    /// record's MAC is wrong, `BackupError::Io`, `NoFolder`.
    pub fn create_backup(&self, cluster: &Cluster, by: TakenBy, progress: Progress) -> Result<Backup, Error> {
        if cluster.state != ClusterState::Active {
            let reason = "only an ACTIVE cluster has what a backup keeps; initialize and activate it first";
            return Err(ClusterError::Refused(format!("cluster {}: {reason}", cluster.name)).into());
        }
        let folder = self.backup_folder()?;
        folder.create()?;
        let head = Head {
            backup: new_name(PREFIX)?,
            created_ms: (self.now)(),
            cluster: cluster.id.0,
            generation: cluster.generation,
        };
        let _claim = self.store.claim(&claim_name(&head.backup), ClaimKind::Exclusive)?;
        let id = head.backup.as_str();
        folder.replace(&folder.note(id), &Note::new(cluster, head.created_ms).encode()?)?;
        let draft = folder.draft(id);
        let done = self.write_draft(cluster, &head, by, &draft, progress);
        if done.is_err() {
            // What is left of it is no backup; another look removes it.
            let _ = folder.remove(&draft).and_then(|()| folder.remove(&folder.note(id)));
        }
        done?;
        self.backup(id)
    }

    fn write_draft(
        &self,
        cluster: &Cluster,
        head: &Head,
        by: TakenBy,
        draft: &Path,
        progress: Progress,
    ) -> Result<Counts, Error> {
        let folder = self.backup_folder()?;
        let (file, counts) = self.view(|snapshot| {
            let out = folder.begin(draft)?;
            let written = write_all(out, snapshot, head, cluster, by, progress);
            written.map_err(|error| match error {
                WriteError::Io(error) => folder.failed(draft, &error),
                WriteError::Other(error) => error,
            })
        })?;
        folder.finish(file, draft, &folder.backup(&head.backup))?;
        Ok(counts)
    }
}

/// Writes all that a snapshot has of the cluster.
fn write_all<W: Write>(
    out: W,
    snapshot: &dyn Snapshot,
    head: &Head,
    cluster: &Cluster,
    by: TakenBy,
    progress: Progress,
) -> Result<(W, Counts), WriteError> {
    let record = read::cluster(snapshot, cluster.id)?;
    if record.unverified().generation != head.generation {
        return Err(
            Error::from(ClusterError::Refused("the token was wiped meanwhile; try again".into())).into()
        );
    }
    let mac = mac_key(cluster, by, &record)?;
    let mut writer = Writer::begin(out, head)?;
    check::<ClusterRecord>(&record.key, &record.raw, mac.as_ref())?;
    writer.record(&record.key, &record.raw)?;
    let kinds = keys::of_generation();
    let prefixes = kinds.iter().map(|&kind| head.space().all(kind));
    for prefix in std::iter::once(keys::hsms(cluster.id)).chain(prefixes) {
        let mut failed = None;
        read::scan(snapshot, &prefix, &mut |key, value| {
            if keys::is_user(key) {
                check::<UserRecord>(key, value, mac.as_ref())?;
            } else if keys::is_hsm(key) {
                check::<HsmRecord>(key, value, mac.as_ref())?;
            }
            failed = writer.record(key, value).err();
            if writer.records() % REPORTED == 0 {
                progress(writer.records(), None);
            }
            Ok(if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        failed.map_or(Ok(()), Err)?;
    }
    writer.finish(snapshot.revision().0, mac.as_ref())
}

/// A backup of records that were changed would be worth nothing when it is wanted.
fn check<T: Kind + serde::Serialize + serde::de::DeserializeOwned>(
    key: &[u8],
    raw: &[u8],
    mac: Option<&MacKey>,
) -> Result<(), Error> {
    let Some(mac) = mac else { return Ok(()) };
    Maced::<T>::decode(key, raw)?.verified(mac).map(drop)
}

/// The key of the cluster's MACs, where whoever takes the backup has it. Errors: `NotLoggedIn`, `Corrupt`.
fn mac_key(cluster: &Cluster, by: TakenBy, record: &Maced<ClusterRecord>) -> Result<Option<MacKey>, Error> {
    match by {
        TakenBy::Login(login) => {
            login.check(cluster)?;
            Ok(Some(login.secrets.mac()))
        }
        TakenBy::Service(root) => {
            if authority::opened_by(root, record.unverified()).is_none() {
                return Ok(None);
            }
            Ok(Some(MacKey::new(&*Authority::Service(root).mac_key(cluster.id, record)?)))
        }
        TakenBy::Nobody => Ok(None),
    }
}
