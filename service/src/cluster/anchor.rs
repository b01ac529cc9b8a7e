//! The file of a cluster's trust anchor: `$VHSM_HOME/clusters/CLUSTER-ID/customerCA.crt`, which a key store is given.
//!
//! The cluster's record has it too: the file is put back wherever it is missing or another.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use vhsm_pkcs11::config::{Config, StoreChoice};

/// CloudHSM's default name of it.
const FILE: &str = "customerCA.crt";

/// Who may use the files.
struct Modes {
    folder: u32,
    file: u32,
}

pub fn path(config: &Config, cluster_id: &str) -> PathBuf {
    config.home.join("clusters").join(cluster_id).join(FILE)
}

/// Sees to it that the file has this content, whole or not at all; where it has, touches nothing.
pub fn keep(config: &Config, cluster_id: &str, pem: &str) -> io::Result<PathBuf> {
    let path = path(config, cluster_id);
    if fs::read(&path).is_ok_and(|found| found == pem.as_bytes()) {
        return Ok(path);
    }
    let modes = match config.store {
        StoreChoice::Embedded { group: true, .. } => Modes { folder: 0o770, file: 0o660 },
        _ => Modes { folder: 0o700, file: 0o600 },
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(modes.folder).create(folder)?;
    let draft = folder.join(format!(".{FILE}.{}", std::process::id()));
    let _ = fs::remove_file(&draft);
    let written =
        OpenOptions::new().write(true).create_new(true).mode(modes.file).open(&draft).and_then(|mut file| {
            // Whatever the umask says.
            file.set_permissions(Permissions::from_mode(modes.file))?;
            file.write_all(pem.as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        });
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written.map(|()| path)
}

/// The cluster is gone. What cannot be removed does no harm.
pub fn remove(config: &Config, cluster_id: &str) {
    let path = path(config, cluster_id);
    let _ = fs::remove_file(&path);
    if let Some(folder) = path.parent() {
        let _ = fs::remove_dir(folder);
    }
}
