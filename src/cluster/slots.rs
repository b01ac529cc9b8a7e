//! Clusters and their HSMs, which are slots.

use crate::cluster::keys::{self, Space};
use crate::cluster::records::{ClusterRecord, Head, HsmRecord, Maced, Sealed, encode};
use crate::cluster::users::{ClusterKeys, NewUser};
use crate::cluster::{
    Authority, Backing, Cluster, ClusterId, ClusterState, Clusters, Holds, HsmState, HsmType, Mode,
    NewCluster, PasswordRules, Policy, Role, SlotRecord, Subnet, Token, UserId, authority, pin, read, sweep,
};
use crate::crypto::random;
use crate::crypto::seal::{self, Key, MacKey};
use crate::error::{ClusterError, Error};
use crate::root_key::RootKey;
use std::collections::BTreeMap;
use std::sync::Arc;
use vhsm_store::{Batch, Revision};

/// CloudHSM: the most HSMs of a cluster.
pub(super) const MAX_HSMS: usize = 28;
/// Where HSMs are said to stand, in turn, where nobody says it.
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// AWS's names: `cluster-` or `hsm-`, and 11 characters of base32.
const NAME_CHARS: usize = 11;
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A cluster to be, or what a wiped one is to be.
pub(super) struct Plan<'a> {
    pub id: ClusterId,
    pub name: String,
    pub label: &'a str,
    pub policy: Policy,
    pub by_init_token: bool,
    pub generation: u32,
    pub state: ClusterState,
    pub backing: Backing,
    /// Nobody, until the cluster is activated.
    pub admin: Option<NewUser<'a>>,
    pub root_key: Option<&'a RootKey>,
    /// Of the service's own cluster.
    pub private: Option<Sealed>,
}

impl Clusters {
    /// All clusters, in the order they were made; the service's own where this process shows it (`with_private`).
    pub fn list(&self) -> Result<Vec<Arc<Cluster>>, Error> {
        let mut all = self.view(read::assembled)?;
        all.retain(|cluster| self.shows(cluster.is_private));
        Ok(all)
    }

    /// By ClusterId (`cluster-...`) or by label. Errors: `NotFound`, `Ambiguous`.
    pub fn find(&self, name: &str) -> Result<Arc<Cluster>, Error> {
        let clusters = self.list()?;
        if let Some(cluster) = clusters.iter().find(|cluster| cluster.name == name) {
            return Ok(cluster.clone());
        }
        let labelled: Vec<_> = clusters.iter().filter(|cluster| cluster.label == name).collect();
        match labelled[..] {
            [] => Err(ClusterError::NotFound(name.into()).into()),
            [cluster] => Ok(cluster.clone()),
            _ => Err(ClusterError::Ambiguous(name.into(), labelled.len()).into()),
        }
    }

    /// Makes an active cluster with its HSMs and its first admin, in one commit; without a certificate.
    /// Errors: `LabelTaken`, `BadInput`, `PinLength`, `PinCharacter`.
    pub fn create(&self, new: &NewCluster) -> Result<Arc<Cluster>, Error> {
        let backing = Backing::new(HsmType::Hsm2mMedium, Mode::NonFips, (self.now)());
        self.create_backed(new, &new_name("cluster-")?, &backing, None)
    }

    /// The same under this name, and with what the control plane keeps of it. `private`: the service's own, of which there
    /// is one.
    pub(super) fn create_backed(
        &self,
        new: &NewCluster,
        name: &str,
        backing: &Backing,
        private: Option<&Sealed>,
    ) -> Result<Arc<Cluster>, Error> {
        check_new(new)?;
        self.retry(|| {
            let (head, raw) = self.head()?;
            match private {
                None => self.check_label_free(new.label)?,
                Some(_) => self.check_no_private(new.label)?,
            }
            let id = ClusterId(head.next_cluster);
            let (slots, head) = take_slots(&head, new.hsms);
            let next = Head { next_cluster: id.0 + 1, ..head };
            let batch = head_change(&raw, &next)?.expect(keys::cluster(id).as_slice(), None);
            let admin =
                NewUser { id: UserId(1), name: pin::ADMIN, role: Role::Admin, password: new.admin_password };
            let plan = Plan {
                id,
                name: name.into(),
                label: new.label,
                policy: new.policy,
                by_init_token: false,
                generation: 1,
                state: ClusterState::Active,
                backing: backing.clone(),
                admin: Some(admin),
                root_key: new.root_key,
                private: private.cloned(),
            };
            let hsms = new_hsms(&slots, &backing.subnets, (self.now)())?;
            self.store.commit(self.put_new(batch, &plan, hsms)?)?;
            self.by_id(id)
        })
    }

