//! A custom key store from its cluster to its ciphertext, over HTTP; and what the audit log and the metrics have of it.

use super::client::Reply;
use super::*;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server with a cluster of two HSMs, and its kmsuser.
pub struct World {
    pub home: Home,
    pub server: Server,
    cluster_id: String,
}

impl World {
    fn new() -> Self {
        Self::at(home(""))
    }

    /// Where this home's configuration puts it.
    pub fn at(home: Home) -> Self {
        let create = ["cluster", "create", "--label", "demo", "--hsms", "2", "--admin-password", ADMIN];
        let cluster_id = home.good(None, &create)["ClusterId"].as_str().unwrap().to_owned();
        home.good(Some(ADMIN_PIN), &create_user("kmsuser", "crypto-user", USER));
        let server = Server::start(&home);
        Self { home, server, cluster_id }
    }

    pub fn ask(&self, operation: &str, body: Value) -> Reply {
        self.server.client(&self.home).kms(operation, &body)
    }

    pub fn create(&self) -> String {
        let anchor = self.home.path().join("clusters").join(&self.cluster_id).join("customerCA.crt");
        let request = json!({
            "CustomKeyStoreName": "store",
            "CloudHsmClusterId": self.cluster_id,
            "KeyStorePassword": USER,
            "TrustAnchorCertificate": std::fs::read_to_string(anchor).unwrap(),
        });
        self.ask("CreateCustomKeyStore", request).good()["CustomKeyStoreId"].as_str().unwrap().to_owned()
    }

    /// Connects, and waits until it is.
    pub fn connect(&self, store: &str) {
        assert_eq!(self.ask("ConnectCustomKeyStore", json!({"CustomKeyStoreId": store})).good(), json!({}));
        self.wait(store, "CONNECTED");
    }

    fn wait(&self, store: &str, wanted: &str) {
        loop {
            let told = self.ask("DescribeCustomKeyStores", json!({"CustomKeyStoreId": store})).good();
            let state = told["CustomKeyStores"][0]["ConnectionState"].as_str().unwrap().to_owned();
            assert_ne!(state, "FAILED", "{told}");
            if state == wanted {
                return;
            }
        }
    }

    pub fn create_key(&self, store: &str) -> String {
        let request = json!({"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store});
        self.ask("CreateKey", request).good()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    fn events(&self, name: &str) -> Vec<Value> {
        audit(&self.home).into_iter().filter(|event| event["eventName"] == name).collect()
    }
}

#[test]
fn a_key_store_lives_over_http_and_is_recorded() {
    let mut world = World::new();
    let store = world.create();
    world.connect(&store);
    let arn = world.create_key(&store);
    let context = json!({"Purpose": "test"});
    let sealed =
        world.ask("Encrypt", json!({"KeyId": arn, "Plaintext": "aGlkZGVu", "EncryptionContext": context}));
    let sealed = sealed.good()["CiphertextBlob"].as_str().unwrap().to_owned();
    let opened = world.ask("Decrypt", json!({"CiphertextBlob": sealed, "EncryptionContext": context})).good();
    assert_eq!((&opened["Plaintext"], &opened["KeyId"]), (&json!("aGlkZGVu"), &json!(arn)));
    let metrics = world.server.client(&world.home).get("/metrics").body;
    assert!(
        metrics.contains(&format!("vhsm_store_connection_state{{store=\"{store}\",state=\"CONNECTED\"}} 1"))
    );
    assert!(metrics.contains("\nvhsm_orphaned_key_material 0\n"), "{metrics}");
    assert_eq!(metrics.matches(&format!("vhsm_hsm_working{{store=\"{store}\"")).count(), 2, "{metrics}");
    world.ask("DeleteCustomKeyStore", json!({"CustomKeyStoreId": store})).fails(
        400,
        "CustomKeyStoreInvalidStateException",
        "",
    );
    // No output is an empty body.
    let disabled = world.ask("DisableKey", json!({"KeyId": arn}));
    assert_eq!((disabled.status, disabled.body.as_str()), (200, ""));
    world.server.serve.signal("-TERM");
    assert!(world.server.serve.ends().success());

    let encrypt = &world.events("Encrypt")[0];
    assert_eq!(encrypt["additionalEventData"]["customKeyStoreId"], json!(store));
    let backing = encrypt["additionalEventData"]["backingKeyId"].as_str().unwrap();
    assert_eq!(backing.len(), 64);
    assert_eq!(encrypt["resources"][0]["ARN"], json!(arn));
    assert_eq!(encrypt["requestParameters"], json!({"keyId": arn, "encryptionContext": context}));
    let created = &world.events("CreateKey")[0];
    assert_eq!(created["additionalEventData"]["backingKey"], json!({"backingKeyId": backing}).to_string());
    assert_eq!(created["responseElements"]["keyMetadata"]["arn"], json!(arn));
    let facts = json!({"customKeyStoreName": "store", "clusterId": world.cluster_id});
    assert_eq!(world.events("ConnectCustomKeyStore")[0]["additionalEventData"], facts);
    assert_eq!(world.events("DeleteCustomKeyStore")[0]["errorCode"], "CustomKeyStoreInvalidStateException");
    let log = std::fs::read_to_string(world.home.path().join("audit.log")).unwrap();
    for secret in [USER, "aGlkZGVu", sealed.as_str()] {
        assert!(!log.contains(secret));
    }
}

/// What was acknowledged before a kill is there after it; the store connects again by itself, with the password that it changed.
#[test]
fn after_a_kill_keys_and_connections_are_back() {
    let mut world = World::new();
    let store = world.create();
    world.connect(&store);
    let arn = world.create_key(&store);
    let sealed = world.ask("Encrypt", json!({"KeyId": arn, "Plaintext": "aGlkZGVu"})).good();
    world.server.serve.signal("-KILL");
    world.server.serve.ends();
    world.server = Server::start(&world.home);
    // Who listens has connected again what was connected.
    let opened = world.ask("Decrypt", json!({"CiphertextBlob": sealed["CiphertextBlob"]})).good();
    assert_eq!(opened["Plaintext"], "aGlkZGVu");
}

/// More callers than the server has threads wait for HSMs that are slow; who asks for something else is answered meanwhile.
#[test]
fn hsms_that_hang_leave_the_server_answering() {
    const CALLERS: usize = 24;
    let world = World::new();
    let store = world.create();
    world.connect(&store);
    let arn = world.create_key(&store);
    world.home.good(Some(ADMIN_PIN), &["fault", "set", "--function", "C_Encrypt", "--latency-ms", "10000"]);
    let (answered, client) = (AtomicUsize::new(0), world.server.client(&world.home));
    let encrypt = || {
        let reply = client.kms("Encrypt", &json!({"KeyId": arn, "Plaintext": "aGlkZGVu"}));
        answered.fetch_add(1, Ordering::SeqCst);
        reply.good()
    };
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(encrypt)).collect();
        while !client.get("/metrics").body.contains(&format!("\nvhsm_calls_running {CALLERS}\n")) {
            assert!(answered.load(Ordering::SeqCst) < CALLERS, "they never waited all at once");
        }
        assert_eq!(client.get("/health").status, 200);
        let key = client.kms("DescribeKey", &json!({"KeyId": arn})).good();
        assert_eq!(key["KeyMetadata"]["KeyState"], "Enabled");
        assert_eq!(answered.load(Ordering::SeqCst), 0, "they were answered before");
        callers.into_iter().for_each(|caller| assert_eq!(caller.join().unwrap()["KeyId"], json!(arn)));
    });
}
