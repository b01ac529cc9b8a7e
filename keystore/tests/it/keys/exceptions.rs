//! What every operation that names a key answers where there is none, and where members break their rules. The other
//! documented exceptions stand beside what provokes them.

use super::*;
use std::sync::Arc;
use vhsm_store::{Fault, Faulty, Memory};

type Ask = fn(&Kms, &Value) -> Result<(), KmsError>;

/// Operations that take a key by ID or ARN, and no alias; with the member that names it.
const MANAGING: &[(&str, Ask)] = &[
    ("keyId", |kms, key| ask!(kms, enable_key, { "KeyId": key })),
    ("keyId", |kms, key| ask!(kms, disable_key, { "KeyId": key })),
    ("keyId", |kms, key| ask!(kms, schedule_key_deletion, { "KeyId": key }).map(drop)),
    ("keyId", |kms, key| ask!(kms, cancel_key_deletion, { "KeyId": key }).map(drop)),
    ("keyId", |kms, key| ask!(kms, update_key_description, { "KeyId": key, "Description": "" })),
    ("keyId", |kms, key| ask!(kms, tag_resource, { "KeyId": key, "Tags": [] })),
    ("keyId", |kms, key| ask!(kms, untag_resource, { "KeyId": key, "TagKeys": [] })),
    ("keyId", |kms, key| ask!(kms, list_resource_tags, { "KeyId": key }).map(drop)),
    ("keyId", |kms, key| ask!(kms, get_key_policy, { "KeyId": key }).map(drop)),
    ("keyId", |kms, key| {
        let policy =
            json!({ "Statement": { "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" } });
        ask!(kms, put_key_policy, { "KeyId": key, "Policy": policy.to_string() })
    }),
    ("keyId", |kms, key| ask!(kms, list_key_policies, { "KeyId": key }).map(drop)),
    ("keyId", |kms, key| {
        let grantee = "arn:aws:iam::000000000000:role/r";
        ask!(kms, create_grant, { "KeyId": key, "GranteePrincipal": grantee, "Operations": ["Encrypt"] })
            .map(drop)
    }),
    ("keyId", |kms, key| ask!(kms, list_grants, { "KeyId": key }).map(drop)),
    ("keyId", |kms, key| ask!(kms, revoke_grant, { "KeyId": key, "GrantId": "0".repeat(64) })),
];

const DESCRIBE: (&str, Ask) = ("keyId", |kms, key| ask!(kms, describe_key, { "KeyId": key }).map(drop));
const LIST_ALIASES: (&str, Ask) = ("keyId", |kms, key| ask!(kms, list_aliases, { "KeyId": key }).map(drop));
const CREATE_ALIAS: (&str, Ask) =
    ("targetKeyId", |kms, key| ask!(kms, create_alias, { "AliasName": "alias/new", "TargetKeyId": key }));
const UPDATE_ALIAS: (&str, Ask) =
    ("targetKeyId", |kms, key| ask!(kms, update_alias, { "AliasName": "alias/there", "TargetKeyId": key }));

/// Reads of them that lists do not count.
fn all() -> impl Iterator<Item = &'static (&'static str, Ask)> {
    MANAGING.iter().chain([&DESCRIBE, &LIST_ALIASES, &CREATE_ALIAS, &UPDATE_ALIAS])
}

fn world_with_an_alias() -> World {
    let world = default_world(Settings::default());
    let key = default_key(&world.kms);
    ask!(world.kms, create_alias, { "AliasName": "alias/there", "TargetKeyId": key }).unwrap();
    world
}

#[test]
fn keys_that_are_not_there_are_not_found() {
    let world = world_with_an_alias();
    for (_, ask) in all() {
        for key in [
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "name",
            "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:eu-west-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        ] {
            assert_refused(ask(&world.kms, &json!(key)), Exception::NotFound, key);
        }
        assert_refused(ask(&world.kms, &json!("arn:aws:s3:::bucket")), Exception::InvalidArn, "bucket");
    }
}

#[test]
fn keys_are_managed_by_id_or_arn_alone() {
    let world = world_with_an_alias();
    for (_, ask) in MANAGING.iter().chain([&LIST_ALIASES]) {
        assert_refused(ask(&world.kms, &json!("alias/there")), Exception::NotFound, "alias/there");
        let arn = "arn:aws:kms:us-east-1:000000000000:alias/there";
        assert_refused(ask(&world.kms, &json!(arn)), Exception::InvalidArn, arn);
    }
    assert_eq!((DESCRIBE.1)(&world.kms, &json!("alias/there")), Ok(()));
}

