//! The records of clusters and HSMs: what the CloudHSM control plane knows of them.

use super::{Kind, PolicyRecord, Sealed, decode_body};
use crate::cluster::{Backing, ClusterState, HsmState, HsmType, Mode};
use crate::crypto::seal::KEY_BYTES;
use crate::error::{ClusterError, Error};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cluster) struct ClusterRecord {
    pub name: String,
    /// Empty until a cluster that was made step by step gets one.
    pub label: String,
    /// Drawn with every new set of keys; a cluster made from a backup keeps it.
    pub lineage: [u8; 16],
    /// The first part of every IV: drawn anew when the cluster is created, wiped or restored.
    pub iv_prefix: [u8; 3],
    pub policy: PolicyRecord,
    pub by_init_token: bool,
    pub generation: u32,
    /// Seals what has CKA_PRIVATE false: as open as this record.
    pub public_key: [u8; KEY_BYTES],
    pub default_user: Option<u32>,
    /// User ids are given once.
    pub next_user: u32,
    /// Grows when a user is made or deleted: so that two such changes never pass each other unseen.
    pub roster: u32,
    // ---- since version 2
    pub state: ClusterState,
    pub backing: Backing,
    /// The key of all MACs of this cluster, under the service's root key: so that the control plane works without a
    /// user's login. It opens no user's keys and no object.
    pub by_service: Option<Sealed>,
    /// Cluster number and generation that the index entries' tags were made for: another's where the cluster was made
    /// from a backup, whose entries nobody can make anew without its users.
    pub entries_of: Option<(u32, u32)>,
    /// The greatest object id that came with a backup: what is made here gets a greater one, also from a process that
    /// took its ids before.
    pub last_restored: u64,
    /// Grows when an HSM comes or goes: so that a cluster is not deleted under a new HSM.
    pub hsm_roster: u32,
    // ---- since version 3
    /// The service's own cluster, which others do not see: its passwords, under the service's root key.
    pub private: Option<Sealed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cluster) struct HsmRecord {
    pub name: String,
    pub slot_id: u64,
    pub availability_zone: String,
    pub state: HsmState,
    // ---- since version 2
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// What CreateHsm pinned.
    pub ip_address: Option<String>,
}

impl HsmRecord {
    pub fn new(name: String, slot_id: u64, availability_zone: String, created_ms: u64) -> Self {
        Self { name, slot_id, availability_zone, state: HsmState::Active, created_ms, ip_address: None }
    }
}

impl Kind for ClusterRecord {
    const NAME: &'static str = "cluster record";
    const VERSION: u8 = 3;

    fn older(version: u8, body: &[u8]) -> Result<Self, Error> {
        match version {
            1 => decode_body::<ClusterRecord1>(Self::NAME, body).map(Self::from),
            2 => decode_body::<ClusterRecord2>(Self::NAME, body).map(Self::from),
            _ => Err(ClusterError::Corrupt(Self::NAME).into()),
        }
    }
}

impl Kind for HsmRecord {
    const NAME: &'static str = "HSM record";
    const VERSION: u8 = 2;

    fn older(version: u8, body: &[u8]) -> Result<Self, Error> {
        match version {
            1 => decode_body::<HsmRecord1>(Self::NAME, body).map(Self::from),
            _ => Err(ClusterError::Corrupt(Self::NAME).into()),
        }
    }
}

/// Version 1.
#[derive(Serialize, Deserialize)]
struct ClusterRecord1 {
    name: String,
    label: String,
    lineage: [u8; 16],
    iv_prefix: [u8; 3],
    policy: PolicyRecord,
    by_init_token: bool,
    generation: u32,
    public_key: [u8; KEY_BYTES],
    default_user: Option<u32>,
    next_user: u32,
    roster: u32,
}

/// Version 2.
#[derive(Serialize, Deserialize)]
struct ClusterRecord2 {
    name: String,
    label: String,
    lineage: [u8; 16],
    iv_prefix: [u8; 3],
    policy: PolicyRecord,
    by_init_token: bool,
    generation: u32,
    public_key: [u8; KEY_BYTES],
    default_user: Option<u32>,
    next_user: u32,
    roster: u32,
    state: ClusterState,
    backing: Backing,
    by_service: Option<Sealed>,
    entries_of: Option<(u32, u32)>,
    last_restored: u64,
    hsm_roster: u32,
}

/// Version 1.
#[derive(Serialize, Deserialize)]
struct HsmRecord1 {
    name: String,
    slot_id: u64,
    availability_zone: String,
    degraded: bool,
}

