//! Every operation of the API on keys in every state.
//!
//! The tables are those of reference sec. 5 and 6, written down once more: the code's own is not looked at. Numbers are its
//! footnotes; `-`: an InvalidKeyUsageException, which the kind of the key brings about.

use crate::support::{Kind, OPERATIONS, Scene, blob, request_for};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vhsm_keystore::{Exception, KmsError};

/// Keys of Origin AWS_CLOUDHSM: Enabled, Disabled, PendingDeletion, Unavailable. Keys of Origin AWS_KMS: Enabled, Disabled,
/// PendingDeletion.
const OPERATIONS_ON_KEYS: &str = "
Encrypt                             ok 1  3  11 | ok 1  3
Decrypt                             ok 1  3  11 | ok 1  3
ReEncrypt                           ok 1  3  11 | ok 1  3
GenerateDataKey                     ok 1  3  11 | ok 1  3
GenerateDataKeyWithoutPlaintext     ok 1  3  11 | ok 1  3
GenerateDataKeyPair                 7  1  3  7  | 7  1  3
GenerateDataKeyPairWithoutPlaintext 7  1  3  7  | 7  1  3
Sign                                -  1  3  11 | -  1  3
Verify                              -  1  3  11 | -  1  3
GetPublicKey                        7  1  3  11 | 7  1  3
GenerateMac                         -  1  3  11 | -  1  3
VerifyMac                           -  1  3  11 | -  1  3
DeriveSharedSecret                  -  1  3  11 | -  1  3
Encapsulate                         -  1  3  11 | -  1  3
Decapsulate                         -  1  3  11 | -  1  3
CreateGrant                         ok 1  3  ok | ok 1  3
CancelKeyDeletion                   4  4  ok 4  | 4  4  ok
ScheduleKeyDeletion                 ok ok 3  ok | ok ok 3
EnableKey                           ok ok 3  ok | ok ok 3
DisableKey                          ok ok 3  ok | ok ok 3
CreateAlias                         ok ok 3  ok | ok ok 3
TagResource                         ok ok 3  ok | ok ok 3
UntagResource                       ok ok 3  ok | ok ok 3
UpdateKeyDescription                ok ok 3  ok | ok ok 3
UpdateAlias                         ok ok 3  ok | ok ok 3
DeleteAlias                         ok ok ok ok | ok ok ok
DescribeKey                         ok ok ok ok | ok ok ok
GetKeyPolicy                        ok ok ok ok | ok ok ok
PutKeyPolicy                        ok ok ok ok | ok ok ok
ListAliases                         ok ok ok ok | ok ok ok
ListGrants                          ok ok ok ok | ok ok ok
ListKeyPolicies                     ok ok ok ok | ok ok ok
ListResourceTags                    ok ok ok ok | ok ok ok
RetireGrant                         ok ok ok ok | ok ok ok
RevokeGrant                         ok ok ok ok | ok ok ok
GetKeyLastUsage                     ok ok ok ok | ok ok ok
EnableKeyRotation                   7  7  7  7  | ok 1  3
DisableKeyRotation                  7  7  7  7  | ok 1  3
GetKeyRotationStatus                7  7  7  7  | ok ok ok
RotateKeyOnDemand                   7  7  7  7  | ok 1  3
ListKeyRotations                    7  7  7  7  | ok ok ok
GetParametersForImport              9  9  9  9  | 9  9  9
ImportKeyMaterial                   9  9  9  9  | 9  9  9
DeleteImportedKeyMaterial           9  9  9  9  | 9  9  9
ReplicateKey                        7  1  3  7  | 7  1  3
UpdatePrimaryRegion                 7  1  3  7  | 7  1  3
";

