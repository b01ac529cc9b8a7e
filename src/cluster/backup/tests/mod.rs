//! Backups of a store in memory (and, where it matters, an embedded one), in a folder of their own.

mod damage;
mod restoring;
mod states;

use super::*;
use crate::cluster::tests::*;
use crate::cluster::{Login, ObjectId, Role};
use crate::crypto::seal;
use crate::error::ClusterError;
use crate::root_key::RootKey;
use cryptoki_sys::*;
use std::sync::Arc;
use tempfile::TempDir;

/// A world whose clusters keep backups.
pub struct Vault {
    pub world: World,
    pub clusters: Clusters,
    pub folder: TempDir,
}

impl Vault {
    pub fn of(world: World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clusters = world.again().with_backups(BackupFolder::new(folder.path().join("backups"), false));
        Self { world, clusters, folder }
    }

    pub fn new() -> Self {
        Self::of(World::new())
    }

    /// Another store with this one's folder.
    pub fn elsewhere(&self) -> Self {
        let world = World::empty();
        let clusters = world.again().with_backups(self.clusters.backup_folder().unwrap().clone());
        Self { world, clusters, folder: tempfile::tempdir().unwrap() }
    }

    pub fn cluster(&self) -> Arc<Cluster> {
        self.world.cluster()
    }

    /// By the admin's login.
    pub fn take(&self) -> Backup {
        let cluster = self.cluster();
        let admin = self.world.admin(&cluster);
        self.clusters.create_backup(&cluster, TakenBy::Login(&admin), &mut quiet).unwrap()
    }

    pub fn path(&self, backup: &Backup) -> PathBuf {
        self.clusters.backup_folder().unwrap().backup(&backup.id)
    }

    /// A cluster made of it, by kmsuser's password.
    pub fn restore(&self, backup: &Backup, label: &str) -> Arc<Cluster> {
        self.try_restore(&by_user(&backup.id, label)).unwrap().cluster
    }

    pub fn try_restore(&self, new: &RestoreCluster) -> Result<Restored, Error> {
        self.clusters.restore_cluster(new, &mut quiet)
    }

    pub fn add_key(&self, cluster: &Cluster, label: &[u8], value: u8) -> ObjectId {
        let login = self.user(cluster);
        let key = aes_key(label, b"id", &[value; 32], true);
        self.clusters.create_object(cluster, Some(&login), &key).unwrap()
    }

    pub fn user(&self, cluster: &Cluster) -> Login {
        self.clusters.login_as(cluster, None, "kmsuser", USER_PASSWORD).unwrap()
    }

    /// The value of the only key with this label, opened.
    pub fn key(&self, cluster: &Cluster, label: &[u8]) -> Option<Vec<u8>> {
        let login = self.user(cluster);
        let (found, whole) =
            self.clusters.candidates(cluster, Some(&login), &template(&[(CKA_LABEL, label)])).unwrap();
        assert!(whole && found.len() < 2, "{found:?}");
        let object = self.clusters.object(cluster, Some(&login), *found.first()?).unwrap().unwrap();
        Some(object.secret().unwrap().expose().to_vec())
    }
}

pub fn by_user<'a>(backup: &'a str, label: &'a str) -> RestoreCluster<'a> {
    RestoreCluster {
        source_backup: backup,
        label: Some(label),
        hsms: 1,
        password: Some(BackupPassword { user: "kmsuser", password: USER_PASSWORD }),
        ..RestoreCluster::default()
    }
}

pub fn quiet(_done: u64, _of: Option<u64>) {}

pub fn root() -> RootKey {
    RootKey::new(seal::random_key().unwrap())
}

/// The backup error of a call that must fail.
pub fn backup_error<T>(result: Result<T, Error>) -> BackupError {
    match result {
        Err(Error::Backup(error)) => error,
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it did not fail"),
    }
}
