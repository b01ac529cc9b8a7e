//! The folder that backups lie in, and how a file comes to be there whole or not at all.
//!
//! Beside each backup, `ID.vhsm-backup`, lies its note, `ID.note`; drafts begin with a dot. The folder may be shared by
//! the machines of one store.

use super::is_backup_id;
use crate::error::{BackupError, Error};
use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{BufWriter, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const BACKUP: &str = ".vhsm-backup";
const NOTE: &str = ".note";
const DRAFT: &str = ".draft";
/// Large writes: a backup is one long stream.
const BUFFER_BYTES: usize = 1 << 18;

/// Where backups lie, and who may read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFolder {
    path: PathBuf,
    /// As `store.group`.
    group: bool,
}

/// What lies in the folder.
#[derive(Default)]
pub(super) struct Found {
    pub backups: BTreeSet<String>,
    pub notes: BTreeSet<String>,
    /// What is being written, or was when its process died.
    pub drafts: BTreeSet<String>,
}

impl BackupFolder {
    /// Made (0700; with `group` 2770) when the first backup is taken. Files in it are 0600 (0660).
    pub fn new(path: impl Into<PathBuf>, group: bool) -> Self {
        Self { path: path.into(), group }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn backup(&self, id: &str) -> PathBuf {
        self.path.join(format!("{id}{BACKUP}"))
    }

    pub(super) fn note(&self, id: &str) -> PathBuf {
        self.path.join(format!("{id}{NOTE}"))
    }

    pub(super) fn draft(&self, id: &str) -> PathBuf {
        self.path.join(format!(".{id}{DRAFT}"))
    }

    /// What lies there. A folder that is not there is empty.
    pub(super) fn found(&self) -> Result<Found, Error> {
        let mut found = Found::default();
        let entries = match std::fs::read_dir(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(|e| self.failed(&self.path, &e))?,
        };
        for entry in entries {
            let name = entry.map_err(|e| self.failed(&self.path, &e))?.file_name();
            let Some(name) = name.to_str() else { continue };
            let id = |name: &str, ending: &str| {
                name.strip_suffix(ending).filter(|id| is_backup_id(id)).map(str::to_owned)
            };
            if let Some(id) = id(name, BACKUP) {
                found.backups.insert(id);
            } else if let Some(id) = id(name, NOTE) {
                found.notes.insert(id);
            } else if let Some(id) = name.strip_prefix('.').and_then(|name| id(name, DRAFT)) {
                found.drafts.insert(id);
            }
        }
        Ok(found)
    }

    pub(super) fn create(&self) -> Result<(), Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(|e| self.failed(&self.path, &e))?;
        if self.group {
            self.permit(&self.path, 0o2770)?;
        }
        Ok(())
    }

    /// A new draft; what a dead process left under the name is gone.
    pub(super) fn begin(&self, draft: &Path) -> Result<BufWriter<File>, Error> {
        let opened = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft);
        let file = match opened() {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.remove(draft)?;
                opened()
            }
            file => file,
        };
        let file = file.map_err(|e| self.failed(draft, &e))?;
        if self.group {
            self.permit(draft, 0o660)?;
        }
        Ok(BufWriter::with_capacity(BUFFER_BYTES, file))
    }

    /// A draft that is complete takes its name, durably.
    pub(super) fn finish(&self, file: BufWriter<File>, draft: &Path, name: &Path) -> Result<(), Error> {
        let file = file.into_inner().map_err(|e| self.failed(draft, e.error()))?;
        let done = file.sync_all().and_then(|()| std::fs::rename(draft, name)).and_then(|()| self.sync());
        done.map_err(|e| self.failed(name, &e))
    }

    /// A file's content in the place of another one's, whole or not at all.
    pub(super) fn replace(&self, name: &Path, content: &[u8]) -> Result<(), Error> {
        use std::io::Write;
        self.create()?;
        // Notes are changed under a claim of their backup: one name will do.
        let draft = name.with_extension("note-draft");
        let mut file = self.begin(&draft)?;
        file.write_all(content).map_err(|e| self.failed(&draft, &e))?;
        self.finish(file, &draft, name)
    }

    /// It may be gone already.
    pub(super) fn remove(&self, path: &Path) -> Result<(), Error> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed(path, &error)),
            _ => Ok(()),
        }
    }

    pub(super) fn failed(&self, path: &Path, error: &std::io::Error) -> Error {
        let mend = match error.kind() {
            ErrorKind::NotFound => "see whether the folder is there; `[backups] folder` names it",
            ErrorKind::PermissionDenied => "let this user write the folder; `[backups] folder` names it",
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room there, and take the backup again",
            _ => "see to the folder that `[backups] folder` names",
        };
        BackupError::Io { file: path.display().to_string(), cause: error.to_string(), mend }.into()
    }

    fn sync(&self) -> std::io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// Whatever the umask says.
    fn permit(&self, path: &Path, mode: u32) -> Result<(), Error> {
        match std::fs::set_permissions(path, Permissions::from_mode(mode)) {
            // Another user of the group made it, with this mode.
            Err(error) if error.kind() == ErrorKind::PermissionDenied && path.is_dir() => Ok(()),
            done => done.map_err(|e| self.failed(path, &e)),
        }
    }
}
