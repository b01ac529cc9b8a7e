//! Who may change a cluster's own records: an admin that is logged in, or the control plane.
//!
//! In CloudHSM a cluster's users know nothing of HSMs that come and go: that is the control plane's, which IAM guards.
//! Here the control plane is whoever has the service's root key. Under it lies, in the cluster's record, the key of the
//! cluster's MACs, which opens no user's keys and no object.

use crate::cluster::records::{ClusterRecord, Maced, Sealed};
use crate::cluster::{ClusterId, Login};
use crate::crypto::seal::{KEY_BYTES, Key, MacKey};
use crate::error::{CallError, ClusterError, Error};
use crate::root_key::RootKey;

const PURPOSE: &str = "vhsm cluster mac key 1";

/// By what right a cluster's own records are changed.
#[derive(Clone, Copy)]
pub enum Authority<'a> {
    /// A login of one of the cluster's admins.
    Admin(&'a Login),
    /// The control plane.
    Service(&'a RootKey),
}

impl Authority<'_> {
    /// The key of the cluster's MACs, under which its record is right. Errors: `NotLoggedIn`, `LoginNeeded`,
    /// `NoAuthority`, `Corrupt`.
    pub(super) fn mac_key(&self, id: ClusterId, cluster: &Maced<ClusterRecord>) -> Result<Key, Error> {
        let record = cluster.unverified();
        let key = match self {
            Authority::Admin(login) => {
                if login.cluster != id || login.generation != record.generation {
                    return Err(CallError::NotLoggedIn.into());
                }
                login.cluster_key()?;
                login.secrets.mac_key.clone()
            }
            Authority::Service(root) => {
                let key = opened_by(root, record);
                key.ok_or_else(|| ClusterError::NoAuthority(record.name.clone()))?
            }
        };
        cluster.verified(&MacKey::new(&key))?;
        Ok(key)
    }
}

/// The key of a cluster's MACs for the control plane.
pub(super) fn seal_by_service(root: &RootKey, cluster: &str, mac_key: &Key) -> Result<Sealed, Error> {
    let (nonce, bytes) = root.seal(PURPOSE, cluster.as_bytes(), &mac_key[..])?;
    Ok(Sealed { nonce, bytes })
}

/// The key of a cluster's MACs, where this root key opens it: not checked yet.
pub(super) fn opened_by(root: &RootKey, record: &ClusterRecord) -> Option<Key> {
    open(root, &record.name, record.by_service.as_ref()?)
}

fn open(root: &RootKey, cluster: &str, sealed: &Sealed) -> Option<Key> {
    let plain = root.open(PURPOSE, cluster.as_bytes(), &sealed.nonce, &sealed.bytes)?;
    let mut key = Key::default();
    (plain.len() == KEY_BYTES).then(|| key.copy_from_slice(&plain))?;
    Some(key)
}
