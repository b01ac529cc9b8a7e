use super::*;
use serde_json::json;

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn caller() -> Caller {
    Caller {
        account: "111122223333".into(),
        principal: "arn:aws:iam::111122223333:user/u".into(),
        request_id: None,
    }
}

fn parse(document: Value) -> Result<Policy, KmsError> {
    Policy::parse(&document.to_string(), 32 * 1024)
}

/// A policy of one statement that allows everybody everything, with some members set to others (null: without it).
fn with(members: Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*" });
    for (name, value) in members.as_object().unwrap() {
        match value {
            Value::Null => statement.as_object_mut().unwrap().remove(name),
            value => statement.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

#[test]
fn the_default_policy_is_a_policy_that_its_account_can_change() {
    let settings = Settings { account: "111122223333".into(), ..Settings::default() };
    let policy = Policy::parse(&default_policy(&settings), settings.limits.policy_bytes).unwrap();
    assert_eq!(policy.check_lockout(&caller(), KEY), Ok(()));
}

#[test]
fn documents_of_the_right_form_pass() {
    for document in [
        with(json!({})),
        json!({ "Statement": with(json!({}))["Statement"][0] }),
        json!({ "Id": "x", "Version": "2008-10-17", "Statement": with(json!({}))["Statement"] }),
        with(
            json!({ "Sid": "s", "Principal": { "AWS": ["111122223333", "arn:aws:iam::111122223333:role/r"] } }),
        ),
        with(json!({ "Principal": { "Service": "ec2.amazonaws.com", "Federated": "cognito" } })),
        with(json!({ "Principal": null, "NotPrincipal": { "AWS": "*" }, "Effect": "Deny" })),
        with(json!({ "Action": ["kms:Encrypt", "kms:Generate*"], "Resource": [KEY] })),
        with(json!({ "Action": null, "NotAction": "kms:Decrypt", "Resource": null, "NotResource": KEY })),
        // They have no effect, which KMS does not refuse.
        with(json!({ "Action": null })),
        with(json!({ "Resource": null })),
        with(
            json!({ "Condition": { "StringEquals": { "kms:CallerAccount": ["1", "2"] }, "Bool": { "x": true } } }),
        ),
    ] {
        assert!(parse(document.clone()).is_ok(), "{document}");
    }
}

#[test]
fn documents_of_another_form_are_malformed() {
    for document in [
        json!([]),
        json!("policy"),
        json!({}),
        json!({ "Statement": [] }),
        json!({ "Version": "2013-01-01", "Statement": with(json!({}))["Statement"] }),
        json!({ "Id": 5, "Statement": with(json!({}))["Statement"] }),
        json!({ "Statements": [], "Statement": with(json!({}))["Statement"] }),
        json!({ "Statement": ["x"] }),
        with(json!({ "Sid": 5 })),
        with(json!({ "Effect": "allow" })),
        with(json!({ "Effect": null })),
        with(json!({ "Principal": null })),
        with(json!({ "Principal": "arn:aws:iam::111122223333:root" })),
        with(json!({ "Principal": {} })),
        with(json!({ "Principal": { "AWS": [] } })),
        with(json!({ "Principal": { "AWS": "nobody" } })),
        with(json!({ "Principal": { "AWS": 5 } })),
        with(json!({ "Principal": { "Gcp": "x" } })),
        with(json!({ "Principal": { "Service": "amazonaws" } })),
        with(json!({ "NotPrincipal": { "AWS": "*" } })),
        with(json!({ "Action": "Encrypt" })),
        with(json!({ "Action": 5 })),
        with(json!({ "NotAction": "kms:*" })),
        with(json!({ "Resource": "key" })),
        with(json!({ "Resource": [5] })),
        with(json!({ "Condition": "x" })),
        with(json!({ "Condition": { "StringEquals": "x" } })),
        with(json!({ "Condition": { "StringEquals": { "a": { "b": "c" } } } })),
        with(json!({ "Extra": "x" })),
    ] {
        let error = parse(document.clone()).expect_err(&document.to_string());
        assert_eq!(error.exception, Exception::MalformedPolicyDocument, "{document}");
    }
    let error = Policy::parse("{", 100).unwrap_err();
    assert_eq!(error.exception, Exception::MalformedPolicyDocument);
}

#[test]
fn long_documents_are_over_the_limit() {
    let document = with(json!({ "Sid": "s".repeat(32 * 1024) }));
    assert_eq!(parse(document).unwrap_err().exception, Exception::LimitExceeded);
}

#[test]
fn nobody_locks_himself_out() {
    for document in [
        with(json!({ "Principal": { "AWS": "arn:aws:iam::111122223333:root" } })),
        with(
            json!({ "Action": ["kms:Describe*", "kms:putkeypolicy"], "Resource": "arn:aws:kms:*:111122223333:key/*" }),
        ),
        with(json!({ "Action": "kms:Put?eyPolicy" })),
        with(json!({ "Action": null, "NotAction": "kms:Decrypt" })),
        with(json!({ "Condition": { "StringEquals": { "kms:CallerAccount": "111122223333" } } })),
    ] {
        assert_eq!(parse(document.clone()).unwrap().check_lockout(&caller(), KEY), Ok(()), "{document}");
    }
    let denied = json!({ "Statement": [with(json!({}))["Statement"][0], with(json!({ "Effect": "Deny" }))["Statement"][0]] });
    for document in [
        denied,
        with(json!({ "Effect": "Deny" })),
        with(json!({ "Principal": { "AWS": "444455556666" } })),
        with(json!({ "Principal": { "Service": "ec2.amazonaws.com" } })),
        with(json!({ "Action": "kms:Get*" })),
        with(json!({ "Action": null })),
        with(json!({ "Action": null, "NotAction": "kms:Put*" })),
        with(json!({ "Resource": "arn:aws:kms:us-east-1:111122223333:key/other" })),
        with(json!({ "Principal": null, "NotPrincipal": { "AWS": "111122223333" } })),
    ] {
        let error = parse(document.clone()).unwrap().check_lockout(&caller(), KEY).unwrap_err();
        assert_eq!(error.exception, Exception::MalformedPolicyDocument, "{document}");
        assert!(error.message.contains("will not allow you to update the key policy"), "{error}");
    }
}

#[test]
fn patterns_have_stars_and_question_marks() {
    for (pattern, text, is) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abcb", false),
        ("a*b*c", "axbybzc", true),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("", "a", false),
        ("abc", "abc", true),
        ("ab**", "ab", true),
    ] {
        assert_eq!(is_like(pattern, text), is, "{pattern} {text}");
    }
}
