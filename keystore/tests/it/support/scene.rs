//! Two custom key stores and the default one, with a key in each.

use super::proxy::{ACCESS_KEY_ID, HOST, PATH, Proxy, SECRET};
use super::{CLUSTERS, Kind, PASSWORD, World, call};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use vhsm_keystore::{Exception, KmsError, Settings, xks};
use vhsm_store::{Memory, Store};

pub struct Scene {
    pub world: World,
    /// Custom key stores, connected.
    pub stores: [String; 2],
    /// The IDs of keys: one in each of `stores`, and one of the default key store.
    pub keys: [String; 3],
    /// An external key store, connected, where there is a proxy.
    pub external: Option<String>,
}

impl Scene {
    pub fn new(kind: Kind) -> Scene {
        Scene::with(kind, Settings::default())
    }

    pub fn with(kind: Kind, settings: Settings) -> Scene {
        Scene::of(kind, settings, Arc::new(Memory::new()))
    }

    pub fn of(kind: Kind, settings: Settings, store: Arc<dyn Store>) -> Scene {
        let world = World::of_three_in(kind, settings, store);
        let mut scene = Scene { world, stores: Default::default(), keys: Default::default(), external: None };
        scene.stores = [0, 1].map(|number| scene.make_store(number));
        let of = |store: &str| scene.custom_key(store);
        scene.keys = [of(&scene.stores[0]), of(&scene.stores[1]), scene.default_key()];
        scene
    }

    /// With an external key store, whose keys are to be put into the proxy.
    pub fn with_external(kind: Kind) -> (Scene, Proxy) {
        let proxy = Proxy::start();
        let mut scene = Scene::new(kind);
        scene.world.call_proxies(xks::Settings {
            timeout: Duration::from_secs(20),
            ca_file: Some(proxy.ca_file()),
            hosts: [(HOST.to_owned(), proxy.address())].into(),
            ..xks::Settings::default()
        });
        scene.world.kms.resume();
        scene.world.kms.run_tasks();
        let made = scene.ok(
            "CreateCustomKeyStore",
            json!({
                "CustomKeyStoreName": "external",
                "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
                "XksProxyConnectivity": "PUBLIC_ENDPOINT",
                "XksProxyUriEndpoint": format!("https://{HOST}"),
                "XksProxyUriPath": PATH,
                "XksProxyAuthenticationCredential": { "AccessKeyId": ACCESS_KEY_ID, "RawSecretAccessKey": SECRET },
            }),
        );
        let store = text(&made, "CustomKeyStoreId");
        scene.connect(&store);
        scene.external = Some(store);
        (scene, proxy)
    }

    fn make_store(&self, number: usize) -> String {
        let made = self.ok(
            "CreateCustomKeyStore",
            json!({
                "CustomKeyStoreName": format!("store {number}"),
                "CloudHsmClusterId": CLUSTERS[number],
                "KeyStorePassword": PASSWORD,
                "TrustAnchorCertificate": self.world.trust_anchor(),
            }),
        );
        let id = text(&made, "CustomKeyStoreId");
        self.connect(&id);
        id
    }

    pub fn connect(&self, store: &str) {
        self.ok("ConnectCustomKeyStore", json!({ "CustomKeyStoreId": store }));
        self.world.kms.run_tasks();
        self.expect_state(store, "CONNECTED");
    }

    pub fn disconnect(&self, store: &str) {
        self.ok("DisconnectCustomKeyStore", json!({ "CustomKeyStoreId": store }));
        self.world.kms.run_tasks();
        self.expect_state(store, "DISCONNECTED");
    }

    fn expect_state(&self, store: &str, state: &str) {
        let stores = self.ok("DescribeCustomKeyStores", json!({ "CustomKeyStoreId": store }));
        let is = &stores["CustomKeyStores"][0];
        assert_eq!(is["ConnectionState"], state, "{}", is["ConnectionErrorCode"]);
    }

    /// A new key of Origin AWS_CLOUDHSM.
    pub fn custom_key(&self, store: &str) -> String {
        let made = self.ok("CreateKey", json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store }));
        text(&made["KeyMetadata"], "KeyId")
    }

    /// A new key of Origin EXTERNAL_KEY_STORE.
    pub fn external_key(&self, xks_key_id: &str) -> String {
        let store = self.external.as_deref().expect("a scene with an external key store");
        let request = json!({
            "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": xks_key_id,
        });
        text(&self.ok("CreateKey", request)["KeyMetadata"], "KeyId")
    }

    /// A new key of Origin AWS_KMS.
    pub fn default_key(&self) -> String {
        text(&self.ok("CreateKey", json!({}))["KeyMetadata"], "KeyId")
    }

    pub fn call(&self, operation: &str, request: Value) -> Result<Value, KmsError> {
        call(&self.world.kms, operation, request)
    }

    /// The response.
    pub fn ok(&self, operation: &str, request: Value) -> Value {
        self.call(operation, request)
            .unwrap_or_else(|error| panic!("{operation}: {error} ({:?})", error.detail))
    }

    /// The exception.
    pub fn refused(&self, operation: &str, request: Value) -> Exception {
        match self.call(operation, request) {
            Err(error) => error.exception,
            Ok(answer) => panic!("{operation}: {answer}"),
        }
    }

    /// Encrypt
    pub fn encrypt(&self, key: &str, plaintext: &[u8], context: Value) -> Vec<u8> {
        let request = json!({ "KeyId": key, "Plaintext": blob(plaintext), "EncryptionContext": context });
        bytes(&self.ok("Encrypt", request), "CiphertextBlob")
    }

    /// Decrypt
    pub fn decrypt(&self, ciphertext: &[u8], context: Value) -> Result<Vec<u8>, Exception> {
        let request = json!({ "CiphertextBlob": blob(ciphertext), "EncryptionContext": context });
        let answer = self.call("Decrypt", request);
        answer.map(|answer| bytes(&answer, "Plaintext")).map_err(|error| error.exception)
    }

    pub fn arn(&self, key: &str) -> String {
        format!("arn:aws:kms:us-east-1:000000000000:key/{key}")
    }
}

pub fn text(answer: &Value, member: &str) -> String {
    answer[member].as_str().unwrap_or_else(|| panic!("{member} of {answer}")).to_owned()
}

/// A blob, as requests have it.
pub fn blob(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A blob of a response.
pub fn bytes(answer: &Value, member: &str) -> Vec<u8> {
    STANDARD.decode(text(answer, member)).unwrap()
}
