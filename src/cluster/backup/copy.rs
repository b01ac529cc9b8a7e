//! Copies of a backup: a file for another machine, and a backup of its own made of such a file.

use super::format::{CopyOf, ReadError, WriteError, write_end};
use super::note::Note;
use super::source::Source;
use super::{Backup, BackupState, PREFIX, Progress, claim_name};
use crate::cluster::slots::new_name;
use crate::cluster::{Clusters, Tag};
use crate::error::{BackupError, Error};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use vhsm_store::ClaimKind;

/// DestinationBackup of the CloudHSM API, and the backup that was made.
#[derive(Debug, Clone)]
pub struct CopiedBackup {
    pub backup: Backup,
    pub source_backup: String,
    pub source_cluster: String,
    pub source_region: Option<String>,
}

impl Clusters {
    /// Copies a backup's file to `to`, which must not exist (0600). Errors: `NotFound`, `State`, `Damaged`, `Io`.
    pub fn export_backup(&self, name: &str, to: &Path, progress: Progress) -> Result<Backup, Error> {
        let from = self.backup_file(name, &[BackupState::Ready], "copied")?;
        // Damage shall not spread unseen.
        Source::read(&from, progress)?;
        let io = |error: std::io::Error| -> Error {
            let mend = "name a file that does not exist, in a folder that this user can write";
            BackupError::Io { file: to.display().to_string(), cause: error.to_string(), mend }.into()
        };
        let mut input = File::open(&from).map_err(|e| ReadError::from(e).of(&from.display().to_string()))?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(io)?;
        let copied = std::io::copy(&mut input, &mut file).and_then(|_| file.sync_all());
        if let Err(error) =
            copied.and_then(|()| Source::read(to, progress).map(drop).map_err(std::io::Error::other))
        {
            let _ = std::fs::remove_file(to);
            return Err(io(error));
        }
        self.backup(name)
    }

    /// Makes a backup of its own of a file that `export_backup` made, here or elsewhere.
    /// Errors: `Damaged`, `NewerFormat`, `Io`.
    pub fn import_backup(
        &self,
        file: &Path,
        tags: &[Tag],
        progress: Progress,
    ) -> Result<CopiedBackup, Error> {
        self.copy_from(file, None, tags, progress)
    }

    /// CopyBackupToRegion: a backup of its own in this folder, whose source stands in `source_region`. Without tags it
    /// has its source's. Errors: `NotFound`, `State`, `Damaged`, `Io`.
    pub fn copy_backup(
        &self,
        name: &str,
        source_region: &str,
        tags: &[Tag],
        progress: Progress,
    ) -> Result<CopiedBackup, Error> {
        let from = self.backup_file(name, &[BackupState::Ready], "copied")?;
        let own = self.backup(name)?.tags;
        self.copy_from(&from, Some(source_region), if tags.is_empty() { &own } else { tags }, progress)
    }

    fn copy_from(
        &self,
        file: &Path,
        source_region: Option<&str>,
        tags: &[Tag],
        progress: Progress,
    ) -> Result<CopiedBackup, Error> {
        let source = Source::read(file, progress)?;
        let folder = self.backup_folder()?;
        folder.create()?;
        let copy = CopyOf {
            backup: new_name(PREFIX)?,
            source: source.id().to_owned(),
            source_region: source_region.map(str::to_owned),
            copied_ms: (self.now)(),
        };
        let id = copy.backup.as_str();
        let _claim = self.store.claim(&claim_name(id), ClaimKind::Exclusive)?;
        let note = Note { tags: tags.to_vec(), ..source.note() };
        folder.replace(&folder.note(id), &note.encode()?)?;
        let draft = folder.draft(id);
        let written = folder.begin(&draft).and_then(|mut out| {
            write_copy(file, &source, &copy, &mut out).map_err(|error| match error {
                WriteError::Io(error) => folder.failed(&draft, &error),
                WriteError::Other(error) => error,
            })?;
            // Read again before it takes its name: the file may have changed meanwhile.
            Source::read(&draft, progress)?;
            folder.finish(out, &draft, &folder.backup(id))
        });
        if let Err(error) = written {
            let _ = folder.remove(&draft).and_then(|()| folder.remove(&folder.note(id)));
            return Err(error);
        }
        Ok(CopiedBackup {
            backup: self.backup(id)?,
            source_cluster: note.cluster,
            source_region: copy.source_region,
            source_backup: copy.source,
        })
    }
}

/// All up to the manifest as it is, then the end with what this copy knows of itself.
fn write_copy(
    file: &Path,
    source: &Source,
    copy: &CopyOf,
    out: &mut BufWriter<File>,
) -> Result<(), WriteError> {
    let manifest = &source.whole.manifest;
    let mut records = File::open(file)?.take(manifest.bytes);
    std::io::copy(&mut records, out)?;
    write_end(out, manifest, Some(copy))
}
