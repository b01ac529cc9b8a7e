//! Opening a backup: its file read whole, its records checked under the key that a password of that time, or the root
//! key here, opens.

use super::format::{Head, ReadError};
use super::note::Note;
use super::read::{Reader, Whole};
use super::{Backup, BackupState, Progress, id_of};
use crate::cluster::attempts::is_locked;
use crate::cluster::keys;
use crate::cluster::records::{Attempts, ClusterRecord, HsmRecord, Maced, UserRecord, decode};
use crate::cluster::secrets::Holder;
use crate::cluster::{Clusters, UserId, authority, pin, read};
use crate::crypto::seal::{Key, MacKey};
use crate::error::{BackupError, ClusterError, Error};
use crate::root_key::RootKey;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// A user of a backup, and its password of that time.
#[derive(Clone, Copy)]
pub struct BackupPassword<'a> {
    pub user: &'a str,
    pub password: &'a [u8],
}

/// What opens a backup: the password where there is one, else the root key.
#[derive(Clone, Copy, Default)]
pub(super) struct Opener<'a> {
    pub password: Option<BackupPassword<'a>>,
    pub root_key: Option<&'a RootKey>,
}

/// What reading all of a backup's file found. It was not changed since it was written; who wrote it is another question.
#[derive(Debug, Clone)]
pub struct BackupCheck {
    pub backup: String,
    /// ClusterId of the cluster that was backed up.
    pub cluster: String,
    pub created_ms: u64,
    pub users: u64,
    pub objects: u64,
    pub bytes: u64,
    /// It carries a MAC.
    pub is_maced: bool,
    /// Its records, and the whole where it carries a MAC, are a cluster's own: checked under the key of its MACs. `false`:
    /// nobody gave what opens that.
    pub is_checked: bool,
}

/// A backup that was read whole. Objects are read again when they are wanted.
pub(super) struct Source {
    pub path: PathBuf,
    pub head: Head,
    pub cluster: Maced<ClusterRecord>,
    pub hsms: Vec<Maced<HsmRecord>>,
    pub users: Vec<Maced<UserRecord>>,
    attempts: BTreeMap<UserId, Attempts>,
    pub whole: Whole,
}

/// Bytes of a backup between two reports.
const REPORTED: u64 = 16 << 20;

impl Clusters {
    /// Reads all of a backup's file, and checks who wrote it where a password or the root key opens that.
    /// Errors: `NotFound`, `Damaged`, `NewerFormat`, `PinIncorrect`, `PinLocked`, `UserNotFound`, `Corrupt`.
    pub fn verify_backup(
        &self,
        name: &str,
        password: Option<BackupPassword>,
        root_key: Option<&RootKey>,
        progress: Progress,
    ) -> Result<BackupCheck, Error> {
        let path = self.backup_file(name, &[BackupState::Ready, BackupState::PendingDeletion], "verified")?;
        verify_file(&path, password, root_key, progress)
    }

    /// The file of a backup in one of these states. Errors: `NotFound`, `State`, `Damaged`.
    pub(super) fn backup_file(
        &self,
        name: &str,
        states: &[BackupState],
        verb: &'static str,
    ) -> Result<PathBuf, Error> {
        let id = id_of(name)?;
        let backup: Backup = self.backup(id)?;
        if !states.contains(&backup.state) {
            let (state, wanted) = (backup.state.name(), states[0].name());
            return Err(BackupError::State { id: id.into(), state, wanted, verb }.into());
        }
        Ok(self.backup_folder()?.backup(id))
    }
}

/// The same for a file anywhere.
pub fn verify_file(
    path: &Path,
    password: Option<BackupPassword>,
    root_key: Option<&RootKey>,
    progress: Progress,
) -> Result<BackupCheck, Error> {
    let source = Source::read(path, progress)?;
    let is_checked = match source.mac_key(Opener { password, root_key })? {
        Some(key) => {
            source.check(&MacKey::new(&key))?;
            true
        }
        None => false,
    };
    let (counts, whole) = (source.whole.manifest.counts, &source.whole);
    Ok(BackupCheck {
        backup: source.id().to_owned(),
        cluster: source.cluster.unverified().name.clone(),
        created_ms: source.head.created_ms,
        users: counts.users,
        objects: counts.objects,
        bytes: whole.bytes,
        is_maced: whole.manifest.is_maced(),
        is_checked,
    })
}

impl Source {
    /// Reads a file to its end. Errors: `Damaged`, `NewerFormat`, `Io`.
    pub(super) fn read(path: &Path, progress: Progress) -> Result<Self, Error> {
        let name = path.display().to_string();
        Self::survey(path, progress).map_err(|error| error.of(&name))
    }