#[test]
fn a_key_must_be_named() {
    let world = world_with_an_alias();
    for (member, ask) in all() {
        let long = "k".repeat(2049);
        assert_refused(ask(&world.kms, &json!(long)), Exception::Validation, "less than or equal to 2048");
        let says = format!("Value '' at '{member}' failed");
        assert_refused(ask(&world.kms, &json!("")), Exception::Validation, &says);
    }
    for (member, ask) in MANAGING.iter().chain([&DESCRIBE, &CREATE_ALIAS, &UPDATE_ALIAS]) {
        let says = format!("Value null at '{member}' failed to satisfy constraint: Member must not be null");
        assert_refused(ask(&world.kms, &Value::Null), Exception::Validation, &says);
    }
}

#[test]
fn members_break_their_rules() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let key = default_key(kms);
    let invalid = |answer: Result<(), KmsError>, says| assert_refused(answer, Exception::Validation, says);
    let days =
        |days: i64| ask!(kms, schedule_key_deletion, { "KeyId": key, "PendingWindowInDays": days }).map(drop);
    invalid(days(6), "between 7 and 30");
    invalid(days(31), "between 7 and 30");
    invalid(days(0), "greater than or equal to 1");
    invalid(days(366), "less than or equal to 365");
    let description = "d".repeat(8193);
    let answer = ask!(kms, update_key_description, { "KeyId": key, "Description": description });
    invalid(answer, "less than or equal to 8192");
    invalid(ask!(kms, update_key_description, { "KeyId": key }), "'description'");
    invalid(create_key(kms, json!({ "Description": description })).map(drop), "8192");
    invalid(create_key(kms, json!({ "KeySpec": "AES" })).map(drop), "SYMMETRIC_DEFAULT");
    invalid(create_key(kms, json!({ "Origin": "AWS_CLOUDHSM" })).map(drop), "CustomKeyStoreId");
    invalid(ask!(kms, tag_resource, { "KeyId": key }), "'tags'");
    invalid(ask!(kms, untag_resource, { "KeyId": key }), "'tagKeys'");
    invalid(ask!(kms, untag_resource, { "KeyId": key, "TagKeys": [""] }), "'tagKeys'");
    invalid(ask!(kms, put_key_policy, { "KeyId": key }), "'policy'");
    invalid(ask!(kms, get_key_policy, { "KeyId": key, "PolicyName": "a b" }).map(drop), "'policyName'");
    let tokens = vec!["t"; 11];
    invalid(ask!(kms, describe_key, { "KeyId": key, "GrantTokens": tokens }).map(drop), "'grantTokens'");
    let both = json!({ "KeyId": key, "GranteePrincipal": "arn:aws:iam::000000000000:root", "GranteeServicePrincipal": "a.b.c" });
    invalid(ask!(kms, list_grants, both).map(drop), "not both");
    let untag = ask!(kms, untag_resource, { "KeyId": key, "TagKeys": ["aws:x"] });
    assert_refused(untag, Exception::Tag, "reserved");
}

#[test]
fn what_this_service_does_not_make_is_unsupported() {
    let (world, store) = world(Kind::SoftHsm);
    for members in [
        json!({ "Origin": "EXTERNAL" }),
        json!({ "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY" }),
        json!({ "MultiRegion": true }),
        json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store, "MultiRegion": true }),
    ] {
        let what = members.to_string();
        assert_refused(create_key(&world.kms, members), Exception::UnsupportedOperation, "is not supported");
        assert!(ask!(world.kms, list_keys, {}).unwrap().keys.is_empty(), "{what}");
    }
}

#[test]
fn a_store_that_fails_is_an_internal_error_whose_cause_is_for_the_log() {
    let broken = Faulty::new(Arc::new(Memory::new()), |_| Fault::Fail);
    let world = World::with(Kind::SoftHsm, Settings::default(), Arc::new(broken));
    let key = json!("1234abcd-12ab-34cd-56ef-1234567890ab");
    for (_, ask) in all() {
        let error = ask(&world.kms, &key).unwrap_err();
        assert_eq!(error.exception, Exception::KmsInternal);
        assert!(!error.message.contains("injected"), "{error}");
        assert!(error.detail.is_some_and(|detail| detail.contains("injected")));
    }
    assert_eq!(world.kms.delete_due_keys(), [""; 0]);
}

#[test]
fn a_default_key_store_that_cannot_be_reached_is_a_fault() {
    let world = default_world(Settings::default());
    world
        .directory
        .change_cluster(CLUSTERS[2], |cluster| cluster.hsms.iter_mut().for_each(|hsm| hsm.is_active = false));
    assert_refused(create_key(&world.kms, json!({})), Exception::DependencyTimeout, "try again");
    assert!(Exception::DependencyTimeout.is_fault());
}