    /// Errors: `LabelTaken`. What is made under the condition that the head stays as it is cannot pass another such.
    pub(super) fn check_label_free(&self, label: &str) -> Result<(), Error> {
        match self.list()?.iter().any(|cluster| cluster.label == label) {
            true => Err(ClusterError::LabelTaken(label.into()).into()),
            false => Ok(()),
        }
    }

    /// Changes an HSM's state: what a drill asks. Errors: `HsmNotFound`, those of `Authority`.
    pub fn set_hsm_state(
        &self,
        cluster: &Cluster,
        by: Authority,
        hsm: &str,
        state: HsmState,
    ) -> Result<Arc<Cluster>, Error> {
        self.retry(|| {
            let (record, hsms) = self.view(|snapshot| {
                Ok((read::cluster(snapshot, cluster.id)?, read::hsms(snapshot, cluster.id)?))
            })?;
            let mac = MacKey::new(&*by.mac_key(cluster.id, &record)?);
            let found = hsms.iter().find(|record| record.unverified().name == hsm);
            let found = found.ok_or_else(|| ClusterError::HsmNotFound(hsm.into()))?;
            let changed = HsmRecord { state, ..found.verified(&mac)?.clone() };
            let batch = Batch::new()
                .expect(record.key.as_slice(), Some(&record.raw))
                .expect(found.key.as_slice(), Some(&found.raw))
                .put(found.key.as_slice(), Maced::encode(&found.key, &changed, &mac)?);
            self.store.commit(batch)?;
            self.by_id(cluster.id)
        })
    }

    pub(super) fn by_id(&self, id: ClusterId) -> Result<Arc<Cluster>, Error> {
        self.view(|snapshot| {
            let record = read::cluster(snapshot, id)?;
            let hsms = read::hsms(snapshot, id)?;
            Ok(Arc::new(read::assemble(id, record.unverified(), &hsms)))
        })
    }

    /// Adds to `batch` a cluster with new keys, its HSMs and its admin.
    pub(super) fn put_new(
        &self,
        mut batch: Batch,
        plan: &Plan,
        hsms: Vec<HsmRecord>,
    ) -> Result<Batch, Error> {
        let (mac_key, cluster_key) = (seal::random_key()?, seal::random_key()?);
        let record = plan.record(&mac_key)?;
        let space = Space { cluster: plan.id, generation: plan.generation };
        let keys = ClusterKeys {
            lineage: record.lineage,
            iv_prefix: record.iv_prefix,
            mac_key: &mac_key,
            cluster_key: &cluster_key,
        };
        let admin = plan.admin.as_ref().map(|admin| self.user_record(&keys, admin)).transpose()?;
        let mac = MacKey::new(&mac_key);
        for hsm in hsms {
            let key = keys::hsm(plan.id, hsm.slot_id);
            batch = batch.put(key.as_slice(), Maced::encode(&key, &hsm, &mac)?);
        }
        let key = keys::cluster(plan.id);
        batch = batch.put(key.as_slice(), Maced::encode(&key, &record, &mac)?);
        if let Some(admin) = admin {
            let key = space.user(admin.id());
            batch = batch.put(key.as_slice(), Maced::encode(&key, &admin, &mac)?);
        }
        Ok(batch)
    }

    /// Deletes a cluster with its users and objects; what is left of them is swept later. The caller has seen
    /// to it that an admin wants this.
    pub fn delete(&self, cluster: &Cluster) -> Result<(), Error> {
        self.retry(|| {
            let (record, hsms) = self.view(|snapshot| {
                Ok((read::cluster(snapshot, cluster.id)?, read::hsms(snapshot, cluster.id)?))
            })?;
            let mut batch =
                Batch::new().expect(record.key.as_slice(), Some(&record.raw)).delete(record.key.as_slice());
            for hsm in &hsms {
                batch = batch.expect(hsm.key.as_slice(), Some(&hsm.raw)).delete(hsm.key.as_slice());
            }
            let batch = batch.delete(keys::faults(cluster.id).as_slice());
            let all = Space { cluster: cluster.id, generation: keys::ALL };
            self.store.commit(sweep::later(batch, all, keys::ALL))?;
            Ok(())
        })
    }

