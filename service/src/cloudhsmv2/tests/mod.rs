//! Every operation of the API, once well and once badly, in both protocols, over clusters in an embedded store.

mod good;
mod model;
mod refusals;

use super::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use vhsm_keystore::Caller;
use vhsm_pkcs11::cluster::backup::BackupFolder;
use vhsm_pkcs11::cluster::life::api::ActivateRequest;
use vhsm_pkcs11::cluster::{PasswordCosts, Policy};
use vhsm_pkcs11::crypto::{seal, x509};
use vhsm_store::{Lmdb, LmdbOptions};

const COSTS: PasswordCosts = PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 };
const START_MS: u64 = 1_700_000_000_500;
const PROTOCOLS: [Protocol; 2] = [Protocol::Json11, Protocol::RpcV2Cbor];

/// The service, and who asks it.
struct World {
    service: CloudHsmV2,
    clock: Arc<AtomicU64>,
    protocol: Protocol,
    /// Structure and member, of all answers.
    seen: Mutex<BTreeSet<(String, String)>>,
    _home: tempfile::TempDir,
}

/// An answer that is no success.
#[derive(Debug, PartialEq, Eq)]
struct Error {
    status: u16,
    kind: String,
    message: String,
}

impl World {
    fn new(protocol: Protocol) -> Self {
        Self::with_delay(protocol, 0)
    }

    fn with_delay(protocol: Protocol, delay_ms: u64) -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = Arc::new(Lmdb::open(&LmdbOptions::new(home.path().join("store"))).unwrap());
        let clock = Arc::new(AtomicU64::new(START_MS));
        let now = clock.clone();
        let clusters = Clusters::open(store, COSTS).unwrap().with_clock(move || now.load(Ordering::SeqCst));
        let policy = Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
        let service = CloudHsmV2 {
            clusters: Arc::new(clusters.with_backups(BackupFolder::new(home.path().join("backups"), false))),
            settings: life::Settings { delay_ms, region: "us-east-1".into(), policy },
            root_key: Arc::new(RootKey::new(seal::random_key().unwrap())),
            partition: "aws".into(),
            account: "111122223333".into(),
        };
        Self { service, clock, protocol, seen: Mutex::default(), _home: home }
    }

    fn raw(&self, operation: &str, body: &[u8]) -> Answer {
        let caller = Caller {
            account: "111122223333".into(),
            principal: "arn:aws:iam::111122223333:root".into(),
            request_id: None,
        };
        self.service.call(&Call { operation, protocol: self.protocol, body, caller: &caller })
    }

    /// Asks, and checks the answer's members against the model.
    fn ask(&self, operation: &str, request: &Value) -> Result<Value, Error> {
        let answer = self.raw(operation, &self.encoded(request));
        let body = self.decoded(&answer.body);
        if answer.status == 200 {
            self.check_members(operation, &body);
            return Ok(body);
        }
        let kind = body["__type"].as_str().unwrap().to_owned();
        let message = body.get("Message").or(body.get("message")).unwrap().as_str().unwrap().to_owned();
        let short = kind.rsplit('#').next().unwrap().to_owned();
        assert_eq!(answer.record.error.unwrap(), (short, message.clone()));
        Err(Error { status: answer.status, kind, message })
    }

    fn good(&self, operation: &str, request: Value) -> Value {
        self.ask(operation, &request).unwrap_or_else(|error| panic!("{operation} {request}: {error:?}"))
    }

    fn encoded(&self, request: &Value) -> Vec<u8> {
        match self.protocol {
            Protocol::Json11 => serde_json::to_vec(request).unwrap(),
            Protocol::RpcV2Cbor => {
                let mut body = Vec::new();
                ciborium::into_writer(request, &mut body).unwrap();
                body
            }
        }
    }

    fn decoded(&self, body: &[u8]) -> Value {
        match self.protocol {
            Protocol::Json11 => serde_json::from_slice(body).unwrap(),
            Protocol::RpcV2Cbor => without_tags("", ciborium::from_reader(body).unwrap()),
        }
    }

    /// A cluster that is active, with one HSM: its ClusterId.
    fn active_cluster(&self) -> String {
        let cluster = self.good("CreateCluster", json!({"HsmType": "hsm2m.medium", "SubnetIds": SUBNETS}));
        let id = cluster["Cluster"]["ClusterId"].as_str().unwrap().to_owned();
        self.good("CreateHsm", json!({"ClusterId": id, "AvailabilityZone": "us-east-1a"}));
        let issued = self.issued(&id);
        self.good(
            "InitializeCluster",
            json!({"ClusterId": id, "SignedCert": issued.certificate, "TrustAnchor": issued.trust_anchor}),
        );
        self.activate(&id);
        id
    }

    /// What the customer's CA makes of the cluster's request.
    fn issued(&self, cluster_id: &str) -> x509::Issued {
        let found = self.good("DescribeClusters", json!({"Filters": {"clusterIds": [cluster_id]}}));
        let csr = found["Clusters"][0]["Certificates"]["ClusterCsr"].as_str().unwrap();
        x509::issue(csr, "Customer", "root", (START_MS / 1000) as i64).unwrap()
    }

    fn activate(&self, cluster_id: &str) {
        let plane = ControlPlane::new(&self.service.clusters, self.service.settings.clone())
            .with_root_key(&self.service.root_key);
        let request = ActivateRequest { cluster_id, admin_password: b"admin-password", label: None };
        plane.activate(&request).unwrap();
    }

    /// The newest backup, and its ARN.
    fn backup(&self) -> (String, String) {
        let found = self.good("DescribeBackups", json!({"MaxResults": 1}));
        let text = |member: &str| found["Backups"][0][member].as_str().unwrap().to_owned();
        (text("BackupId"), text("BackupArn"))
    }

    fn check_members(&self, operation: &str, answer: &Value) {
        let (_, _, members) = model::OPERATIONS.iter().find(|(name, ..)| *name == operation).unwrap();
        self.check_structure(operation, members, &[], answer);
    }

    fn check_structure(&self, name: &str, members: &[&str], required: &[&str], value: &Value) {
        let value = value.as_object().unwrap();
        assert!(required.iter().all(|member| value.contains_key(*member)), "{name}: {value:?}");
        for (member, value) in value {
            assert!(members.contains(&member.as_str()), "{name} has no member {member}");
            assert!(!value.is_null(), "{name}.{member}");
            self.seen.lock().unwrap().insert((name.into(), member.clone()));
            if model::TIMESTAMPS.contains(&member.as_str()) {
                assert!(value.is_number(), "{name}.{member} is {value}");
            }
            let Some((_, inner)) = model::HOLDS.iter().find(|(holder, _)| holder == member) else { continue };
            let (_, members, required) =
                model::STRUCTURES.iter().find(|(structure, ..)| structure == inner).unwrap();
            match value {
                Value::Array(all) => {
                    all.iter().for_each(|one| self.check_structure(inner, members, required, one));
                }
                one => self.check_structure(inner, members, required, one),
            }
        }
    }
}

