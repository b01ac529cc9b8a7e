//! Grants.

use super::*;
use vhsm_keystore::Limits;
use vhsm_keystore::api::{CreateGrantResponse, GrantListEntry};

const ROLE: &str = "arn:aws:iam::000000000000:role/r";
const USER: &str = "arn:aws:iam::000000000000:user/u";

/// Creates a grant with these members beside the usual ones.
fn create(kms: &Kms, key: &str, members: Value) -> Result<CreateGrantResponse, KmsError> {
    let mut all = json!({ "KeyId": key, "GranteePrincipal": ROLE, "Operations": ["Encrypt"] });
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    ask!(kms, create_grant, all)
}

fn grants(kms: &Kms, key: &str) -> Vec<GrantListEntry> {
    ask!(kms, list_grants, { "KeyId": key }).unwrap().grants
}

#[test]
fn a_grant_is_returned_as_it_was_made() {
    let (world, store) = world(Kind::SoftHsm);
    let key = describe_key(&world.kms, &key_in(&world.kms, &store)).unwrap();
    let constraints = json!({ "EncryptionContextSubset": { "a": "b" } });
    let members = json!({ "Name": "n", "RetiringPrincipal": USER, "Constraints": constraints });
    let made = create(&world.kms, &key.key_id, members).unwrap();
    let listed = grants(&world.kms, &key.arn);
    let wanted = json!({
        "KeyId": key.arn,
        "GrantId": made.grant_id,
        "Name": "n",
        "CreationDate": 1_767_225_600.0,
        "GranteePrincipal": ROLE,
        "RetiringPrincipal": USER,
        "IssuingAccount": "arn:aws:iam::000000000000:root",
        "Operations": ["Encrypt"],
        "Constraints": constraints,
    });
    assert_eq!(serde_json::to_value(&listed).unwrap(), json!([wanted]));
    let retirable = ask!(world.kms, list_retirable_grants, { "RetiringPrincipal": USER }).unwrap().grants;
    assert_eq!(retirable, listed);
    assert_eq!(ask!(world.kms, list_retirable_grants, { "RetiringPrincipal": ROLE }).unwrap().grants, []);
}

#[test]
fn a_grant_with_a_name_is_made_once() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let key = default_key(kms);
    let named =
        |operations: Value| create(kms, &key, json!({ "Name": "n", "Operations": operations })).unwrap();
    let first = named(json!(["Encrypt", "Decrypt"]));
    let again = named(json!(["Decrypt", "Encrypt"]));
    assert_eq!(first.grant_id, again.grant_id);
    assert_ne!(first.grant_token, again.grant_token);
    assert_ne!(named(json!(["Encrypt"])).grant_id, first.grant_id);
    let unnamed = [(); 2].map(|()| create(kms, &key, json!({})).unwrap().grant_id);
    assert_ne!(unnamed[0], unnamed[1]);
    assert_eq!(grants(kms, &key).len(), 4);
    // Either token retires it, and then both are worth nothing.
    ask!(kms, retire_grant, { "GrantToken": again.grant_token }).unwrap();
    let retired = ask!(kms, retire_grant, { "GrantToken": first.grant_token });
    assert_refused(retired, Exception::InvalidGrantToken, "not valid");
    // Made anew it is another.
    world.clock.advance(std::time::Duration::from_millis(1));
    named(json!(["Encrypt", "Decrypt"]));
    let retired = ask!(kms, retire_grant, { "GrantToken": first.grant_token });
    assert_refused(retired, Exception::InvalidGrantToken, "not valid");
    assert_eq!(grants(kms, &key).len(), 4);
}

#[test]
fn grant_tokens_are_known_or_refused() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let key = default_key(kms);
    let token = create(kms, &key, json!({})).unwrap().grant_token;
    let describe = |token: &str| ask!(kms, describe_key, { "KeyId": key, "GrantTokens": [token] });
    describe(&token).unwrap();
    create(kms, &key, json!({ "GrantTokens": [token] })).unwrap();
    let mut changed = token.clone();
    changed.replace_range(4..5, if &token[4..5] == "A" { "B" } else { "A" });
    for wrong in ["no token", "AAAA", &changed] {
        assert_refused(describe(wrong), Exception::InvalidGrantToken, "not valid");
        let answer = create(kms, &key, json!({ "GrantTokens": [wrong] }));
        assert_refused(answer, Exception::InvalidGrantToken, "not valid");
        let answer = ask!(kms, retire_grant, { "GrantToken": wrong });
        assert_refused(answer, Exception::InvalidGrantToken, "not valid");
    }
}

#[test]
fn grants_end_by_retiring_and_revoking() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let key = describe_key(kms, &default_key(kms)).unwrap();
    let [first, second] =
        [(); 2].map(|()| create(kms, &key.key_id, json!({ "RetiringPrincipal": USER })).unwrap().grant_id);
    let retire = |key: &str, grant: &str| ask!(kms, retire_grant, { "KeyId": key, "GrantId": grant });
    let revoke = |grant: &str| ask!(kms, revoke_grant, { "KeyId": key.key_id, "GrantId": grant });
    assert_refused(retire(&key.key_id, &first), Exception::InvalidArn, "ARN");
    retire(&key.arn, &first).unwrap();
    assert_refused(retire(&key.arn, &first), Exception::NotFound, &first);
    assert_refused(revoke(&first), Exception::NotFound, &first);
    revoke(&second).unwrap();
    assert_refused(revoke("x"), Exception::InvalidGrantId, "x");
    assert_refused(retire(&key.arn, "x"), Exception::InvalidGrantId, "x");
    assert_eq!(grants(kms, &key.key_id), []);
    assert_eq!(ask!(kms, list_retirable_grants, { "RetiringPrincipal": USER }).unwrap().grants, []);
    let both = ask!(kms, retire_grant, { "GrantToken": "t", "KeyId": key.arn, "GrantId": first });
    assert_refused(both, Exception::Validation, "either");
    assert_refused(ask!(kms, retire_grant, {}), Exception::Validation, "either");
}