    fn survey(path: &Path, progress: Progress) -> Result<Self, ReadError> {
        let file = File::open(path)?;
        let total = file.metadata()?.len();
        let mut reader = Reader::begin(BufReader::with_capacity(1 << 18, file))?;
        let head = reader.head().clone();
        let cluster = match reader.next()? {
            Some((key, value)) if *key == *keys::cluster(head.space().cluster) => Maced::decode(key, value)?,
            _ => return Err(ReadError::Damaged("its first record is not its cluster's")),
        };
        let (mut hsms, mut users, mut attempts) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut reported = 0;
        while let Some((key, value)) = reader.next()? {
            if keys::is_hsm(key) && key.starts_with(&keys::hsms(head.space().cluster)) {
                hsms.push(Maced::decode(key, value)?);
                continue;
            }
            check_key(&head, key)?;
            if let Some(user) = keys::attempts_of(key) {
                attempts.insert(user, decode("record of wrong passwords", value)?);
            } else if keys::is_user(key) {
                users.push(read::user_record(key, value)?);
            }
            if reader.taken() - reported > REPORTED {
                reported = reader.taken();
                progress(reported, Some(total));
            }
        }
        let source =
            Self { path: path.into(), head, cluster, hsms, users, attempts, whole: reader.finish()? };
        if source.cluster.unverified().generation != source.head.generation {
            return Err(ReadError::Damaged("its head is not its cluster's"));
        }
        Ok(source)
    }

    /// BackupId of the file: a copy's own.
    pub(super) fn id(&self) -> &str {
        self.whole.copy.as_ref().map_or(&self.head.backup, |copy| &copy.backup)
    }

    /// The note of a new copy of it.
    pub(super) fn note(&self) -> Note {
        let record = self.cluster.unverified();
        Note {
            cluster: record.name.clone(),
            label: record.label.clone(),
            hsm_type: record.backing.hsm_type,
            mode: record.backing.mode,
            created_ms: self.head.created_ms,
            retention_days: record.backing.backup_retention_days,
            never_expires: false,
            delete_ms: None,
            tags: Vec::new(),
            is_gone: false,
            policy: None,
        }
    }

    /// The key of the cluster's MACs. `None`: no password was given, and the root key opens nothing here.
    /// Errors: `PinIncorrect`, `PinLocked`, `UserNotFound`, `Corrupt`.
    pub(super) fn mac_key(&self, opener: Opener) -> Result<Option<Key>, Error> {
        if let Some(password) = opener.password {
            return self.opened_by_password(password).map(Some);
        }
        Ok(opener.root_key.and_then(|root| authority::opened_by(root, self.cluster.unverified())))
    }

    /// A user that was locked when the backup was taken is locked here: its password is not tried.
    fn opened_by_password(&self, by: BackupPassword) -> Result<Key, Error> {
        let user = pin::named(&self.users, by.user.as_bytes())
            .ok_or_else(|| ClusterError::UserNotFound(by.user.into()))?
            .unverified();
        if self.attempts.get(&user.id()).is_some_and(|attempts| is_locked(user, attempts)) {
            return Err(ClusterError::PinLocked(user.name.clone()).into());
        }
        let holder = Holder { lineage: self.cluster.unverified().lineage, user: user.id() };
        let secrets = holder.open_by_password(user, by.password)?.ok_or(ClusterError::PinIncorrect)?;
        Ok(secrets.mac_key.clone())
    }

    /// Checks the MACs of records and of the whole. Errors: `Corrupt`, `Damaged`.
    pub(super) fn check(&self, mac: &MacKey) -> Result<(), Error> {
        read::verify(&self.cluster, &self.hsms, mac)?;
        self.users.iter().try_for_each(|user| user.verified(mac).map(drop))?;
        if self.whole.manifest.is_authentic(mac) == Some(false) {
            let what =
                "its MAC is wrong: it is not what the cluster's process wrote; take it from another copy";
            return Err(BackupError::Damaged { file: self.path.display().to_string(), what }.into());
        }
        Ok(())
    }
}

/// Records of one generation, of kinds that this version knows; of what is left to sweep nothing that would be all.
fn check_key(head: &Head, key: &[u8]) -> Result<(), ReadError> {
    if keys::moved(key, head.space(), head.space()).is_none() {
        return Err(ReadError::Damaged(
            "it has records that are not of its cluster, or of a kind that this version does not know",
        ));
    }
    match keys::sweep_of(key) {
        Some((_, keys::ALL)) => Err(ReadError::Damaged("it has a record that would delete all others")),
        _ => Ok(()),
    }
}
