//! The service's own cluster: where keys lie that belong to no customer's cluster (KMS's Origin AWS_KMS).
//!
//! There is one in a store at most. Nobody else logs in to it: its passwords are random, and lie in its record under the
//! service's root key. Nobody else sees it: it has slots, and is listed and described, only where a process asks for it.
//! It comes into the store with its HSMs, its admin and both passwords in one commit; its crypto user follows, made by
//! whoever finds it without one. So a process that is killed meanwhile leaves nothing that the next does not finish.

use super::slots::new_name;
use super::{
    Authority, Backing, Cluster, ClusterId, Clusters, HsmType, Mode, NewCluster, PasswordRules, Policy, Role,
    Subnet, pin, read,
};
use crate::cluster::records::{ClusterRecord, Maced, Sealed};
use crate::crypto::random;
use crate::error::{ClusterError, Error};
use crate::root_key::RootKey;
use std::sync::Arc;
use zeroize::Zeroizing;

const PURPOSE: &str = "vhsm private cluster 1";
const LABEL: &str = "vhsm default key store";
const USER: &str = "kmsuser";
const HSMS: usize = 2;
/// CloudHSM: 7 to 32 characters; KMS: letters and digits.
const PASSWORD_CHARS: usize = 32;
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Its keys stay in it, are used while one HSM works, and need a login.
const POLICY: Policy = Policy { key_availability: false, refuse_public_keys: true, refuse_extractable: true };

/// The service's own cluster, and how to log in to it.
pub struct PrivateCluster {
    pub cluster: Arc<Cluster>,
    pub user: &'static str,
    pub password: Zeroizing<Vec<u8>>,
}

/// One after the other, as they are sealed.
struct Passwords {
    admin: Zeroizing<Vec<u8>>,
    user: Zeroizing<Vec<u8>>,
}

impl Clusters {
    /// From here on the service's own cluster is seen as others are.
    pub fn with_private(self) -> Self {
        Self { shows_private: true, ..self }
    }

    pub(super) fn shows(&self, is_private: bool) -> bool {
        self.shows_private || !is_private
    }

    /// The service's own cluster, made on first use with its HSMs in two zones of the region. Errors: `NoAuthority` where
    /// this is not the root key that it was made with, `Corrupt`.
    pub fn private_cluster(&self, root_key: &RootKey, region: &str) -> Result<PrivateCluster, Error> {
        let found = match self.find_private()? {
            Some(found) => found,
            None => self.make_private(root_key, region)?,
        };
        let (id, record) = found;
        // Whoever can write the store could put a cluster here whose passwords it knows.
        Authority::Service(root_key).mac_key(id, &record)?;
        let passwords = opened(root_key, record.unverified())?;
        let cluster = self.by_id(id)?;
        self.make_private_user(&cluster, &passwords)?;
        Ok(PrivateCluster { cluster, user: USER, password: passwords.user })
    }

    /// Errors: `LabelTaken`. As `check_label_free`, among the service's own.
    pub(super) fn check_no_private(&self, label: &str) -> Result<(), Error> {
        match self.find_private()? {
            Some(_) => Err(ClusterError::LabelTaken(label.into()).into()),
            None => Ok(()),
        }
    }

    fn find_private(&self) -> Result<Option<(ClusterId, Maced<ClusterRecord>)>, Error> {
        let mut all = self.view(read::clusters)?.into_iter();
        Ok(all.find(|(_, record)| record.unverified().private.is_some()))
    }

    fn make_private(
        &self,
        root_key: &RootKey,
        region: &str,
    ) -> Result<(ClusterId, Maced<ClusterRecord>), Error> {
        let name = new_name("cluster-")?;
        let passwords = Passwords { admin: new_password()?, user: new_password()? };
        let mut backing = Backing::new(HsmType::Hsm2mMedium, Mode::NonFips, (self.now)());
        backing.subnets = ['a', 'b'].map(|letter| subnet(region, letter)).to_vec();
        let new = NewCluster {
            label: LABEL,
            hsms: HSMS,
            admin_password: &passwords.admin,
            policy: POLICY,
            root_key: Some(root_key),
        };
        match self.create_backed(&new, &name, &backing, Some(&passwords.sealed(root_key, &name)?)) {
            // Another process was first.
            Ok(_) | Err(Error::Cluster(ClusterError::LabelTaken(_))) => {}
            Err(error) => return Err(error),
        }
        self.find_private()?.ok_or_else(|| ClusterError::NotFound(LABEL.into()).into())
    }

    fn make_private_user(&self, cluster: &Cluster, passwords: &Passwords) -> Result<(), Error> {
        if self.users(cluster)?.iter().any(|user| user.name == USER) {
            return Ok(());
        }
        let admin = self.login_as(cluster, Some(Role::Admin), pin::ADMIN, &passwords.admin)?;
        let rules = PasswordRules::Cluster;
        match self.create_user(cluster, &admin, USER, Role::CryptoUser, &passwords.user, rules) {
            Ok(_) | Err(Error::Cluster(ClusterError::UserExists(_))) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Passwords {
    fn sealed(&self, root_key: &RootKey, cluster: &str) -> Result<Sealed, Error> {
        let mut plain = Zeroizing::new(Vec::with_capacity(2 * PASSWORD_CHARS));
        plain.extend_from_slice(&self.admin);
        plain.extend_from_slice(&self.user);
        let (nonce, bytes) = root_key.seal(PURPOSE, cluster.as_bytes(), &plain)?;
        Ok(Sealed { nonce, bytes })
    }
}

/// Errors: `NoAuthority`, `Corrupt`.
fn opened(root_key: &RootKey, record: &ClusterRecord) -> Result<Passwords, Error> {
    let no_authority = || ClusterError::NoAuthority(record.name.clone());
    let sealed = record.private.as_ref().ok_or_else(no_authority)?;
    let plain = root_key.open(PURPOSE, record.name.as_bytes(), &sealed.nonce, &sealed.bytes);
    let plain = plain.ok_or_else(no_authority)?;
    let (admin, user) = plain
        .split_at_checked(PASSWORD_CHARS)
        .ok_or(ClusterError::Corrupt("cluster record: sealed passwords"))?;
    Ok(Passwords { admin: Zeroizing::new(admin.to_vec()), user: Zeroizing::new(user.to_vec()) })
}

/// 160 random bits, as letters and digits.
fn new_password() -> Result<Zeroizing<Vec<u8>>, Error> {
    let random = Zeroizing::new(random::array::<PASSWORD_CHARS>()?);
    Ok(Zeroizing::new(random.iter().map(|byte| LETTERS[usize::from(byte % 32)]).collect()))
}

/// Nothing is there to be asked for: the id only tells subnets apart.
fn subnet(region: &str, letter: char) -> Subnet {
    Subnet { availability_zone: format!("{region}{letter}"), id: format!("subnet-0000000{letter}") }
}
