//! A key store on HSMs, asked as KMS asks it.

use super::super::{Answer, Api, Call, ErrorName, answer};
use crate::xks_proxy::current::{Current, KeyStore};
use crate::xks_proxy::hsms::tests::scene::{Kind, LONG, Scene, wait_for};
use crate::xks_proxy::hsms::{HealthStatus, Hsms};
use crate::xks_proxy::key_set::KeySet;
use crate::xks_proxy::policy::Policy;
use crate::xks_proxy::rate_limit::RateLimit;
use crate::xks_proxy::settings::{
    HsmGroupSettings, KeySetSettings, KeyStoreSettings, Limits, Settings, Times, TokenChoice,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ALICE: &str = "arn:aws:iam::111122223333:user/Alice";

/// A key store on one group of HSMs.
pub struct Proxy {
    pub scene: Scene,
    pub current: Current,
    pub store: Arc<KeyStore>,
}

impl Proxy {
    pub fn new(kind: Kind) -> Self {
        Self::with(kind, |_| ())
    }

    pub fn with(kind: Kind, change: fn(&mut KeyStoreSettings)) -> Self {
        let scene = Scene::new(kind);
        let mut group = scene.settings();
        // SoftHSM's tokens have keys of their own.
        if kind == Kind::SoftHsm {
            group.tokens = TokenChoice::Slots(vec![scene.slots()[0].id()]);
        }
        let hsms = Hsms::start(std::slice::from_ref(&group), None).unwrap_or_else(|wrong| panic!("{wrong}"));
        let expected = if kind == Kind::SoftHsm { 1 } else { 2 };
        wait_for("all HSMs work", || {
            let status = hsms.status();
            status.len() == expected && status.iter().all(|hsm| hsm.health != HealthStatus::Unavailable)
        });
        let mut store = KeyStoreSettings {
            name: "payments".into(),
            path_prefix: "/prefix".into(),
            enabled: true,
            credentials: Vec::new(),
            keys: KeySetSettings::default(),
            hsms: vec!["hsms".into()],
            requests_per_second: None,
            policy_file: None,
            decrypts_reference_aad: false,
            ciphertext_metadata: Vec::new(),
        };
        change(&mut store);
        let settings = settings(vec![group], store.clone());
        let store = Arc::new(KeyStore {
            keys: KeySet::new(&store.keys),
            policy: None,
            rate_limit: store.requests_per_second.map(RateLimit::new),
            settings: store,
            credentials: Vec::new(),
            groups: vec![0],
            hsms: Arc::clone(&hsms),
        });
        let current = Current { settings, key_stores: Vec::new(), hsms };
        Self { scene, current, store }
    }

    pub fn under(mut self, policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.cedar");
        std::fs::write(&path, policy).unwrap();
        let policy = Policy::load(&path).unwrap_or_else(|wrong| panic!("{wrong}"));
        Arc::get_mut(&mut self.store).unwrap().policy = Some(policy);
        self
    }

    pub fn answer(&self, api: Api, key_id: &str, body: &str) -> Answer {
        let (current, store) = (&self.current, &self.store);
        let key_id = (api != Api::GetHealthStatus).then_some(key_id);
        let deadline = Instant::now() + LONG;
        let call = Call { current, store, api, key_id, body: body.as_bytes(), deadline };
        self.scene.block_on(answer(call))
    }

    /// A response.
    #[track_caller]
    pub fn good(&self, api: Api, key_id: &str, members: Value) -> Value {
        let answer = self.answer(api, key_id, &request(members));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status, 200, "{body} {:?}", answer.record);
        assert_eq!(answer.record.kms_request_id.as_deref(), Some("r"));
        assert!(answer.record.error.is_none());
        body
    }

    #[track_caller]
    pub fn bad(&self, api: Api, key_id: &str, members: Value) -> ErrorName {
        let answer = self.answer(api, key_id, &request(members));
        let error = answer.record.error.unwrap_or_else(|| panic!("{api:?} {key_id} went well"));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (answer.status, body["errorName"].as_str()),
            (error.name.status(), Some(error.name.name()))
        );
        error.name
    }
}

/// SoftHSM does not bear threads that work while the process ends.
impl Drop for Proxy {
    fn drop(&mut self) {
        self.store.hsms.stop();
    }
}

fn settings(hsms: Vec<HsmGroupSettings>, store: KeyStoreSettings) -> Settings {
    Settings {
        listen: String::new(),
        addresses: Vec::new(),
        status_addresses: Vec::new(),
        tls: None,
        region: None,
        times: Times { deadline: LONG, reserve: Duration::ZERO, idle: LONG, stop: LONG },
        limits: Limits { connections: 1, requests: 1, plaintext_bytes: 4300, aad_bytes: 8192 },
        hsms,
        key_stores: vec![store],
        access_log: None,
        probe_interval: LONG,
        fleet_size: 3,
        hints: Vec::new(),
    }
}

/// With requestMetadata.
pub fn request(mut members: Value) -> String {
    members["requestMetadata"] = json!({
        "awsPrincipalArn": ALICE, "kmsKeyArn": "k", "kmsOperation": "Encrypt", "kmsRequestId": "r",
    });
    members.to_string()
}

pub fn plain(plaintext: &[u8]) -> Value {
    json!({"plaintext": STANDARD.encode(plaintext), "encryptionAlgorithm": "AES_GCM"})
}

/// What Decrypt asks, of what Encrypt answered.
pub fn sealed(mut response: Value, aad: Option<&[u8]>) -> Value {
    response.as_object_mut().unwrap().remove("ciphertextDataIntegrityValue");
    response["encryptionAlgorithm"] = "AES_GCM".into();
    if let Some(aad) = aad {
        response["additionalAuthenticatedData"] = STANDARD.encode(aad).into();
    }
    response
}

pub fn bytes(response: &Value, name: &str) -> Vec<u8> {
    response[name].as_str().map(|text| STANDARD.decode(text).unwrap()).unwrap_or_default()
}
