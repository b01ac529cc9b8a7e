//! Clusters of PKCS#11 modules that are not vhsm's: what PKCS#11 does not tell about them stands in a configuration.

use crate::directory::{ClusterDirectory, ClusterFacts, DefaultCluster, DirectoryError, HsmFacts, UserFacts};
use crate::hsm::Module;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How KMS's user is called where the configuration does not say otherwise.
fn kmsuser() -> String {
    "kmsuser".into()
}

/// The clusters that a module's slots stand for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignClusters {
    /// How C_Login takes a PIN.
    #[serde(default)]
    pub pin: PinForm,
    pub clusters: Vec<ForeignCluster>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignCluster {
    pub cluster_id: String,
    /// customerCA.crt, PEM. Clusters that have one certificate share their backup history.
    pub trust_anchor: String,
    pub hsms: Vec<ForeignHsm>,
    /// The crypto user that is CKU_USER here.
    #[serde(default = "kmsuser")]
    pub user: String,
}

/// One HSM. A slot that stands for several (a group for high availability) is named once for each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignHsm {
    pub hsm_id: String,
    pub slot_id: u64,
    pub availability_zone: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum PinForm {
    /// The password alone.
    #[default]
    #[serde(rename = "password")]
    Password,
    /// As CloudHSM's own library takes it.
    #[serde(rename = "user:password")]
    UserAndPassword,
}

/// Where keys of Origin AWS_KMS live, and how to get there.
pub struct ForeignDefault {
    pub cluster_id: String,
    pub user: String,
    pub password: Zeroizing<Vec<u8>>,
}

/// Knows what the configuration says and C_GetTokenInfo tells.
///
/// - A cluster is ACTIVE as long as it is configured; an HSM is active while its slot has a token that answers.
/// - The configured user exists, unless a token says that its user PIN was never set (CKF_USER_PIN_INITIALIZED); it is
///   locked when a token says so (CKF_USER_PIN_LOCKED). Others do not exist.
/// - PKCS#11 does not tell whether a user is logged in elsewhere: not so, until C_Login says otherwise.
/// - A cluster certificate is not known to PKCS#11: the trust anchor stands for the backup history.
pub struct ForeignDirectory {
    module: Arc<Module>,
    clusters: ForeignClusters,
    default: Option<ForeignDefault>,
}

impl ForeignDirectory {
    /// Errors: a ClusterId twice, a cluster without HSMs, a trust anchor that is no PEM, a default key store in a cluster
    /// that is not there.
    pub fn new(
        module: Arc<Module>,
        clusters: ForeignClusters,
        default: Option<ForeignDefault>,
    ) -> Result<Self, DirectoryError> {
        let wrong = |message: String| Err(DirectoryError(message));
        for (number, cluster) in clusters.clusters.iter().enumerate() {
            let ForeignCluster { cluster_id, trust_anchor, hsms, .. } = cluster;
            if clusters.clusters[..number].iter().any(|earlier| earlier.cluster_id == *cluster_id) {
                return wrong(format!("cluster {cluster_id} is configured twice"));
            }
            if hsms.is_empty() {
                return wrong(format!("cluster {cluster_id} is configured without HSMs"));
            }
            if certificate(trust_anchor).is_none() {
                return wrong(format!(
                    "the trust_anchor of cluster {cluster_id} is not a certificate in PEM"
                ));
            }
        }
        let directory = Self { module, clusters, default };
        match &directory.default {
            Some(default) if directory.find(&default.cluster_id).is_none() => {
                wrong(format!("cluster {} of the default key store is not configured", default.cluster_id))
            }
            _ => Ok(directory),
        }
    }

    fn find(&self, cluster_id: &str) -> Option<&ForeignCluster> {
        self.clusters.clusters.iter().find(|cluster| cluster.cluster_id == cluster_id)
    }

    fn facts(&self, cluster: &ForeignCluster) -> ClusterFacts {
        let hsms = cluster.hsms.iter().map(|hsm| HsmFacts {
            hsm_id: hsm.hsm_id.clone(),
            slot_id: hsm.slot_id,
            availability_zone: hsm.availability_zone.clone(),
            is_active: self.module.token(hsm.slot_id).is_some(),
        });
        ClusterFacts {
            cluster_id: cluster.cluster_id.clone(),
            is_active: true,
            state: "ACTIVE".into(),
            hsms: hsms.collect(),
            trust_anchor: Some(cluster.trust_anchor.clone()),
            certificate: None,
        }
    }
}

impl ClusterDirectory for ForeignDirectory {
    fn cluster(&self, cluster_id: &str) -> Result<Option<ClusterFacts>, DirectoryError> {
        Ok(self.find(cluster_id).map(|cluster| self.facts(cluster)))
    }

    fn same_backup_history(&self, a: &str, b: &str) -> Result<bool, DirectoryError> {
        let anchor = |id| self.find(id).and_then(|cluster| certificate(&cluster.trust_anchor));
        Ok(anchor(a).is_some_and(|of_a| anchor(b) == Some(of_a)))
    }

    fn crypto_user(&self, cluster_id: &str, name: &str) -> Result<Option<UserFacts>, DirectoryError> {
        let Some(cluster) = self.find(cluster_id).filter(|cluster| cluster.user == name) else {
            return Ok(None);
        };
        let tokens: Vec<_> = cluster.hsms.iter().filter_map(|hsm| self.module.token(hsm.slot_id)).collect();
        let is_there = tokens.iter().all(|token| token.has_user);
        let is_locked = tokens.iter().any(|token| token.user_is_locked);
        Ok(is_there.then_some(UserFacts { is_locked, is_logged_in: false }))
    }

    fn pin(&self, user: &str, password: &[u8]) -> Zeroizing<Vec<u8>> {
        match self.clusters.pin {
            PinForm::Password => Zeroizing::new(password.to_vec()),
            PinForm::UserAndPassword => Zeroizing::new([user.as_bytes(), b":", password].concat()),
        }
    }

    fn default_cluster(&self) -> Result<Option<DefaultCluster>, DirectoryError> {
        let Some(default) = &self.default else { return Ok(None) };
        Ok(self.find(&default.cluster_id).map(|cluster| DefaultCluster {
            facts: self.facts(cluster),
            user: default.user.clone(),
            password: default.password.clone(),
        }))
    }
}

/// What stands in the first certificate of a PEM text (RFC 7468 sec. 5), however its lines are broken.
fn certificate(pem: &str) -> Option<Vec<u8>> {
    let (_, after) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (text, _) = after.split_once("-----END CERTIFICATE-----")?;
    let text: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok().filter(|certificate| !certificate.is_empty())
}