#[test]
fn a_dry_run_changes_nothing() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let key = describe_key(kms, &default_key(kms)).unwrap();
    let grant = create(kms, &key.key_id, json!({ "Name": "n" })).unwrap();
    let before = content(&*world.store);
    let dry = |answer: Result<(), KmsError>| {
        assert_refused(answer, Exception::DryRunOperation, "would have succeeded")
    };
    dry(create(kms, &key.key_id, json!({ "DryRun": true })).map(drop));
    dry(create(kms, &key.key_id, json!({ "Name": "n", "DryRun": true })).map(drop));
    dry(ask!(kms, revoke_grant, { "KeyId": key.key_id, "GrantId": grant.grant_id, "DryRun": true }));
    dry(ask!(kms, retire_grant, { "KeyId": key.arn, "GrantId": grant.grant_id, "DryRun": true }));
    dry(ask!(kms, retire_grant, { "GrantToken": grant.grant_token, "DryRun": true }));
    let answer = ask!(kms, revoke_grant, { "KeyId": key.key_id, "GrantId": "0".repeat(64), "DryRun": true });
    assert_refused(answer, Exception::NotFound, "");
    assert_eq!(content(&*world.store), before);
}

#[test]
fn a_key_has_so_many_grants_and_no_more() {
    let limits = Limits { grants_per_key: 2, ..Limits::default() };
    let world = default_world(Settings { limits, ..Settings::default() });
    let kms = &world.kms;
    let key = default_key(kms);
    let first = create(kms, &key, json!({})).unwrap().grant_id;
    create(kms, &key, json!({ "Name": "n" })).unwrap();
    assert_refused(create(kms, &key, json!({})), Exception::LimitExceeded, "2 grants");
    create(kms, &key, json!({ "Name": "n" })).unwrap();
    ask!(kms, revoke_grant, { "KeyId": key, "GrantId": first }).unwrap();
    create(kms, &key, json!({})).unwrap();
}

#[test]
fn lists_of_grants_are_filtered() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let key = default_key(kms);
    let one = create(kms, &key, json!({})).unwrap().grant_id;
    let two = create(kms, &key, json!({ "GranteePrincipal": USER })).unwrap().grant_id;
    let service = json!({
        "GranteePrincipal": null,
        "GranteeServicePrincipal": "ec2.amazonaws.com",
        "RetiringServicePrincipal": "ec2.us-east-1.amazonaws.com",
        "Constraints": { "SourceArn": "arn:aws:ec2:us-east-1:000000000000:volume/v" },
    });
    let three = create(kms, &key, service).unwrap().grant_id;
    let found = |filter: Value| -> Vec<String> {
        let mut members = json!({ "KeyId": key });
        members.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        ask!(kms, list_grants, members).unwrap().grants.into_iter().map(|grant| grant.grant_id).collect()
    };
    assert_eq!(found(json!({ "GranteePrincipal": ROLE })), std::slice::from_ref(&one));
    assert_eq!(found(json!({ "GranteePrincipal": USER })), std::slice::from_ref(&two));
    assert_eq!(
        found(json!({ "GranteeServicePrincipal": "ec2.amazonaws.com" })),
        std::slice::from_ref(&three)
    );
    assert_eq!(found(json!({ "GrantId": two })), [two]);
    assert_eq!(found(json!({ "GrantId": one, "GranteePrincipal": USER })), [""; 0]);
    assert_eq!(found(json!({ "GrantId": "0".repeat(64) })), [""; 0]);
    let members = json!({ "RetiringServicePrincipal": "ec2.us-east-1.amazonaws.com" });
    let retirable = ask!(kms, list_retirable_grants, members).unwrap().grants;
    assert_eq!(retirable.len(), 1);
    assert_eq!((&retirable[0].grant_id, retirable[0].grantee_principal.as_ref()), (&three, None));
    assert_refused(ask!(kms, list_grants, { "KeyId": key, "GrantId": "x" }), Exception::InvalidGrantId, "x");
    assert_refused(ask!(kms, list_retirable_grants, {}), Exception::Validation, "RetiringPrincipal");
}

#[test]
fn operations_must_be_those_of_the_key() {
    let (world, store) = world(Kind::SoftHsm);
    let (custom, default) = (key_in(&world.kms, &store), default_key(&world.kms));
    let grant = |key: &str, operation| create(&world.kms, key, json!({ "Operations": [operation] }));
    grant(&default, "GenerateDataKeyPair").unwrap();
    assert_refused(grant(&custom, "GenerateDataKeyPair"), Exception::Validation, "GenerateDataKeyPair");
    assert_refused(grant(&default, "Sign"), Exception::Validation, "Sign");
    assert_refused(grant(&default, "Fly"), Exception::Validation, "enum value set");
}
