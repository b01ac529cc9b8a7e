//! The form of CreateGrant's members.

use crate::error::{Exception, KmsError};
use crate::keys::api::{CreateGrantRequest, GrantConstraints};
use crate::keys::principal::{is_principal_arn, is_service};
use crate::records::key::{Origin, Principal};
use crate::validate::{Check, KEY_ID, Text, invalid, is_name};

/// PrincipalIdType
pub(super) const PRINCIPAL: Text = Text::new(1, 256).pattern(r"^[\w+=,.@:/-]+$", |text| {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b))
});
/// ServicePrincipalType
pub(super) const SERVICE: Text =
    Text::new(1, 128).pattern(r"^([A-Za-z0-9\-]+)\.([A-Za-z0-9\-]+)(\.[A-Za-z0-9\-]+)+$", is_service);
/// GrantIdType
pub(super) const GRANT_ID: Text = Text::new(1, 128);
/// GrantNameType
const NAME: Text = Text::new(1, 256).pattern("^[a-zA-Z0-9:/_-]+$", is_name);
/// GrantConstraintSourceArnType
const SOURCE_ARN: Text =
    Text::new(20, 512).pattern("^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$", is_source_arn);
/// The most pairs of a constraint, and the most characters of a value.
const PAIRS: usize = 8;
const VALUE_CHARS: usize = 384;

/// What a symmetric encryption key can do.
const SYMMETRIC: &[&str] = &[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "CreateGrant",
    "RetireGrant",
    "DescribeKey",
];
/// What it can do, but not in a custom key store.
const PAIR_OPERATIONS: &[&str] = &["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"];
/// What other keys can do.
const OTHERS: &[&str] = &[
    "Sign",
    "Verify",
    "GetPublicKey",
    "GenerateMac",
    "VerifyMac",
    "DeriveSharedSecret",
    "Encapsulate",
    "Decapsulate",
];

/// What CreateGrant grants to whom.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct GrantForm {
    pub grantee: Principal,
    pub retiring: Option<Principal>,
    /// Each one once.
    pub operations: Vec<String>,
    /// JSON
    pub constraints: Option<String>,
    pub name: Option<String>,
}

impl GrantForm {
    /// Errors: `Validation`, `InvalidArn`: what should be a principal's ARN.
    pub fn of(request: &CreateGrantRequest) -> Result<Self, KmsError> {
        check_members(request)?;
        let grantee = principal(
            "GranteePrincipal",
            request.grantee_principal.as_deref(),
            request.grantee_service_principal.as_deref(),
        )?;
        let retiring = principal(
            "RetiringPrincipal",
            request.retiring_principal.as_deref(),
            request.retiring_service_principal.as_deref(),
        )?;
        let Some(grantee) = grantee else {
            return Err(invalid("Specify either GranteePrincipal or GranteeServicePrincipal."));
        };
        let constraints = request.constraints.as_ref();
        constraints.map_or(Ok(()), check_constraints)?;
        let source = constraints.and_then(|constraints| constraints.source_arn.as_ref());
        if matches!(grantee, Principal::Service(_)) && (source.is_none() || retiring.is_none()) {
            let message = "A grant with a GranteeServicePrincipal needs the constraint SourceArn, and a RetiringPrincipal or \
                           RetiringServicePrincipal.";
            return Err(invalid(message));
        }
        let constraints = constraints.filter(|given| **given != GrantConstraints::default());
        let constraints = constraints.map(serde_json::to_string).transpose();
        let constraints = constraints
            .map_err(|error| KmsError::internal(format!("constraints cannot be written: {error}")))?;
        let mut operations = Vec::new();
        for operation in request.operations.iter().flatten() {
            if !operations.contains(operation) {
                operations.push(operation.clone());
            }
        }
        Ok(Self { grantee, retiring, operations, constraints, name: request.name.clone() })
    }

    /// Errors: `Validation`: an operation that a key of this origin does not have.
    pub fn check_fits(&self, origin: Origin) -> Result<(), KmsError> {
        let fits = |operation: &str| {
            SYMMETRIC.contains(&operation)
                || (origin == Origin::AwsKms && PAIR_OPERATIONS.contains(&operation))
        };
        match self.operations.iter().find(|operation| !fits(operation)) {
            Some(operation) => {
                let origin = origin.name();
                Err(invalid(format!(
                    "The operation {operation} is not supported by a symmetric encryption KMS key with the Origin {origin}."
                )))
            }
            None => Ok(()),
        }
    }
}

fn check_members(request: &CreateGrantRequest) -> Result<(), KmsError> {
    let mut check = Check::default();
    check.required("keyId", request.key_id.as_deref(), &KEY_ID);
    check.text("granteePrincipal", request.grantee_principal.as_deref(), &PRINCIPAL);
    check.text("retiringPrincipal", request.retiring_principal.as_deref(), &PRINCIPAL);
    check.present("operations", request.operations.is_some());
    let all = [SYMMETRIC, PAIR_OPERATIONS, OTHERS].concat();
    check.each_of("operations", request.operations.as_deref().unwrap_or_default(), &all);
    if let Some(constraints) = &request.constraints {
        check.text("constraints.sourceArn", constraints.source_arn.as_deref(), &SOURCE_ARN);
    }
    check.grant_tokens(request.grant_tokens.as_deref());
    check.text("name", request.name.as_deref(), &NAME);
    check.text("granteeServicePrincipal", request.grantee_service_principal.as_deref(), &SERVICE);
    check.text("retiringServicePrincipal", request.retiring_service_principal.as_deref(), &SERVICE);
    check.finish()?;
    match request.operations.as_ref().is_some_and(Vec::is_empty) {
        true => Err(invalid("Operations must name at least one operation.")),
        false => Ok(()),
    }
}