/// Operations that name no key, while the store of the keys is connected, and while it is not: in whatever state the keys are.
const OTHER_OPERATIONS: &[(&str, Option<Exception>, Option<Exception>)] = &[
    ("CreateKey", None, Some(Exception::CustomKeyStoreInvalidState)),
    ("GenerateRandom", None, Some(Exception::CustomKeyStoreInvalidState)),
    ("ListKeys", None, None),
    ("ListRetirableGrants", None, None),
    ("DescribeCustomKeyStores", None, None),
    ("UpdateCustomKeyStore", None, None),
    ("CreateCustomKeyStore", Some(Exception::CloudHsmClusterInUse), Some(Exception::CloudHsmClusterInUse)),
    (
        "DeleteCustomKeyStore",
        Some(Exception::CustomKeyStoreInvalidState),
        Some(Exception::CustomKeyStoreHasCmks),
    ),
    ("DisconnectCustomKeyStore", None, Some(Exception::CustomKeyStoreInvalidState)),
    ("ConnectCustomKeyStore", None, None),
];

/// How a key gets into a state, and what it is then called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Enabled,
    Disabled,
    PendingDeletion,
    Unavailable,
    /// And its store is disconnected: the same as Unavailable.
    DisabledAndUnavailable,
    /// And its store is disconnected: the same as PendingDeletion.
    PendingDeletionAndUnavailable,
}

impl State {
    pub const ALL: [State; 6] = [
        State::Enabled,
        State::Disabled,
        State::PendingDeletion,
        State::Unavailable,
        State::DisabledAndUnavailable,
        State::PendingDeletionAndUnavailable,
    ];

    pub fn name(self) -> &'static str {
        ["Enabled", "Disabled", "PendingDeletion", "Unavailable"][self.column()]
    }

    pub fn column(self) -> usize {
        match self {
            State::Enabled => 0,
            State::Disabled => 1,
            State::PendingDeletion | State::PendingDeletionAndUnavailable => 2,
            State::Unavailable | State::DisabledAndUnavailable => 3,
        }
    }

    pub fn is_disconnected(self) -> bool {
        matches!(
            self,
            State::Unavailable | State::DisabledAndUnavailable | State::PendingDeletionAndUnavailable
        )
    }

    /// Of a key that is Enabled; the store is disconnected later.
    pub fn bring_about(self, scene: &Scene, key: &str) {
        match self {
            State::Enabled | State::Unavailable => {}
            State::Disabled | State::DisabledAndUnavailable => {
                scene.ok("DisableKey", json!({ "KeyId": key }));
            }
            State::PendingDeletion | State::PendingDeletionAndUnavailable => {
                scene.ok("ScheduleKeyDeletion", json!({ "KeyId": key }));
            }
        }
    }
}

/// Operation, and what becomes of it: with keys of a custom key store, with keys of the default one.
pub fn rows() -> Vec<(&'static str, Vec<&'static str>, Vec<&'static str>)> {
    let rows = OPERATIONS_ON_KEYS.trim().lines().map(|line| {
        let (custom, default) = line.split_once('|').unwrap();
        let mut custom = custom.split_whitespace();
        (custom.next().unwrap(), custom.collect(), default.split_whitespace().collect())
    });
    rows.collect()
}

pub fn expect(answer: Result<Value, KmsError>, rule: &str, arn: &str, what: &str) {
    let (exception, text) = match rule {
        "ok" => return drop(answer.unwrap_or_else(|error| panic!("{what}: {error}"))),
        "1" => (Exception::Disabled, "is disabled."),
        "3" => (Exception::KmsInvalidState, "is pending deletion."),
        "4" => (Exception::KmsInvalidState, "is not pending deletion."),
        "7" | "9" => (Exception::UnsupportedOperation, ""),
        "11" => (Exception::KmsInvalidState, "is unavailable."),
        "-" => (Exception::InvalidKeyUsage, ""),
        other => panic!("no rule {other}"),
    };
    let error = answer.expect_err(what);
    assert_eq!(error.exception, exception, "{what}: {error}");
    assert!(error.message.starts_with(arn) && error.message.ends_with(text), "{what}: {error}");
}

#[test]
fn the_tables_name_every_operation_once() {
    let named: Vec<_> = rows().into_iter().map(|row| row.0).collect();
    let named: Vec<_> = named.into_iter().chain(OTHER_OPERATIONS.iter().map(|row| row.0)).collect();
    let set = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!((named.len(), OPERATIONS.len()), (56, 56));
    assert_eq!(set(&named), set(OPERATIONS));
}

