//! Tests of the life cycle: every transition, and every refusal, which must change nothing.

mod hsms;
mod passing;
mod requests;
mod steps;

use super::api::*;
use super::*;
use crate::cluster::tests::{ADMIN_PASSWORD, NO_POLICY, World};
use crate::cluster::{HsmType, Mode, NetworkType};
use crate::crypto::seal;
use crate::crypto::x509::tests::{Ca, ROOT};
use std::sync::OnceLock;

/// A store and the right to run it.
struct Service {
    world: World,
    root_key: RootKey,
    delay_ms: u64,
}

/// How far a cluster has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Created, without HSMs.
    Empty,
    /// With its first HSM, and its request.
    Requested,
    Initialized,
    Active,
    /// Active, its HSMs deleted.
    Deserted,
}

const ALL: [At; 5] = [At::Empty, At::Requested, At::Initialized, At::Active, At::Deserted];

/// The customer's.
fn ca() -> &'static Ca {
    static CA: OnceLock<Ca> = OnceLock::new();
    CA.get_or_init(|| Ca::new("root", &ROOT))
}

impl Service {
    fn new() -> Self {
        Self::with_delay(0)
    }

    fn with_delay(delay_ms: u64) -> Self {
        Self { world: World::empty(), root_key: RootKey::new(seal::random_key().unwrap()), delay_ms }
    }

    fn plane(&self) -> ControlPlane<'_> {
        self.unauthorized().with_root_key(&self.root_key)
    }

    fn unauthorized(&self) -> ControlPlane<'_> {
        let settings = Settings { delay_ms: self.delay_ms, region: "us-east-1".into(), policy: NO_POLICY };
        ControlPlane::new(&self.world.clusters, settings)
    }

    fn create(&self) -> ClusterDescription {
        self.plane().create_cluster(&create_request()).unwrap()
    }

    fn create_hsm(&self, cluster_id: &str, zone: &str) -> Result<HsmDescription, Error> {
        self.plane().create_hsm(&CreateHsmRequest {
            cluster_id: cluster_id.into(),
            availability_zone: zone.into(),
            ip_address: None,
        })
    }

    fn delete_hsm(&self, cluster_id: &str, hsm_id: &str) -> Result<String, Error> {
        let hsm = HsmName::HsmId(hsm_id.into());
        self.plane().delete_hsm(&DeleteHsmRequest { cluster_id: cluster_id.into(), hsm })
    }

    fn initialize(&self, cluster_id: &str) -> Result<InitializeClusterAnswer, Error> {
        let csr = self.describe(cluster_id).certificates.cluster_csr;
        // Where there is no request, any certificate will do.
        let signed_cert = csr.map_or_else(|| ca().pem(), |csr| ca().sign(&csr));
        let request =
            InitializeClusterRequest { cluster_id: cluster_id.into(), signed_cert, trust_anchor: ca().pem() };
        self.plane().initialize_cluster(&request)
    }

    fn activate(&self, cluster_id: &str) -> Result<ClusterDescription, Error> {
        self.plane().activate(&ActivateRequest { cluster_id, admin_password: ADMIN_PASSWORD, label: None })
    }

    fn describe(&self, name: &str) -> ClusterDescription {
        self.unauthorized().describe_cluster(name).unwrap()
    }

    /// A cluster that has come so far.
    fn at(&self, at: At) -> ClusterDescription {
        let id = self.create().cluster_id;
        if at != At::Empty {
            self.create_hsm(&id, "us-east-1a").unwrap();
        }
        if [At::Initialized, At::Active, At::Deserted].contains(&at) {
            self.initialize(&id).unwrap();
        }
        if [At::Active, At::Deserted].contains(&at) {
            self.activate(&id).unwrap();
        }
        if at == At::Deserted {
            self.delete_hsm(&id, &self.describe(&id).hsms[0].hsm_id).unwrap();
        }
        self.describe(&id)
    }

    /// Asserts that a call fails so, and changes nothing.
    fn refused<T>(&self, call: impl FnOnce(&Self) -> Result<T, Error>) -> Error {
        let before = self.world.contents();
        let error = call(self).map(drop).expect_err("it is refused");
        assert!(self.world.contents() == before, "{error} changed something");
        error
    }
}

fn create_request() -> CreateClusterRequest {
    CreateClusterRequest {
        label: None,
        hsm_type: HsmType::Hsm2mMedium,
        mode: None,
        places: Places::Zones(vec!["us-east-1a".into(), "us-east-1b".into()]),
        network_type: NetworkType::Ipv4,
        retention: None,
        source_backup_id: None,
        tags: Vec::new(),
    }
}

fn life(error: Error) -> LifeError {
    match error {
        Error::Life(error) => error,
        other => panic!("another error: {other}"),
    }
}
