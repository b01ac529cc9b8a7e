//! What one reading of the configuration made. Requests hold it as long as they run; a reload makes another.

use super::hsms::Hsms;
use super::key_set::KeySet;
use super::policy::Policy;
use super::rate_limit::RateLimit;
use super::settings::{CredentialSettings, KeyStoreSettings, PATH, Settings};
use crate::failure::Failure;
use crate::http::sigv4::SigningKeys;
use std::sync::Arc;
use zeroize::Zeroizing;

pub struct Current {
    pub settings: Settings,
    pub key_stores: Vec<Arc<KeyStore>>,
    pub hsms: Arc<Hsms>,
}

/// A logical key store.
pub struct KeyStore {
    pub settings: KeyStoreSettings,
    pub credentials: Vec<Credential>,
    /// Places of its groups of HSMs.
    pub groups: Vec<usize>,
    pub hsms: Arc<Hsms>,
    pub keys: KeySet,
    /// `None`: whoever signs may do everything.
    pub policy: Option<Policy>,
    /// `None`: any number of requests.
    pub rate_limit: Option<RateLimit>,
}

/// What KMS signs with.
pub struct Credential {
    pub access_key_id: String,
    pub secret: Zeroizing<String>,
    pub signing_keys: SigningKeys,
}

impl Current {
    /// Of what was read now. `earlier`: HSMs that it has too are taken over as they are. Errors: something that the settings name
    /// cannot be used; then the earlier one is what it was.
    pub fn build(settings: Settings, earlier: Option<&Current>) -> Result<Self, Failure> {
        // No HSM is asked for anything where a policy is wrong.
        let policy = |store: &KeyStoreSettings| store.policy_file.as_deref().map(Policy::load).transpose();
        let policies = settings.key_stores.iter().map(policy).collect::<Result<Vec<_>, _>>()?;
        let hsms = Hsms::start(&settings.hsms, earlier.map(|earlier| &*earlier.hsms))?;
        let stores = settings.key_stores.iter().zip(policies);
        let key_stores =
            stores.map(|(store, policy)| Arc::new(KeyStore::new(store, policy, &settings, &hsms)));
        let key_stores = key_stores.collect();
        Ok(Self { settings, key_stores, hsms })
    }

    /// The key store whose prefix a path bears, and what stands behind `/kms/xks/v1`. `None`: there is none.
    pub fn key_store<'p>(&self, path: &'p str) -> Option<(&Arc<KeyStore>, &'p str)> {
        self.key_stores.iter().find_map(|store| {
            let rest = path.strip_prefix(store.settings.path_prefix.as_str())?.strip_prefix(PATH)?;
            Some((store, rest))
        })
    }
}

impl KeyStore {
    fn new(store: &KeyStoreSettings, policy: Option<Policy>, settings: &Settings, hsms: &Arc<Hsms>) -> Self {
        let place = |name: &String| settings.hsms.iter().position(|group| group.name == *name);
        let credential = |credential: &CredentialSettings| Credential {
            access_key_id: credential.access_key_id.clone(),
            secret: credential.secret.clone(),
            signing_keys: SigningKeys::default(),
        };
        Self {
            settings: store.clone(),
            credentials: store.credentials.iter().map(credential).collect(),
            // The settings name no other groups.
            groups: store.hsms.iter().filter_map(place).collect(),
            hsms: Arc::clone(hsms),
            keys: KeySet::new(&store.keys),
            policy,
            rate_limit: store.requests_per_second.map(RateLimit::new),
        }
    }
}