fn every_operation_in_every_state(kind: Kind) {
    for state in State::ALL {
        let scene = Scene::new(kind);
        operations_on_keys(&scene, state);
        for (operation, connected, disconnected) in OTHER_OPERATIONS {
            let expected = if state.is_disconnected() { disconnected } else { connected };
            let answer = scene.call(operation, request_for(&scene, operation, &scene.keys[0]));
            let exception = answer.err().map(|error| error.exception);
            assert_eq!(exception, *expected, "{operation} in {state:?}");
            scene.world.kms.run_tasks();
        }
    }
}

fn operations_on_keys(scene: &Scene, state: State) {
    let mut ready = Vec::new();
    for (operation, custom, default) in rows() {
        let custom = (scene.custom_key(&scene.stores[0]), custom[state.column()]);
        // Keys of the default key store are never Unavailable.
        let default = default.get(state.column()).filter(|_| !state.is_disconnected());
        let default = default.map(|rule| (scene.default_key(), *rule));
        for (key, rule) in [Some(custom), default].into_iter().flatten() {
            let request = request_for(scene, operation, &key);
            state.bring_about(scene, &key);
            ready.push((operation, key, request, rule));
        }
    }
    if state.is_disconnected() {
        scene.disconnect(&scene.stores[0]);
    }
    for (operation, key, request, rule) in ready {
        let metadata = scene.ok("DescribeKey", json!({ "KeyId": key }));
        assert_eq!(metadata["KeyMetadata"]["KeyState"], state.name(), "{state:?}");
        let what = format!("{operation} in {state:?} ({})", metadata["KeyMetadata"]["Origin"]);
        expect(scene.call(operation, request), rule, &scene.arn(&key), &what);
    }
}

fn a_key_that_is_encrypted_to_has_its_state_too(kind: Kind) {
    let scene = Scene::new(kind);
    let ciphertext = blob(&scene.encrypt(&scene.keys[2], b"x", json!({})));
    for (state, rule) in [(State::Disabled, "1"), (State::PendingDeletion, "3"), (State::Unavailable, "11")] {
        let key = scene.custom_key(&scene.stores[0]);
        state.bring_about(&scene, &key);
        if state.is_disconnected() {
            scene.disconnect(&scene.stores[0]);
        }
        let request = json!({ "CiphertextBlob": ciphertext, "DestinationKeyId": key });
        expect(scene.call("ReEncrypt", request), rule, &scene.arn(&key), &format!("{state:?}"));
    }
}

fn a_state_comes_back_with_its_store(kind: Kind) {
    let scene = Scene::new(kind);
    let [enabled, disabled, doomed, enabled_later] = [(); 4].map(|()| scene.custom_key(&scene.stores[0]));
    scene.ok("DisableKey", json!({ "KeyId": disabled }));
    scene.ok("DisableKey", json!({ "KeyId": enabled_later }));
    scene.ok("ScheduleKeyDeletion", json!({ "KeyId": doomed }));
    scene.disconnect(&scene.stores[0]);
    scene.ok("CancelKeyDeletion", json!({ "KeyId": doomed }));
    scene.ok("EnableKey", json!({ "KeyId": enabled_later }));
    let states = || {
        [&enabled, &disabled, &doomed, &enabled_later].map(|key| {
            let metadata = scene.ok("DescribeKey", json!({ "KeyId": key }));
            metadata["KeyMetadata"]["KeyState"].as_str().unwrap().to_owned()
        })
    };
    assert_eq!(states(), ["Unavailable"; 4]);
    scene.connect(&scene.stores[0]);
    assert_eq!(states(), ["Enabled", "Disabled", "Disabled", "Enabled"]);
}

crate::on_every_module! {
    every_operation_in_every_state,
    a_key_that_is_encrypted_to_has_its_state_too,
    a_state_comes_back_with_its_store,
}
