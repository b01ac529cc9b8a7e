//! What policies decide, and what is said of those that are wrong.

use super::*;
use cedar_policy::Schema;

const EXAMPLE: &str = include_str!("../../../examples/xks-proxy/policy.cedar");
const ALL: &str = "permit(principal, action, resource);";
const ALICE: &str = "arn:aws:iam::111122223333:user/Alice";

fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn record(principal: &str) -> Record {
    Record {
        aws_principal_arn: Some(principal.into()),
        kms_operation: Some("GenerateDataKey".into()),
        kms_key_arn: Some("arn:aws:kms:us-east-1:111122223333:key/1".into()),
        ..Record::default()
    }
}

fn question<'a>(api: Api, key_id: &'a str, record: &'a Record) -> Question<'a> {
    Question { api, key_id, key_store: "payments", uri_path_prefix: "/prefix", record }
}

/// Whether it is allowed, and by which rule.
fn judged(policy: &Policy, api: Api, key_id: &str, record: &Record) -> (bool, String) {
    let verdict = policy.judge(&question(api, key_id, record));
    assert_eq!(verdict.trouble, None);
    (verdict.is_allowed, verdict.rule)
}

#[test]
fn the_example_decides_as_it_says() {
    let policy = policy(EXAMPLE);
    let of = |principal| record(principal);
    let allowed = |rule: &str| (true, rule.to_owned());
    let denied = |rule: &str| (false, rule.to_owned());
    let payments = of("arn:aws:iam::111122223333:role/payments");
    let rule = "payments uses its key";
    assert_eq!(judged(&policy, Api::Encrypt, "payments-2024", &payments), allowed(rule));
    assert_eq!(judged(&policy, Api::Decrypt, "payments-2024", &payments), allowed(rule));
    assert_eq!(judged(&policy, Api::Decrypt, "payments-2025", &payments), denied(NO_POLICY));
    assert_eq!(judged(&policy, Api::GetKeyMetadata, "payments-2024", &payments), denied(NO_POLICY));
    let administrator = of("arn:aws:iam::111122223333:role/KeyAdministrator1");
    let rule = "key administrators make KMS keys";
    assert_eq!(judged(&policy, Api::GetKeyMetadata, "any", &administrator), allowed(rule));
    let stranger = of("arn:aws:iam::999999999999:role/KeyAdministrator1");
    assert_eq!(judged(&policy, Api::GetKeyMetadata, "any", &stranger), denied(NO_POLICY));
    let through_s3 = Record { kms_via_service: Some("s3.us-east-1.amazonaws.com".into()), ..of(ALICE) };
    let rule = "S3 for everybody in the account";
    assert_eq!(judged(&policy, Api::Decrypt, "s3-logs", &through_s3), allowed(rule));
    assert_eq!(judged(&policy, Api::Decrypt, "s3-logs", &of(ALICE)), denied(NO_POLICY));
    let elsewhere = Record { aws_source_vpc: Some("vpc-other".into()), ..through_s3 };
    assert_eq!(judged(&policy, Api::Decrypt, "s3-logs", &elsewhere), denied("only from our VPC"));
    for service in ["AWS Internal", "ec2.amazonaws.com"] {
        assert_eq!(judged(&policy, Api::Decrypt, "any", &of(service)), allowed("AWS services decrypt"));
        assert_eq!(judged(&policy, Api::Encrypt, "any", &of(service)), denied(NO_POLICY));
    }
}

/// A user's name may end as a service's does.
#[test]
fn nobody_can_name_himself_a_service() {
    for (principal, account_of, is_service) in [
        (ALICE, Some("111122223333"), false),
        ("arn:aws:iam::111122223333:user/x.amazonaws.com", Some("111122223333"), false),
        ("arn:aws-cn:sts::111122223333:assumed-role/r/s", Some("111122223333"), false),
        ("arn:aws:iam:::user/x", None, false),
        ("arn:aws:iam", None, false),
        ("ec2.amazonaws.com", None, true),
        ("AWS Internal", None, true),
        ("aws internal", None, false),
        ("", None, false),
    ] {
        assert_eq!((account(principal), is_aws_service(principal)), (account_of, is_service), "{principal}");
    }
}

