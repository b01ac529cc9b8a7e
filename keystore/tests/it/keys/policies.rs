//! Key policies.

use super::*;

fn policy(principal: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "kms:*", "Resource": "*" }],
    })
    .to_string()
}

fn read(kms: &Kms, key: &str) -> String {
    ask!(kms, get_key_policy, { "KeyId": key }).unwrap().policy
}

#[test]
fn a_key_without_a_policy_gets_the_default_one() {
    let world = default_world(Settings::default());
    let key = default_key(&world.kms);
    let policy: Value = serde_json::from_str(&read(&world.kms, &key)).unwrap();
    let wanted = json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM policies",
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::000000000000:root" },
            "Action": "kms:*",
            "Resource": "*",
        }],
    });
    assert_eq!(policy, wanted);
    let names = ask!(world.kms, list_key_policies, { "KeyId": key }).unwrap();
    assert_eq!((names.policy_names, names.truncated), (vec!["default".to_owned()], false));
}

#[test]
fn a_policy_is_kept_as_it_was_given() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let mine = format!("{}\n", policy("arn:aws:iam::000000000000:user/test"));
    let key = create_key(kms, json!({ "Policy": mine })).unwrap().key_id;
    assert_eq!(read(kms, &key), mine);
    let all = policy("*");
    ask!(kms, put_key_policy, { "KeyId": key, "PolicyName": "default", "Policy": all }).unwrap();
    assert_eq!(read(kms, &key), all);
}

#[test]
fn what_is_no_policy_is_refused() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let key = default_key(kms);
    let before = content(&*world.store);
    let long = policy("*").replace('*', &" ".repeat(40_000));
    for (policy, exception, says) in [
        ("{}".to_owned(), Exception::MalformedPolicyDocument, "Statement"),
        (policy("nobody"), Exception::MalformedPolicyDocument, "invalid principals"),
        (policy("444455556666"), Exception::MalformedPolicyDocument, "will not allow you"),
        (long, Exception::LimitExceeded, "32768"),
        (String::new(), Exception::Validation, "greater than or equal to 1"),
        ("\u{20ac}".into(), Exception::Validation, "regular expression"),
    ] {
        let put = ask!(kms, put_key_policy, { "KeyId": key, "Policy": policy });
        assert_refused(put, exception, says);
        assert_refused(create_key(kms, json!({ "Policy": policy })), exception, says);
    }
    assert_eq!(content(&*world.store), before);
}

#[test]
fn the_lock_out_check_can_be_left_out() {
    let world = default_world(Settings::default());
    let others = policy("444455556666");
    let members = json!({ "Policy": others, "BypassPolicyLockoutSafetyCheck": true });
    let key = create_key(&world.kms, members).unwrap().key_id;
    assert_eq!(read(&world.kms, &key), others);
    let members = json!({ "KeyId": key, "Policy": others, "BypassPolicyLockoutSafetyCheck": true });
    ask!(world.kms, put_key_policy, members).unwrap();
}

#[test]
fn there_is_one_policy_only() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let key = default_key(kms);
    let get = |name| ask!(kms, get_key_policy, { "KeyId": key, "PolicyName": name });
    let put = |name| ask!(kms, put_key_policy, { "KeyId": key, "PolicyName": name, "Policy": policy("*") });
    assert_refused(get("other"), Exception::NotFound, "No such policy exists");
    assert_refused(put("other"), Exception::NotFound, "No such policy exists");
    assert_refused(put("AWS_RAM"), Exception::Validation, "can only be managed by the RAM service");
    assert_eq!(get("default").unwrap().policy_name, "default");
}