const SUBNETS: [&str; 2] = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"];

/// CBOR as JSON: times, and only they, are tagged as such.
fn without_tags(member: &str, value: ciborium::Value) -> Value {
    use ciborium::Value as Cbor;
    let is_time = model::TIMESTAMPS.contains(&member);
    assert_eq!(is_time, matches!(value, Cbor::Tag(1, _)), "{member}: {value:?}");
    match value {
        Cbor::Tag(1, inner) => json!(inner.into_float().unwrap()),
        Cbor::Array(all) => all.into_iter().map(|one| without_tags("", one)).collect(),
        Cbor::Map(all) => {
            let members = all.into_iter().map(|(key, value)| {
                let key = key.into_text().unwrap();
                let value = without_tags(&key, value);
                (key, value)
            });
            Value::Object(members.collect())
        }
        other => other.deserialized().unwrap(),
    }
}

/// What is asked badly: an exception of the API, in the protocol's form.
fn assert_refused(world: &World, operation: &str, request: &Value, exception: &str) -> Error {
    let error = world.ask(operation, request).expect_err(operation);
    let expected = match (world.protocol, exception.starts_with("CloudHsm")) {
        (Protocol::RpcV2Cbor, true) => format!("com.amazonaws.cloudhsmv2#{exception}"),
        _ => exception.to_owned(),
    };
    assert_eq!((error.status, &error.kind), (400, &expected), "{operation} {request}: {}", error.message);
    assert!(!error.message.is_empty());
    error
}
