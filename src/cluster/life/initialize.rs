//! InitializeCluster: the certificate that the customer's CA signed.

use super::api::{InitializeClusterAnswer, InitializeClusterRequest, State};
use super::{ControlPlane, check, view};
use crate::cluster::ClusterState;
use crate::crypto::x509;
use crate::error::{Error, LifeError};
use vhsm_store::Batch;

impl ControlPlane<'_> {
    /// InitializeCluster. Errors: `Input`, `NotFound`, `State`, `NoHsm`, `Certificate`, those of `Authority`.
    pub fn initialize_cluster(
        &self,
        request: &InitializeClusterRequest,
    ) -> Result<InitializeClusterAnswer, Error> {
        check::cert("SignedCert", &request.signed_cert)?;
        check::cert("TrustAnchor", &request.trust_anchor)?;
        let cluster = self.clusters.retry(|| {
            let open = self.open(&request.cluster_id)?;
            open.check("InitializeCluster", &[State::Uninitialized])?;
            let shown = self.describe(&open.shown).certificates.cluster_csr;
            let csr = shown.ok_or_else(|| LifeError::NoHsm(open.record().name.clone()))?;
            x509::check(&csr, &request.signed_cert, &request.trust_anchor, self.now_s())?;
            let mut record = open.record().clone();
            record.state = ClusterState::Initialized;
            record.backing.state_since_ms = self.now_ms();
            record.backing.csr = None;
            record.backing.certificate = Some(request.signed_cert.clone());
            record.backing.trust_anchor = Some(request.trust_anchor.clone());
            self.clusters.store.commit(open.change(Batch::new(), &record)?)?;
            self.clusters.by_id(open.id)
        })?;
        let state = view::state(&cluster, self.settings.delay_ms, self.now_ms());
        Ok(InitializeClusterAnswer { state, state_message: None })
    }
}
