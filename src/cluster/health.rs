//! What can be asked of a store and its clusters without changing them.
//!
//! Called by: `vhsm doctor`.

use crate::cluster::{Authority, Cluster, Clusters, PasswordCosts, keys, read};
use crate::crypto::seal::MacKey;
use crate::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use vhsm_store::Store;

impl Clusters {
    /// As `open`, but writes nothing: `None` where the store has no head record yet. Errors: `NewerFormat`, `Corrupt`.
    pub fn open_existing(store: Arc<dyn Store>, costs: PasswordCosts) -> Result<Option<Self>, Error> {
        let mut found = false;
        store.read(&mut |snapshot| {
            snapshot.range(&[], &[u8::MAX], &mut |_, _| {
                found = true;
                ControlFlow::Break(())
            })
        })?;
        match found {
            true => Self::open(store, costs).map(Some),
            false => Ok(None),
        }
    }

    /// Whether the cluster's records, its HSMs' and its users' are those that this right made.
    /// Errors: `NoAuthority`, `Corrupt`, those of `Authority`.
    pub fn check_records(&self, cluster: &Cluster, by: Authority) -> Result<(), Error> {
        self.view(|snapshot| {
            let record = read::cluster(snapshot, cluster.id)?;
            let mac = MacKey::new(&*by.mac_key(cluster.id, &record)?);
            read::verify(&record, &read::hsms(snapshot, cluster.id)?, &mac)?;
            let users = read::users(snapshot, cluster.space())?;
            users.iter().try_for_each(|user| user.verified(&mac).map(drop))
        })
    }

    /// How many deletions are not swept yet: see `sweep`.
    pub fn unswept(&self) -> Result<usize, Error> {
        self.view(|snapshot| Ok(read::count(snapshot, &keys::sweeps())?))
    }

    /// The newest time that any cluster's records tell, in milliseconds since 1970; 0: none does.
    pub fn newest_ms(&self) -> Result<u64, Error> {
        self.view(|snapshot| {
            let mut newest = 0;
            for (id, cluster) in read::clusters(snapshot)? {
                newest = newest.max(cluster.unverified().backing.created_ms);
                let hsms = read::hsms(snapshot, id)?;
                newest = hsms.iter().map(|hsm| hsm.unverified().created_ms).fold(newest, u64::max);
                let space = keys::Space { cluster: id, generation: cluster.unverified().generation };
                for user in read::users(snapshot, space)? {
                    newest = newest.max(read::attempts(snapshot, space, user.unverified().id())?.0.last_ms);
                }
            }
            Ok(newest)
        })
    }

    /// The clock, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        (self.now)()
    }
}
