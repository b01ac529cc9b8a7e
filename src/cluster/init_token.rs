//! C_InitToken (PKCS#11 3.0 sec. 5.5.7): a cluster of one HSM for software that knows no vhsm command.
//!
//! On the uninitialized slot it makes the cluster: the token keeps the slot's id, and another is reserved. On
//! a cluster it made before it wipes: with the right SO PIN, the cluster's generation grows and its keys are
//! made anew in one commit, so every user, object and login of the old one is out of reach at once; their
//! records are swept later. The admin that gave the PIN stays, under a new number.

use crate::cluster::attempts::Opened;
use crate::cluster::keys::{self, Space};
use crate::cluster::records::Head;
use crate::cluster::slots::{Plan, head_change, new_hsms, new_name};
use crate::cluster::users::NewUser;
use crate::cluster::{
    Backing, Cluster, ClusterId, ClusterState, Clusters, HsmType, Mode, PasswordRules, Policy, Role, UserId,
    pin, read, sweep,
};
use crate::error::{CallError, ClusterError, Error};
use vhsm_store::Batch;

impl Clusters {
    /// C_InitToken on a slot: consumes the uninitialized token, or wipes a cluster that C_InitToken made.
    /// Errors: `PinIncorrect`, `PinLocked`, `Delayed`, `NotInitializable`, `PinLength`, `PinCharacter`,
    /// `BadInput`; `SlotIdInvalid`.
    pub fn init_token(&self, slot_id: u64, so_pin: &[u8], label: &str, policy: Policy) -> Result<(), Error> {
        pin::check_label(label)?;
        self.retry(|| {
            let (head, raw) = self.head()?;
            if slot_id == head.uninitialized_slot {
                return self.consume(&head, &raw, so_pin, label, policy);
            }
            let clusters = self.list()?;
            let owner = clusters.iter().find(|c| c.hsms.iter().any(|hsm| hsm.slot_id == slot_id));
            let cluster = owner.ok_or(CallError::SlotIdInvalid(slot_id))?;
            if !cluster.by_init_token {
                return Err(ClusterError::NotInitializable.into());
            }
            self.wipe(cluster, so_pin, label, policy)
        })
    }

    fn consume(
        &self,
        head: &Head,
        raw: &[u8],
        so_pin: &[u8],
        label: &str,
        policy: Policy,
    ) -> Result<(), Error> {
        pin::check_new(PasswordRules::Token, so_pin, &[pin::ADMIN])?;
        let id = ClusterId(head.next_cluster);
        let next = Head {
            format: head.format,
            next_cluster: head.next_cluster + 1,
            next_slot: head.next_slot + 1,
            uninitialized_slot: head.next_slot,
        };
        let plan = Plan {
            id,
            name: new_name("cluster-")?,
            label,
            policy,
            by_init_token: true,
            generation: 1,
            state: ClusterState::Active,
            backing: Backing::new(HsmType::Hsm2mMedium, Mode::NonFips, (self.now)()),
            admin: Some(NewUser { id: UserId(1), name: pin::ADMIN, role: Role::Admin, password: so_pin }),
            root_key: None,
            private: None,
        };
        let batch = head_change(raw, &next)?.expect(keys::cluster(id).as_slice(), None);
        let hsms = new_hsms(&[head.uninitialized_slot], &[], (self.now)())?;
        self.store.commit(self.put_new(batch, &plan, hsms)?)?;
        Ok(())
    }

    fn wipe(&self, cluster: &Cluster, so_pin: &[u8], label: &str, policy: Policy) -> Result<(), Error> {
        let space = cluster.space();
        let users = self.view(|snapshot| read::users(snapshot, space))?;
        let (user, password) = pin::resolve(&users, cluster.default_user, Role::Admin, so_pin)?;
        let user = user.unverified();
        // The row is held until the commit: nobody logs in to what is being wiped.
        let opened = self.attempt(space, user.id(), user.role(), password)?;
        let batch = self.wiped(&opened, space, password, label, policy)?;
        self.store.commit(batch)?;
        Ok(())
    }

    /// The commit that puts a fresh generation in the place of the old one.
    fn wiped(
        &self,
        opened: &Opened,
        space: Space,
        password: &[u8],
        label: &str,
        policy: Policy,
    ) -> Result<Batch, Error> {
        let mac = opened.secrets.mac();
        let old = opened.cluster.verified(&mac)?;
        let plan = Plan {
            id: space.cluster,
            name: old.name.clone(),
            label,
            policy,
            by_init_token: true,
            generation: old.generation + 1,
            state: ClusterState::Active,
            // New keys are another history: the certificate is of the old one.
            backing: Backing { certificate: None, trust_anchor: None, ..old.backing.clone() },
            admin: Some(NewUser {
                id: UserId(old.next_user),
                name: &opened.user.verified(&mac)?.name,
                role: Role::Admin,
                password,
            }),
            root_key: None,
            private: None,
        };
        let mut batch = Batch::new().expect(opened.cluster.key.as_slice(), Some(&opened.cluster.raw));
        batch = batch.delete(keys::faults(space.cluster).as_slice());
        let mut hsms = Vec::new();
        for hsm in &opened.hsms {
            batch = batch.expect(hsm.key.as_slice(), Some(&hsm.raw));
            hsms.push(hsm.verified(&mac)?.clone());
        }
        Ok(sweep::later(self.put_new(batch, &plan, hsms)?, space, keys::ALL))
    }
}
