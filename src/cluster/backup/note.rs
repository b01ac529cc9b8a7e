//! What is kept of a backup beside its file: what can change, and what is told of it before and after its file is there.
//!
//! A version byte, then postcard. Whoever can write the folder can write a note: it decides how long a backup is kept,
//! and nothing else.

use super::{Backup, BackupState, claim_name};
use crate::cluster::{Cluster, Clusters, HsmType, Mode, Tag};
use crate::error::{BackupError, Error};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::time::Duration;
use vhsm_store::{Claim, ClaimKind};

const VERSION: u8 = 2;
/// How long one change waits for another.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// ClusterId
    pub cluster: String,
    pub label: String,
    pub hsm_type: HsmType,
    pub mode: Mode,
    /// Times in milliseconds since 1970.
    pub created_ms: u64,
    pub retention_days: u16,
    pub never_expires: bool,
    /// It was deleted, and will be gone then.
    pub delete_ms: Option<u64>,
    pub tags: Vec<Tag>,
    /// Its file is gone.
    pub is_gone: bool,
    // ---- since version 2
    /// The resource policy, JSON.
    pub policy: Option<String>,
}

/// Version 1.
#[derive(Serialize, Deserialize)]
struct Note1 {
    cluster: String,
    label: String,
    hsm_type: HsmType,
    mode: Mode,
    created_ms: u64,
    retention_days: u16,
    never_expires: bool,
    delete_ms: Option<u64>,
    tags: Vec<Tag>,
    is_gone: bool,
}

impl From<Note1> for Note {
    fn from(old: Note1) -> Self {
        Self {
            cluster: old.cluster,
            label: old.label,
            hsm_type: old.hsm_type,
            mode: old.mode,
            created_ms: old.created_ms,
            retention_days: old.retention_days,
            never_expires: old.never_expires,
            delete_ms: old.delete_ms,
            tags: old.tags,
            is_gone: old.is_gone,
            policy: None,
        }
    }
}

impl Note {
    /// Of a new backup.
    pub(super) fn new(cluster: &Cluster, created_ms: u64) -> Self {
        Self {
            cluster: cluster.name.clone(),
            label: cluster.label.clone(),
            hsm_type: cluster.backing.hsm_type,
            mode: cluster.backing.mode,
            created_ms,
            retention_days: cluster.backing.backup_retention_days,
            never_expires: false,
            delete_ms: None,
            tags: Vec::new(),
            is_gone: false,
            policy: None,
        }
    }

    /// Of a backup as it is told.
    pub(super) fn of(backup: &Backup) -> Self {
        Self {
            cluster: backup.cluster.clone(),
            label: backup.label.clone(),
            hsm_type: backup.hsm_type,
            mode: backup.mode,
            created_ms: backup.created_ms,
            retention_days: backup.retention_days,
            never_expires: backup.never_expires,
            delete_ms: backup.delete_ms,
            tags: backup.tags.clone(),
            is_gone: false,
            policy: backup.policy.clone(),
        }
    }

    /// What the note alone tells.
    pub(super) fn backup(&self, id: &str, state: BackupState) -> Backup {
        Backup {
            id: id.into(),
            state,
            cluster: self.cluster.clone(),
            label: self.label.clone(),
            hsm_type: self.hsm_type,
            mode: self.mode,
            created_ms: self.created_ms,
            copied_ms: None,
            source_region: None,
            source_backup: None,
            never_expires: self.never_expires,
            delete_ms: self.delete_ms,
            tags: self.tags.clone(),
            policy: self.policy.clone(),
            content: None,
            retention_days: self.retention_days,
            has_note: true,
        }
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        postcard::to_extend(self, vec![VERSION])
            .map_err(|e| Error::Internal(format!("encoding a backup's note: {e}")))
    }

    /// `None`: it is none, or a newer version's.
    fn decode(raw: &[u8]) -> Option<Self> {
        let (version, body) = raw.split_first()?;
        match *version {
            1 => whole::<Note1>(body).map(Self::from),
            VERSION => whole(body),
            _ => None,
        }
    }
}

/// What takes all of `body`, and no more.
fn whole<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(body) {
        Ok((note, [])) => Some(note),
        _ => None,
    }
}

impl Clusters {
    /// A backup's note; `None`: there is none that can be read.
    pub(super) fn note(&self, id: &str) -> Result<Option<Note>, Error> {
        let folder = self.backup_folder()?;
        match std::fs::read(folder.note(id)) {
            Ok(raw) => Ok(Note::decode(&raw)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(folder.failed(&folder.note(id), &error)),
        }
    }

    /// Changes what is kept of a backup that is in one of these states. Errors: `NotFound`, `State`, `Io`.
    pub(super) fn change_note(
        &self,
        id: &str,
        states: &[BackupState],
        verb: &'static str,
        change: &mut dyn FnMut(&mut Note),
    ) -> Result<Backup, Error> {
        let _claim = self.claim_backup(id)?;
        let backup = self.backup(id)?;
        if !states.contains(&backup.state) {
            let (state, wanted) = (backup.state.name(), states[0].name());
            return Err(BackupError::State { id: id.into(), state, wanted, verb }.into());
        }
        let mut note = Note::of(&backup);
        change(&mut note);
        let folder = self.backup_folder()?;
        folder.replace(&folder.note(id), &note.encode()?)?;
        self.backup(id)
    }

    /// Holds a backup while it is changed. Errors: `Io` where another holds it for long.
    fn claim_backup(&self, id: &str) -> Result<Box<dyn Claim>, Error> {
        let claim = self.store.claim_within(&claim_name(id), ClaimKind::Exclusive, CLAIM_TIMEOUT)?;
        claim.ok_or_else(|| {
            let cause = "another process has been changing it for half a minute".into();
            BackupError::Io { file: id.into(), cause, mend: "try again" }.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_of_version_1_is_read() {
        let old = Note1 {
            cluster: "cluster-a".into(),
            label: "one".into(),
            hsm_type: HsmType::Hsm2mMedium,
            mode: Mode::NonFips,
            created_ms: 1,
            retention_days: 90,
            never_expires: true,
            delete_ms: Some(2),
            tags: vec![Tag { key: "k".into(), value: "v".into() }],
            is_gone: false,
        };
        let raw = postcard::to_extend(&old, vec![1]).unwrap();
        let read = Note::decode(&raw).unwrap();
        assert_eq!(read, Note::from(old));
        assert_eq!((read.tags.len(), read.delete_ms, &read.policy), (1, Some(2), &None));
        let again = Note { policy: Some("{}".into()), ..read };
        assert_eq!(Note::decode(&again.encode().unwrap()), Some(again.clone()));
        let mut newer = again.encode().unwrap();
        newer[0] = VERSION + 1;
        assert_eq!(Note::decode(&newer), None);
        assert_eq!(Note::decode(&[&raw[..], b"0"].concat()), None);
    }
}