impl From<ClusterRecord1> for ClusterRecord {
    fn from(old: ClusterRecord1) -> Self {
        Self {
            name: old.name,
            label: old.label,
            lineage: old.lineage,
            iv_prefix: old.iv_prefix,
            policy: old.policy,
            by_init_token: old.by_init_token,
            generation: old.generation,
            public_key: old.public_key,
            default_user: old.default_user,
            next_user: old.next_user,
            roster: old.roster,
            state: ClusterState::Active,
            backing: Backing::new(HsmType::Hsm2mMedium, Mode::NonFips, 0),
            by_service: None,
            entries_of: None,
            last_restored: 0,
            hsm_roster: 0,
            private: None,
        }
    }
}

impl From<ClusterRecord2> for ClusterRecord {
    fn from(old: ClusterRecord2) -> Self {
        Self {
            name: old.name,
            label: old.label,
            lineage: old.lineage,
            iv_prefix: old.iv_prefix,
            policy: old.policy,
            by_init_token: old.by_init_token,
            generation: old.generation,
            public_key: old.public_key,
            default_user: old.default_user,
            next_user: old.next_user,
            roster: old.roster,
            state: old.state,
            backing: old.backing,
            by_service: old.by_service,
            entries_of: old.entries_of,
            last_restored: old.last_restored,
            hsm_roster: old.hsm_roster,
            private: None,
        }
    }
}

impl From<HsmRecord1> for HsmRecord {
    fn from(old: HsmRecord1) -> Self {
        Self {
            state: if old.degraded { HsmState::Degraded } else { HsmState::Active },
            ..Self::new(old.name, old.slot_id, old.availability_zone, 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Maced, encode};
    use super::*;
    use crate::cluster::Policy;
    use crate::crypto::seal::MacKey;

    #[test]
    fn a_cluster_record_of_version_2_is_read() {
        let mac = MacKey::new(&[1; 32]);
        let policy = Policy { key_availability: true, refuse_public_keys: true, refuse_extractable: false };
        let old = ClusterRecord2 {
            name: "cluster-b".into(),
            label: "two".into(),
            lineage: [3; 16],
            iv_prefix: [4; 3],
            policy: policy.into(),
            by_init_token: false,
            generation: 5,
            public_key: [6; 32],
            default_user: None,
            next_user: 8,
            roster: 9,
            state: ClusterState::Initialized,
            backing: Backing::new(HsmType::Hsm1Medium, Mode::Fips, 10),
            by_service: Some(Sealed { nonce: [7; crate::crypto::seal::NONCE_BYTES], bytes: vec![8; 9] }),
            entries_of: Some((11, 12)),
            last_restored: 13,
            hsm_roster: 14,
        };
        let mut raw = super::super::encode_version(&old, 2).unwrap();
        raw.extend_from_slice(&mac.tag(&super::super::parts(b"k", &raw)));
        let read = Maced::<ClusterRecord>::decode(b"k", &raw).unwrap();
        let expected = ClusterRecord::from(old);
        assert!(*read.verified(&mac).unwrap() == expected);
        assert_eq!((expected.hsm_roster, expected.entries_of), (14, Some((11, 12))));
        assert!(expected.private.is_none() && expected.by_service.is_some());
        let raw = Maced::encode(b"k", &expected, &mac).unwrap();
        assert_eq!(raw[0], 3);
        assert!(*Maced::<ClusterRecord>::decode(b"k", &raw).unwrap().verified(&mac).unwrap() == expected);
    }

    #[test]
    fn records_of_version_1_are_read() {
        let mac = MacKey::new(&[1; 32]);
        let old = ClusterRecord1 {
            name: "cluster-a".into(),
            label: "demo".into(),
            lineage: [3; 16],
            iv_prefix: [4; 3],
            policy: Policy { key_availability: true, refuse_public_keys: false, refuse_extractable: true }
                .into(),
            by_init_token: true,
            generation: 5,
            public_key: [6; 32],
            default_user: Some(7),
            next_user: 8,
            roster: 9,
        };
        let mut raw = encode(&old).unwrap();
        assert_eq!(raw[0], 1);
        raw.extend_from_slice(&mac.tag(&super::super::parts(b"k", &raw)));
        let read = Maced::<ClusterRecord>::decode(b"k", &raw).unwrap();
        assert!(*read.verified(&mac).unwrap() == ClusterRecord::from(old));
        assert_eq!((read.unverified().state, read.unverified().roster), (ClusterState::Active, 9));

        let old = HsmRecord1 { name: "h".into(), slot_id: 3, availability_zone: "a".into(), degraded: true };
        let mut raw = encode(&old).unwrap();
        raw.extend_from_slice(&mac.tag(&super::super::parts(b"k", &raw)));
        let read = Maced::<HsmRecord>::decode(b"k", &raw).unwrap();
        assert_eq!(read.verified(&mac).unwrap().state, HsmState::Degraded);
        raw[0] = 3;
        let newer = Maced::<HsmRecord>::decode(b"k", &raw).map(drop);
        assert!(matches!(newer, Err(Error::Cluster(ClusterError::NewerFormat { found: 3, known: 2 }))));
    }
}