/// Each name of the schema has the value that the request has, and is absent where the request says nothing.
#[test]
fn all_of_a_request_can_be_asked_for() {
    let full = Record {
        kms_via_service: Some("s3".into()),
        aws_source_vpc: Some("vpc".into()),
        aws_source_vpce: Some("vpce".into()),
        ..record(ALICE)
    };
    let bare = Record { kms_key_arn: None, ..record("s3.amazonaws.com") };
    for (condition, of_full, of_bare) in [
        ("principal in XksProxy::Account::\"111122223333\"", true, false),
        ("principal.arn == \"arn:aws:iam::111122223333:user/Alice\"", true, false),
        ("principal.isAwsService", false, true),
        ("resource == XksProxy::Key::\"key-1\"", true, true),
        ("resource in XksProxy::KeyStore::\"payments\"", true, true),
        ("resource.id == \"key-1\"", true, true),
        ("context.kmsOperation == \"GenerateDataKey\"", true, true),
        ("context.uriPathPrefix == \"/prefix\"", true, true),
        ("context has account && context.account == \"111122223333\"", true, false),
        ("context has kmsViaService && context.kmsViaService == \"s3\"", true, false),
        ("context has sourceVpc && context.sourceVpc == \"vpc\"", true, false),
        ("context has sourceVpce && context.sourceVpce == \"vpce\"", true, false),
        ("context has kmsKeyArn && context.kmsKeyArn like \"arn:aws:kms:*:key/1\"", true, false),
        ("action == XksProxy::Action::\"GetKeyMetadata\"", true, true),
    ] {
        let policy = policy(&format!("permit(principal, action, resource) when {{ {condition} }};"));
        for (record, wanted) in [(&full, of_full), (&bare, of_bare)] {
            let (is_allowed, _) = judged(&policy, Api::GetKeyMetadata, "key-1", record);
            assert_eq!(is_allowed, wanted, "{condition}");
        }
    }
}

/// What is asked of Cedar without the schema, for speed, is what the schema says.
#[test]
fn questions_fit_the_schema() {
    let (schema, warnings) = Schema::from_cedarschema_str(SCHEMA).unwrap();
    assert_eq!(warnings.count(), 0);
    let full =
        Record { kms_via_service: Some("s3".into()), aws_source_vpc: Some("vpc".into()), ..record(ALICE) };
    let bare = Record { kms_key_arn: None, ..record("s3.amazonaws.com") };
    let types = Types::new().unwrap();
    for (api, record, fits) in [
        (Api::Encrypt, &full, true),
        (Api::Decrypt, &full, true),
        (Api::GetKeyMetadata, &full, true),
        (Api::GetKeyMetadata, &bare, true),
        // No such request comes so far.
        (Api::Encrypt, &bare, false),
        (Api::GetHealthStatus, &full, false),
    ] {
        let uid = |of: &EntityTypeName, id| EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id));
        let context = context(&question(api, "k", record)).unwrap();
        let request = Request::new(
            uid(&types.principal, "p"),
            uid(&types.action, api.name()),
            uid(&types.key, "k"),
            context,
            Some(&schema),
        );
        assert_eq!(request.is_ok(), fits, "{api:?}");
    }
}

/// An arithmetic overflow is what validation does not see.
#[test]
fn what_cannot_be_evaluated_denies() {
    let fails = "when { 9223372036854775807 + (if context.kmsOperation like \"G*\" then 1 else 0) > 0 };";
    for text in [
        format!("@id(\"all\") {ALL} @id(\"f\") forbid(principal, action, resource) {fails}"),
        format!("@id(\"all\") {ALL} @id(\"f\") permit(principal, action, resource) {fails}"),
        format!("@id(\"f\") permit(principal, action, resource) {fails}"),
    ] {
        let policy = policy(&text);
        let verdict = policy.judge(&question(Api::Encrypt, "k", &record(ALICE)));
        assert!(!verdict.is_allowed, "{text}");
        assert!(verdict.trouble.unwrap().contains("overflow"), "{text}");
        let fine = Record { kms_operation: Some("Encrypt".into()), ..record(ALICE) };
        let verdict = policy.judge(&question(Api::Encrypt, "k", &fine));
        assert_eq!(verdict.trouble, None);
    }
}

#[test]
fn policies_that_decide_are_named() {
    let text = format!("{ALL}\n@id(\"b\") {ALL}\n@id(\"a\") {ALL}");
    assert_eq!(judged(&policy(&text), Api::Encrypt, "k", &record(ALICE)), (true, "a, b, policy0".into()));
    let text = format!("{text}\n@id(\"never\") forbid(principal, action, resource);");
    assert_eq!(judged(&policy(&text), Api::Encrypt, "k", &record(ALICE)), (false, "never".into()));
}