    /// All slots in the order of their ids, the uninitialized one last, and the revision they were read at.
    /// Errors: `Corrupt`.
    pub fn slots(&self) -> Result<(Revision, Vec<SlotRecord>), Error> {
        let (revision, head, clusters) = self.view(|snapshot| {
            let head = snapshot.get(keys::HEAD)?.ok_or(ClusterError::Corrupt("head record: it is gone"))?;
            Ok((snapshot.revision(), read::head(head)?, read::assembled(snapshot)?))
        })?;
        let mut slots = BTreeMap::new();
        let shown =
            |cluster: &Arc<Cluster>| cluster.state == ClusterState::Active && self.shows(cluster.is_private);
        for cluster in clusters.into_iter().filter(shown) {
            for (hsm, record) in cluster.hsms.iter().enumerate() {
                let token = Token { cluster: cluster.clone(), hsm };
                if slots.insert(record.slot_id, token).is_some() {
                    return Err(ClusterError::Corrupt("HSM records: two have one slot id").into());
                }
            }
        }
        if slots.contains_key(&head.uninitialized_slot) {
            return Err(ClusterError::Corrupt("head record: the uninitialized slot has an HSM").into());
        }
        let mut slots: Vec<SlotRecord> = slots.into_iter().map(slot_record).collect();
        slots.push(SlotRecord { slot_id: head.uninitialized_slot, holds: Holds::Uninitialized });
        Ok((revision, slots))
    }
}

impl Plan<'_> {
    fn record(&self, mac_key: &Key) -> Result<ClusterRecord, Error> {
        let public_key: Key = seal::random_key()?;
        Ok(ClusterRecord {
            name: self.name.clone(),
            label: self.label.into(),
            lineage: random::array()?,
            iv_prefix: random::array()?,
            policy: self.policy.into(),
            by_init_token: self.by_init_token,
            generation: self.generation,
            public_key: *public_key,
            default_user: None,
            next_user: self.admin.as_ref().map_or(1, |admin| admin.id.0 + 1),
            roster: 0,
            state: self.state,
            backing: self.backing.clone(),
            by_service: self
                .root_key
                .map(|root| authority::seal_by_service(root, &self.name, mac_key))
                .transpose()?,
            entries_of: None,
            last_restored: 0,
            hsm_roster: 0,
            private: self.private.clone(),
        })
    }
}

fn slot_record((slot_id, token): (u64, Token)) -> SlotRecord {
    let holds = match token.cluster.hsms[token.hsm].state {
        HsmState::Active | HsmState::Degraded => Holds::Token(token),
        HsmState::Failed => Holds::Failed(token),
    };
    SlotRecord { slot_id, holds }
}

fn check_new(new: &NewCluster) -> Result<(), Error> {
    if new.label.is_empty() {
        let reason = "it is empty; give the cluster a name".into();
        return Err(ClusterError::BadInput { field: "label", reason }.into());
    }
    pin::check_label(new.label)?;
    if !(1..=MAX_HSMS).contains(&new.hsms) {
        let reason = format!("{} is not 1 to {MAX_HSMS}", new.hsms);
        return Err(ClusterError::BadInput { field: "hsms", reason }.into());
    }
    PasswordRules::Cluster.check(new.admin_password)
}

/// A batch under the condition that the head is as it was read, with the new one.
pub(super) fn head_change(raw: &[u8], next: &Head) -> Result<Batch, Error> {
    Ok(Batch::new().expect(keys::HEAD, Some(raw)).put(keys::HEAD, encode(next)?))
}

/// Slot ids for new HSMs, and the head to be. The first takes the slot that was kept free, so that the ids follow each
/// other from 0, and another is kept instead.
pub(super) fn take_slots(head: &Head, count: usize) -> (Vec<u64>, Head) {
    if count == 0 {
        return (Vec::new(), head.clone());
    }
    let ids = std::iter::once(head.uninitialized_slot).chain(head.next_slot..);
    let free = head.next_slot + count as u64 - 1;
    let next = Head { next_slot: free + 1, uninitialized_slot: free, ..head.clone() };
    (ids.take(count).collect(), next)
}

/// Records of new HSMs in these slots, in the subnets' zones in turn.
pub(super) fn new_hsms(slots: &[u64], subnets: &[Subnet], now_ms: u64) -> Result<Vec<HsmRecord>, Error> {
    let zones: Vec<&str> = subnets.iter().map(|subnet| subnet.availability_zone.as_str()).collect();
    let zones = if zones.is_empty() { ZONES.to_vec() } else { zones };
    let records = slots
        .iter()
        .zip(zones.iter().cycle())
        .map(|(&slot_id, zone)| Ok(HsmRecord::new(new_name("hsm-")?, slot_id, (*zone).into(), now_ms)));
    records.collect()
}

/// A name that no other cluster or HSM has: 55 random bits.
pub(super) fn new_name(prefix: &str) -> Result<String, Error> {
    let random: [u8; NAME_CHARS] = random::array()?;
    let chars = random.iter().map(|byte| char::from(BASE32[usize::from(byte % 32)]));
    Ok(prefix.chars().chain(chars).collect())
}
