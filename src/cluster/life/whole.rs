//! A whole cluster at once, with a CA of its own: what the steps of the life cycle do one by one, in one commit.

use super::api::{ClusterDescription, Places, WholeClusterRequest};
use super::create_hsm::{ORGANIZATION, UNIT};
use super::{ControlPlane, check, create_cluster, events};
use crate::cluster::slots::new_name;
use crate::cluster::{Backing, NewCluster};
use crate::crypto::x509;
use crate::error::Error;

/// How many zones of the region a cluster gets where nobody says it.
const ZONES: [char; 3] = ['a', 'b', 'c'];

impl ControlPlane<'_> {
    /// An active cluster with its HSMs, its admin and a certificate, which a CA of its own issued; the CA's private key,
    /// and the certificate's, are destroyed. Errors: `Input`, `Tag`, `LabelTaken`, `BadInput`, `PinLength`,
    /// `PinCharacter`, `NobodyAsks` without a root key.
    pub fn create_whole_cluster(&self, request: &WholeClusterRequest) -> Result<ClusterDescription, Error> {
        let root_key = Some(self.root_key()?);
        create_cluster::check_mode(request.hsm_type, request.mode)?;
        check::tags(&request.tags)?;
        let default = || ZONES.map(|letter| format!("{}{letter}", self.settings.region)).to_vec();
        let places = request.places.clone().unwrap_or_else(|| Places::Zones(default()));
        let mut backing = Backing::new(request.hsm_type, request.mode, self.now_ms());
        backing.subnets = self.subnets(&places)?;
        backing.tags = request.tags.clone();
        if let Some(retention) = request.retention {
            backing.backup_retention_days = retention.days;
        }
        let name = new_name("cluster-")?;
        self.certified(&mut backing, &name)?;
        let (label, hsms, admin_password) = (request.label, request.hsms, request.admin_password);
        let new = NewCluster { label, hsms, admin_password, policy: self.settings.policy, root_key };
        let cluster = self.clusters.create_backed(&new, &name, &backing, None)?;
        events::occurred(self, &cluster, events::Occasion::Activated);
        Ok(self.describe(&cluster))
    }

    /// Puts a certificate of a CA of its own into what is kept of a cluster, as InitializeCluster would take it.
    pub(super) fn certified(&self, backing: &mut Backing, name: &str) -> Result<(), Error> {
        let csr = x509::request(ORGANIZATION, UNIT, name)?;
        let issued = x509::issue(&csr, ORGANIZATION, &format!("{name} CA"), self.now_s())?;
        x509::check(&csr, &issued.certificate, &issued.trust_anchor, self.now_s())?;
        backing.certificate = Some(issued.certificate);
        backing.trust_anchor = Some(issued.trust_anchor);
        Ok(())
    }
}