#[test]
fn a_wrong_file_is_refused_with_line_and_mend() {
    for (text, line, words) in [
        ("permit(principal, action, resource)", ":1: ", "expected `;`"),
        ("permit(principal, action,\n resorce);", ":2: ", "resorce"),
        ("forbid(principal, action, resource);", ": ", "write a `permit`"),
        ("", ": ", "write a `permit`"),
        ("permit(principal == ?principal, action, resource);", ": ", "template"),
        (
            "@id(\"a\") permit(principal, action, resource);\n@id(\"a\")\nforbid(principal, action, resource) when { context has sourceVpc };",
            ":2: ",
            "another @id",
        ),
    ] {
        let wrong = Policy::parse(text).err().unwrap_or_else(|| panic!("taken: {text}"));
        assert!(wrong.starts_with(line) && wrong.contains(words), "{text}\n{wrong}");
    }
    for (second, words) in [
        ("permit(principal == XksProxy::User::\"a\", action, resource);", "XksProxy::User"),
        ("permit(principal, action == XksProxy::Action::\"encrypt\", resource);", "did you mean"),
        (
            "permit(principal, action, resource in XksProxy::Key::\"k\") when { resource.name == \"x\" };",
            "did you mean `id`",
        ),
        ("forbid(principal, action, resource) when { context.kmsOp == \"x\" };", "kmsOp"),
        (
            "forbid(principal, action, resource) when { context.kmsViaService == \"x\" };",
            "context has kmsViaService",
        ),
        ("forbid(principal, action, resource) when { context.kmsOperation > 1 };", "saw String"),
        ("forbid(principal, action, resource) when { principal == resource };", "impossible"),
    ] {
        let wrong =
            Policy::parse(&format!("{ALL}\n\n{second}")).err().unwrap_or_else(|| panic!("taken: {second}"));
        assert!(wrong.starts_with(":3: ") && wrong.contains(words), "{second}\n{wrong}");
        assert!(wrong.ends_with(file::MEND), "{wrong}");
    }
}

#[test]
fn files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.cedar");
    let refused = || Policy::load(&path).err().unwrap().to_string();
    assert!(
        refused().ends_with("policy.cedar: No such file or directory (os error 2); let this user read it")
    );
    std::fs::write(&path, "permit(x);").unwrap();
    assert!(refused().contains("/policy.cedar:1: "), "{}", refused());
    std::fs::write(&path, EXAMPLE).unwrap();
    assert!(Policy::load(&path).is_ok());
}

/// What is asked again is not decided again, and each thing that a policy can ask for is a part of what is asked.
#[test]
fn verdicts_are_kept_for_the_same_question_alone() {
    let policy = policy("permit(principal, action, resource) when { context.kmsOperation == \"Encrypt\" };");
    let base = Record { kms_operation: Some("Encrypt".into()), ..record(ALICE) };
    let with = |change: fn(&mut Record)| {
        let mut record = base.clone();
        change(&mut record);
        record
    };
    let others = [
        with(|record| record.kms_via_service = Some("x".into())),
        with(|record| record.aws_source_vpc = Some("x".into())),
        with(|record| record.aws_source_vpce = Some("x".into())),
        with(|record| record.kms_key_arn = None),
        with(|record| record.aws_principal_arn = Some("x".into())),
        with(|record| record.kms_operation = Some("x".into())),
    ];
    let mut asked = HashSet::new();
    for record in [&base].into_iter().chain(&others) {
        for api in [Api::Encrypt, Api::Decrypt] {
            for key in ["a", "b"] {
                let question = question(api, key, record);
                assert!(asked.insert(question.bytes()));
                let first = policy.judge(&question);
                assert_eq!(policy.decide(&question), first);
                assert_eq!(policy.judge(&question), first);
            }
        }
    }
    assert_eq!(policy.decided.read().len(), asked.len());
    let same = Record { kms_request_id: Some("another".into()), ..base.clone() };
    assert!(!asked.insert(question(Api::Encrypt, "a", &same).bytes()));
    let long = Record { kms_via_service: Some("x".repeat(MOST_QUESTION_BYTES)), ..base };
    policy.judge(&question(Api::Encrypt, "a", &long));
    assert_eq!(policy.decided.read().len(), asked.len());
    for number in 0..=MOST_DECIDED {
        policy.judge(&question(Api::Encrypt, &number.to_string(), &same));
    }
    assert!(policy.decided.read().len() <= MOST_DECIDED);
}
