//! The layer as a whole.

use crate::clock::Clock;
use crate::crypto::last_use::LastUses;
use crate::crypto::rate::Rates;
use crate::directory::ClusterDirectory;
use crate::hsm::{Connections, Module};
use crate::ids::{AliasName, KeyId};
use crate::keys::external::Materials;
use crate::sealer::Sealer;
use crate::stores::external::health::Health;
use crate::stores::external::proxies::Proxies;
use crate::stores::keep::Keeper;
use crate::tasks::Tasks;
use crate::xks;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use vhsm_store::Store;

/// KMS of one account in one region. Each operation is a method, in the file that bears its name.
///
/// Methods block: for microseconds where they use a key, for a durable commit where they change something. They may be
/// called from any number of threads. Nothing but sessions, rates, keys' last uses and what could not be written down is kept in
/// memory: another `Kms` on the same store sees every change at once.
pub struct Kms {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) directory: Arc<dyn ClusterDirectory>,
    pub(crate) sealer: Arc<dyn Sealer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) xks: xks::Client,
    pub(crate) connections: Connections,
    pub(crate) tasks: Tasks,
    pub(crate) rates: Rates,
    pub(crate) last_uses: LastUses,
    pub(crate) materials: Materials,
    pub(crate) keeper: Keeper,
    pub(crate) proxies: Proxies,
    pub(crate) health: Health,
}

/// What a [`Kms`] stands on.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub directory: Arc<dyn ClusterDirectory>,
    pub module: Arc<Module>,
    pub sealer: Arc<dyn Sealer>,
    pub clock: Arc<dyn Clock>,
    /// Calls external key store proxies.
    pub xks: xks::Client,
}

impl Kms {
    /// Opens the layer. Nothing is connected: see [`Kms::resume`].
    pub fn new(settings: Settings, parts: Parts) -> Self {
        let Parts { store, directory, module, sealer, clock, xks } = parts;
        let connections = Connections::new(module, settings.sessions_per_hsm);
        Self {
            settings,
            store,
            directory,
            sealer,
            clock,
            xks,
            connections,
            tasks: Tasks::default(),
            keeper: Keeper::default(),
            proxies: Proxies::default(),
            health: Health::default(),
            rates: Rates::default(),
            last_uses: LastUses::default(),
            materials: Materials::default(),
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    pub(crate) fn key_arn(&self, id: &KeyId) -> String {
        let Settings { partition, region, account, .. } = &self.settings;
        format!("arn:{partition}:kms:{region}:{account}:key/{id}")
    }

    pub(crate) fn alias_arn(&self, name: &AliasName) -> String {
        let Settings { partition, region, account, .. } = &self.settings;
        format!("arn:{partition}:kms:{region}:{account}:{name}")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub partition: String,
    pub region: String,
    /// 12 digits.
    pub account: String,
    pub limits: Limits,
    /// The most sessions that are opened on one HSM for one key store.
    pub sessions_per_hsm: usize,
    /// Between two KmsHealthChecks of the proxy of a connected external key store. AWS: every few minutes.
    pub health_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            partition: "aws".into(),
            region: "us-east-1".into(),
            account: "000000000000".into(),
            limits: Limits::default(),
            sessions_per_hsm: 64,
            health_interval: Duration::from_secs(60),
        }
    }
}

/// Quotas (reference sec. 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub custom_key_stores: usize,
    pub aliases_per_key: usize,
    pub grants_per_key: usize,
    pub tags_per_key: usize,
    pub policy_bytes: usize,
    pub on_demand_rotations: usize,
    /// `None`: no limit, as quotas of counts and rates are settings.
    pub keys: Option<usize>,
    /// Symmetric operations a second and key store; `None`: no limit.
    pub requests_per_second: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            custom_key_stores: 10,
            aliases_per_key: 50,
            grants_per_key: 50_000,
            tags_per_key: 50,
            policy_bytes: 32 * 1024,
            on_demand_rotations: 25,
            keys: None,
            requests_per_second: None,
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// 12 digits.
    pub account: String,
    /// ARN.
    pub principal: String,
    /// The id of the request that this caller asks by, as it stands in CloudTrail and in the logs of external key store proxies
    /// (kmsRequestId). `None`: each call of a proxy gets an id of its own.
    pub request_id: Option<String>,
}

impl Caller {
    /// What a proxy is told.
    pub(crate) fn kms_request_id(&self) -> String {
        self.request_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string())
    }
}