/// One of the two members, or none.
fn principal(member: &str, arn: Option<&str>, service: Option<&str>) -> Result<Option<Principal>, KmsError> {
    match (arn, service) {
        (Some(_), Some(_)) => {
            Err(invalid(format!("Specify either {member} or its service principal, not both.")))
        }
        (None, None) => Ok(None),
        (None, Some(service)) => Ok(Some(Principal::Service(service.into()))),
        (Some(arn), None) if is_principal_arn(arn) => Ok(Some(Principal::Aws(arn.into()))),
        (Some(_), None) => Err(KmsError::new(
            Exception::InvalidArn,
            format!("{member}: ARN does not refer to a valid principal"),
        )),
    }
}

fn check_constraints(constraints: &GrantConstraints) -> Result<(), KmsError> {
    let contexts = [&constraints.encryption_context_equals, &constraints.encryption_context_subset];
    for context in contexts.into_iter().flatten() {
        if context.len() > PAIRS {
            return Err(invalid(format!(
                "A grant constraint can have at most {PAIRS} encryption context pairs."
            )));
        }
        if context.values().any(|value| value.chars().count() > VALUE_CHARS) {
            let message = format!("A value of a grant constraint can have at most {VALUE_CHARS} characters.");
            return Err(invalid(message));
        }
    }
    Ok(())
}

fn is_source_arn(text: &str) -> bool {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let is_word =
        |word: &str| word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match parts[..] {
        ["arn", partition, service, region, account, resource] => {
            partition.starts_with("aws")
                && [partition, service, region].into_iter().all(is_word)
                && !service.is_empty()
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && !resource.is_empty()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ROLE: &str = "arn:aws:iam::111122223333:role/r";

    fn form(members: Value) -> Result<GrantForm, KmsError> {
        let mut all = json!({ "KeyId": "k", "Operations": ["Encrypt"], "GranteePrincipal": ROLE });
        for (name, value) in members.as_object().unwrap() {
            all[name] = value.clone();
        }
        GrantForm::of(&serde_json::from_value(all).unwrap())
    }

    #[test]
    fn a_grant_says_who_may_do_what() {
        let grant =
            form(json!({ "Operations": ["Encrypt", "Decrypt", "Encrypt"], "Constraints": {}, "Name": "n" }))
                .unwrap();
        assert_eq!(grant.operations, ["Encrypt", "Decrypt"]);
        assert_eq!((grant.grantee, grant.retiring), (Principal::Aws(ROLE.into()), None));
        assert_eq!((grant.constraints, grant.name.as_deref()), (None, Some("n")));
        let service = json!({
            "GranteePrincipal": null,
            "GranteeServicePrincipal": "ec2.amazonaws.com",
            "RetiringServicePrincipal": "ec2.us-east-1.amazonaws.com",
            "Constraints": { "SourceArn": "arn:aws:ec2:us-east-1:111122223333:volume/v", "EncryptionContextSubset": { "a": "b" } },
        });
        let grant = form(service).unwrap();
        assert_eq!(grant.grantee, Principal::Service("ec2.amazonaws.com".into()));
        let constraints = r#"{"EncryptionContextSubset":{"a":"b"},"SourceArn":"arn:aws:ec2:us-east-1:111122223333:volume/v"}"#;
        assert_eq!(grant.constraints.as_deref(), Some(constraints));
    }

    #[test]
    fn members_of_another_form_are_invalid() {
        let pairs: serde_json::Map<_, _> = (0..9).map(|number| (number.to_string(), json!("x"))).collect();
        for members in [
            json!({ "KeyId": null }),
            json!({ "Operations": null }),
            json!({ "Operations": [] }),
            json!({ "Operations": ["Fly"] }),
            json!({ "GranteePrincipal": null }),
            json!({ "GranteePrincipal": "a b" }),
            json!({ "GranteeServicePrincipal": "ec2.amazonaws.com" }),
            json!({ "GranteePrincipal": null, "GranteeServicePrincipal": "ec2.amazonaws.com" }),
            json!({ "RetiringPrincipal": ROLE, "RetiringServicePrincipal": "ec2.amazonaws.com" }),
            json!({ "Name": "a b" }),
            json!({ "Constraints": { "SourceArn": "arn:aws:ec2:us-east-1:1:volume/v" } }),
            json!({ "Constraints": { "EncryptionContextEquals": pairs } }),
            json!({ "Constraints": { "EncryptionContextSubset": { "a": "x".repeat(385) } } }),
        ] {
            assert_eq!(
                form(members.clone()).expect_err(&members.to_string()).exception,
                Exception::Validation
            );
        }
        for member in ["GranteePrincipal", "RetiringPrincipal"] {
            let error = form(json!({ member: "arn:aws:iam::1:root" })).unwrap_err();
            assert_eq!(error.exception, Exception::InvalidArn, "{member}");
        }
    }

    #[test]
    fn operations_are_those_of_the_key() {
        for (operation, default, custom) in
            [("Decrypt", true, true), ("GenerateDataKeyPair", true, false), ("Sign", false, false)]
        {
            let grant = form(json!({ "Operations": [operation] })).unwrap();
            assert_eq!(grant.check_fits(Origin::AwsKms).is_ok(), default, "{operation}");
            assert_eq!(grant.check_fits(Origin::AwsCloudHsm).is_ok(), custom, "{operation}");
        }
    }
}
