//! Aliases.

use super::*;
use crate::support::caller;
use vhsm_keystore::Limits;

fn create(kms: &Kms, name: &str, key: &str) -> Result<(), KmsError> {
    ask!(kms, create_alias, { "AliasName": name, "TargetKeyId": key })
}

fn names_of(kms: &Kms, key: &str) -> Vec<String> {
    let aliases = ask!(kms, list_aliases, { "KeyId": key }).unwrap().aliases;
    aliases.into_iter().map(|alias| alias.alias_name).collect()
}

#[test]
fn an_alias_names_a_key_until_it_is_moved_or_deleted() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let (one, two) = (default_key(kms), describe_key(kms, &default_key(kms)).unwrap());
    create(kms, "alias/a", &one).unwrap();
    world.clock.advance(std::time::Duration::from_millis(1500));
    ask!(kms, update_alias, { "AliasName": "alias/a", "TargetKeyId": two.arn }).unwrap();
    let aliases = kms.list_aliases(&caller(), &Default::default()).unwrap().aliases;
    let entry = serde_json::to_value(&aliases[0]).unwrap();
    let wanted = json!({
        "AliasName": "alias/a",
        "AliasArn": "arn:aws:kms:us-east-1:000000000000:alias/a",
        "TargetKeyId": two.key_id,
        "CreationDate": 1_767_225_600.0,
        "LastUpdatedDate": 1_767_225_601.5,
    });
    assert_eq!((aliases.len(), entry), (1, wanted));
    assert_eq!((names_of(kms, &one), names_of(kms, &two.key_id)), (vec![], vec!["alias/a".to_owned()]));
    ask!(kms, delete_alias, { "AliasName": "alias/a" }).unwrap();
    assert_refused(describe_key(kms, "alias/a"), Exception::NotFound, "alias/a is not found");
    create(kms, "alias/a", &one).unwrap();
}

#[test]
fn names_and_targets_have_forms() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let key = default_key(kms);
    create(kms, "alias/a", &key).unwrap();
    assert_refused(create(kms, "alias/a", &key), Exception::AlreadyExists, "alias/a already exists");
    assert_refused(create(kms, "a", &key), Exception::InvalidAliasName, "must start with");
    assert_refused(create(kms, "alias/", &key), Exception::InvalidAliasName, "");
    assert_refused(create(kms, "alias/a b", &key), Exception::Validation, "^[a-zA-Z0-9:/_-]+$");
    assert_refused(create(kms, "alias/aws/s3", &key), Exception::NotAuthorized, "alias/aws/");
    assert_refused(create(kms, "alias/b", "alias/a"), Exception::Validation, "Not aliases");
    assert_refused(create(kms, "alias/b", "nothing"), Exception::NotFound, "nothing");
    let moved = |name| ask!(kms, update_alias, { "AliasName": name, "TargetKeyId": key });
    let deleted = |name| ask!(kms, delete_alias, { "AliasName": name });
    assert_refused(moved("a"), Exception::Validation, "must start with");
    assert_refused(deleted("a"), Exception::Validation, "must start with");
    assert_refused(moved("alias/aws/s3"), Exception::NotAuthorized, "alias/aws/");
    assert_refused(deleted("alias/aws/s3"), Exception::NotAuthorized, "alias/aws/");
    assert_refused(moved("alias/b"), Exception::NotFound, "alias/b");
    assert_refused(deleted("alias/b"), Exception::NotFound, "alias/b");
    moved("alias/a").unwrap();
}

#[test]
fn a_key_has_so_many_aliases_and_no_more() {
    let limits = Limits { aliases_per_key: 2, ..Limits::default() };
    let world = default_world(Settings { limits, ..Settings::default() });
    let kms = &world.kms;
    let (full, other) = (default_key(kms), default_key(kms));
    create(kms, "alias/a", &full).unwrap();
    create(kms, "alias/b", &full).unwrap();
    create(kms, "alias/c", &other).unwrap();
    assert_refused(create(kms, "alias/d", &full), Exception::LimitExceeded, "2 aliases");
    let moved = |name, key: &str| ask!(kms, update_alias, { "AliasName": name, "TargetKeyId": key });
    assert_refused(moved("alias/c", &full), Exception::LimitExceeded, "2 aliases");
    moved("alias/a", &full).unwrap();
    moved("alias/a", &other).unwrap();
    moved("alias/c", &full).unwrap();
    ask!(kms, delete_alias, { "AliasName": "alias/b" }).unwrap();
    create(kms, "alias/d", &full).unwrap();
    assert_eq!(names_of(kms, &full), ["alias/c", "alias/d"]);
}
