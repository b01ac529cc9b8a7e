//! The whole life of a key.

use super::*;
use std::time::Duration;
use vhsm_keystore::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn whole_life(kind: Kind, in_default: bool) {
    let (world, store) = world(kind);
    let kms = &world.kms;
    let custom = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store, "Description": "mine" });
    let (members, cluster) =
        if in_default { (json!({ "Description": "mine" }), CLUSTERS[2]) } else { (custom, CLUSTERS[0]) };
    let made = create_key(kms, members).unwrap();
    let (id, arn) = (&made.key_id, &made.arn);
    assert_eq!(describe_key(kms, id).unwrap(), made);
    assert_eq!(describe_key(kms, arn).unwrap(), made);
    assert_eq!(material(&world, cluster, arn), 1, "the label is the ARN");

    it_has_names(kms, &made);
    let blob = it_works_while_enabled(kms, id);
    it_is_kept_and_deleted(&world, &made);
    assert_refused(ask!(kms, decrypt, { "CiphertextBlob": blob }), Exception::AccessDenied, "");
    assert_eq!(material(&world, cluster, arn), 0);
}

fn it_has_names(kms: &Kms, made: &KeyMetadata) {
    let (id, arn) = (&made.key_id, &made.arn);
    ask!(kms, create_alias, { "AliasName": "alias/mine", "TargetKeyId": id }).unwrap();
    assert_eq!(describe_key(kms, "alias/mine").unwrap(), *made);
    let alias_arn = arn.replace(&format!("key/{id}"), "alias/mine");
    assert_eq!(describe_key(kms, &alias_arn).unwrap(), *made);
    ask!(kms, update_key_description, { "KeyId": arn, "Description": "" }).unwrap();
    assert_eq!(describe_key(kms, id).unwrap().description, "");
}

/// Answers a ciphertext.
fn it_works_while_enabled(kms: &Kms, id: &str) -> Value {
    let encrypt = || ask!(kms, encrypt, { "KeyId": id, "Plaintext": "c2VjcmV0" });
    let blob = encrypt().unwrap().ciphertext_blob;
    ask!(kms, disable_key, { "KeyId": id }).unwrap();
    assert_refused(encrypt(), Exception::Disabled, "is disabled");
    assert_eq!((key_state(kms, id).as_str(), describe_key(kms, id).unwrap().enabled), ("Disabled", false));
    ask!(kms, enable_key, { "KeyId": id }).unwrap();
    encrypt().unwrap();
    serde_json::to_value(blob).unwrap()
}

fn it_is_kept_and_deleted(world: &World, made: &KeyMetadata) {
    let (kms, id, arn) = (&world.kms, &made.key_id, &made.arn);
    let scheduled = ask!(kms, schedule_key_deletion, { "KeyId": id, "PendingWindowInDays": 7 }).unwrap();
    let Timestamp(deletion_ms) = scheduled.deletion_date;
    assert_eq!(deletion_ms, made.creation_date.0 + 7 * DAY.as_millis() as u64);
    assert_eq!(
        (&scheduled.key_id, scheduled.key_state.as_str(), scheduled.pending_window_in_days),
        (arn, "PendingDeletion", 7)
    );
    assert_eq!(describe_key(kms, id).unwrap().deletion_date, Some(scheduled.deletion_date));
    assert_eq!(ask!(kms, cancel_key_deletion, { "KeyId": id }).unwrap().key_id, *arn);
    let kept = describe_key(kms, id).unwrap();
    assert_eq!((kept.key_state.as_str(), kept.deletion_date), ("Disabled", None));

    ask!(kms, schedule_key_deletion, { "KeyId": id }).unwrap();
    world.clock.advance(DAY * 29);
    assert_eq!(kms.delete_due_keys(), [""; 0]);
    world.clock.advance(DAY);
    assert_eq!(kms.delete_due_keys(), std::slice::from_ref(arn));
    for name in [id, arn, "alias/mine"] {
        assert_refused(describe_key(kms, name), Exception::NotFound, "");
    }
    assert_eq!(kms.orphans().unwrap(), []);
    assert_eq!(kms.delete_due_keys(), [""; 0]);
}

#[test]
fn a_key_of_a_custom_key_store_lives_and_dies_on_vhsm() {
    whole_life(Kind::Vhsm, false);
}

#[test]
fn a_key_of_a_custom_key_store_lives_and_dies_on_softhsm() {
    whole_life(Kind::SoftHsm, false);
}

#[test]
fn a_key_of_the_default_key_store_lives_and_dies() {
    whole_life(Kind::Vhsm, true);
}

#[test]
fn metadata_says_where_a_key_lives() {
    let (world, store) = world(Kind::SoftHsm);
    let custom =
        serde_json::to_value(describe_key(&world.kms, &key_in(&world.kms, &store)).unwrap()).unwrap();
    let default = serde_json::to_value(describe_key(&world.kms, &default_key(&world.kms)).unwrap()).unwrap();
    let common = |key: &Value| {
        json!({
            "AWSAccountId": "000000000000",
            "KeyId": key["KeyId"],
            "Arn": format!("arn:aws:kms:us-east-1:000000000000:key/{}", key["KeyId"].as_str().unwrap()),
            "CreationDate": 1_767_225_600.0,
            "Enabled": true,
            "Description": "",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": "Enabled",
            "KeyManager": "CUSTOMER",
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "MultiRegion": false,
        })
    };
    let mut wanted = common(&custom);
    wanted["Origin"] = "AWS_CLOUDHSM".into();
    wanted["CustomKeyStoreId"] = store.into();
    wanted["CloudHsmClusterId"] = CLUSTERS[0].into();
    assert_eq!(custom, wanted);
    let mut wanted = common(&default);
    wanted["Origin"] = "AWS_KMS".into();
    wanted["CurrentKeyMaterialId"] = default["CurrentKeyMaterialId"].clone();
    assert_eq!(default, wanted);
    let id = default["CurrentKeyMaterialId"].as_str().unwrap();
    assert!(id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
}
