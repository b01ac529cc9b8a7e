//! `cluster activate` of the CloudHSM CLI: the unactivated admin gets its password, and the HSMs become slots.

use super::api::{ActivateRequest, ClusterDescription, State};
use super::{ControlPlane, create_cluster, events};
use crate::cluster::records::Maced;
use crate::cluster::users::{ClusterKeys, NewUser};
use crate::cluster::{ClusterState, PasswordRules, Role, UserId, pin};
use crate::crypto::seal;
use crate::error::{Error, LifeError};
use vhsm_store::Batch;

impl ControlPlane<'_> {
    /// Makes user `admin` of an initialized cluster, which has an HSM. Errors: `Input`, `NotFound`, `State`, `NoHsm`,
    /// `LabelTaken`, `BadInput`, `PinLength`, `PinCharacter`, those of `Authority`.
    pub fn activate(&self, request: &ActivateRequest) -> Result<ClusterDescription, Error> {
        PasswordRules::Cluster.check(request.admin_password)?;
        if let Some(label) = request.label {
            create_cluster::check_label(label)?;
        }
        let cluster = self.clusters.retry(|| {
            let open = self.open(request.cluster_id)?;
            open.check("activate", &[State::Initialized])?;
            if open.hsms.is_empty() {
                return Err(LifeError::NoHsm(open.record().name.clone()).into());
            }
            let mut record = open.record().clone();
            if let Some(label) = request.label.filter(|label| *label != record.label) {
                // Two that take one label at once are told apart by their ClusterIds.
                self.clusters.check_label_free(label)?;
                record.label = label.into();
            }
            let cluster_key = seal::random_key()?;
            let keys = ClusterKeys {
                lineage: record.lineage,
                iv_prefix: record.iv_prefix,
                mac_key: &open.mac_key,
                cluster_key: &cluster_key,
            };
            let (id, password) = (UserId(record.next_user), request.admin_password);
            let admin = NewUser { id, name: pin::ADMIN, role: Role::Admin, password };
            let admin = self.clusters.user_record(&keys, &admin)?;
            record.next_user += 1;
            record.roster = record.roster.wrapping_add(1);
            record.state = ClusterState::Active;
            record.backing.state_since_ms = self.now_ms();
            let key = open.space().user(id);
            let batch = open
                .change(Batch::new(), &record)?
                .expect(key.as_slice(), None)
                .put(key.as_slice(), Maced::encode(&key, &admin, &open.mac)?);
            self.clusters.store.commit(batch)?;
            self.clusters.by_id(open.id)
        })?;
        events::occurred(self, &cluster, events::Occasion::Activated);
        Ok(self.describe(&cluster))
    }
}
