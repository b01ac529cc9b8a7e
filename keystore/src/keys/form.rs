//! Which members of CreateKey go together (reference sec. 4 and 6), and what of it this layer makes.

use super::api::CreateKeyRequest;
use crate::error::{Exception, KmsError};
use crate::records::key::Origin;
use crate::validate::{CUSTOM_KEY_STORE_ID, Check, Text, invalid};

/// DescriptionType
pub(crate) const DESCRIPTION: Text = Text::new(0, 8192);
/// XksKeyIdType
const XKS_KEY_ID: Text = Text::new(1, 128).pattern("^[a-zA-Z0-9-_.]+$", |text| {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
});

const ORIGINS: &[&str] = &["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"];
const USAGES: &[&str] =
    &["SIGN_VERIFY", "ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"];
/// What CustomerMasterKeySpec knows: the first of `SPECS`.
const OLD_SPECS: usize = 13;
const SPECS: &[&str] = &[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SYMMETRIC_DEFAULT",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "SM2",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
    "ECC_NIST_EDWARDS25519",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
];

pub(crate) const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";
pub(crate) const ENCRYPT_DECRYPT: &str = "ENCRYPT_DECRYPT";

/// A key that can be made: symmetric, of one Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyForm<'a> {
    pub origin: Origin,
    /// CustomKeyStoreId, but of Origin AWS_KMS.
    pub store: Option<&'a str>,
    /// XksKeyId, of Origin EXTERNAL_KEY_STORE.
    pub xks_key: Option<&'a str>,
}

impl<'a> KeyForm<'a> {
    /// Errors: `Validation`: members that break their rules or do not go together; `UnsupportedOperation`: a key that a
    /// custom key store never has, or that this layer does not make.
    pub fn of(request: &'a CreateKeyRequest) -> Result<Self, KmsError> {
        check_members(request)?;
        let origin = request.origin.as_deref().unwrap_or("AWS_KMS");
        let spec = request.key_spec.as_deref().or(request.customer_master_key_spec.as_deref());
        let spec = spec.unwrap_or(SYMMETRIC);
        let usage = request.key_usage.as_deref();
        check_origin(origin, request)?;
        if request.custom_key_store_id.is_some() {
            check_custom(spec, usage, request.multi_region == Some(true))?;
        }
        check_usage(spec, usage)?;
        check_made(origin, spec, request.multi_region == Some(true))?;
        let [store, xks_key] = [&request.custom_key_store_id, &request.xks_key_id].map(Option::as_deref);
        let origin = match (store, xks_key) {
            (None, _) => Origin::AwsKms,
            (Some(_), None) => Origin::AwsCloudHsm,
            (Some(_), Some(_)) => Origin::ExternalKeyStore,
        };
        Ok(Self { origin, store, xks_key })
    }
}

fn check_members(request: &CreateKeyRequest) -> Result<(), KmsError> {
    let mut check = Check::default();
    check.text("description", request.description.as_deref(), &DESCRIPTION);
    check.one_of("keyUsage", request.key_usage.as_deref(), USAGES);
    let old = request.customer_master_key_spec.as_deref();
    check.one_of("customerMasterKeySpec", old, &SPECS[..OLD_SPECS]);
    check.one_of("keySpec", request.key_spec.as_deref(), SPECS);
    check.one_of("origin", request.origin.as_deref(), ORIGINS);
    check.text("customKeyStoreId", request.custom_key_store_id.as_deref(), &CUSTOM_KEY_STORE_ID);
    check.text("xksKeyId", request.xks_key_id.as_deref(), &XKS_KEY_ID);
    check.text("policy", request.policy.as_deref(), &super::policy::POLICY);
    super::tags::check_members(&mut check, request.tags.as_deref().unwrap_or_default());
    check.finish()?;
    if request.key_spec.is_some() && old.is_some() {
        let message = "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is \
                       deprecated.";
        return Err(invalid(message));
    }
    Ok(())
}

/// Which origins want, and which refuse, CustomKeyStoreId and XksKeyId.
fn check_origin(origin: &str, request: &CreateKeyRequest) -> Result<(), KmsError> {
    let wants_store = matches!(origin, "AWS_CLOUDHSM" | "EXTERNAL_KEY_STORE");
    let wants_xks_key = origin == "EXTERNAL_KEY_STORE";
    let wrong = |verb: &str, member: &str| {
        Err(invalid(format!("A KMS key with the Origin {origin} {verb} the parameter {member}.")))
    };
    match (request.custom_key_store_id.is_some(), request.xks_key_id.is_some()) {
        (false, _) if wants_store => wrong("requires", "CustomKeyStoreId"),
        (true, _) if !wants_store => wrong("cannot be created with", "CustomKeyStoreId"),
        (_, false) if wants_xks_key => wrong("requires", "XksKeyId"),
        (_, true) if !wants_xks_key => wrong("cannot be created with", "XksKeyId"),
        _ => Ok(()),
    }
}

/// Custom key stores have symmetric encryption keys of one Region only.
fn check_custom(spec: &str, usage: Option<&str>, is_multi_region: bool) -> Result<(), KmsError> {
    let wrong = |what: &str| {
        Err(unsupported(format!(
            "{what} is not supported in a custom key store, which has symmetric encryption KMS keys only."
        )))
    };
    match usage {
        _ if spec != SYMMETRIC => wrong(&format!("KeySpec {spec}")),
        Some(usage) if usage != ENCRYPT_DECRYPT => wrong(&format!("KeyUsage {usage}")),
        _ if is_multi_region => wrong("MultiRegion"),
        _ => Ok(()),
    }
}

fn check_usage(spec: &str, usage: Option<&str>) -> Result<(), KmsError> {
    match usage {
        None if spec == SYMMETRIC => Ok(()),
        None => {
            let message =
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
            Err(invalid(message))
        }
        Some(usage) if usages(spec).contains(&usage) => Ok(()),
        Some(usage) => Err(invalid(format!("KeyUsage {usage} is not compatible with KeySpec {spec}"))),
    }
}

/// The values of KeyUsage that go with a KeySpec.
fn usages(spec: &str) -> &'static [&'static str] {
    match spec {
        SYMMETRIC => &[ENCRYPT_DECRYPT],
        "RSA_2048" | "RSA_3072" | "RSA_4096" => &[ENCRYPT_DECRYPT, "SIGN_VERIFY"],
        "ECC_NIST_P256" | "ECC_NIST_P384" | "ECC_NIST_P521" => &["SIGN_VERIFY", "KEY_AGREEMENT"],
        "SM2" => &[ENCRYPT_DECRYPT, "SIGN_VERIFY", "KEY_AGREEMENT"],
        _ if spec.starts_with("HMAC_") => &["GENERATE_VERIFY_MAC"],
        _ if spec.starts_with("ML_KEM_") => &["ENCAPSULATE_DECAPSULATE"],
        _ => &["SIGN_VERIFY"],
    }
}

/// What this layer makes of all that KMS can.
fn check_made(origin: &str, spec: &str, is_multi_region: bool) -> Result<(), KmsError> {
    let wrong = |what: &str| Err(unsupported(format!("{what} is not supported by this service.")));
    match origin {
        "EXTERNAL" => wrong(&format!("Origin {origin}")),
        _ if spec != SYMMETRIC => wrong(&format!("KeySpec {spec}")),
        _ if is_multi_region => wrong("MultiRegion"),
        _ => Ok(()),
    }
}

fn unsupported(message: String) -> KmsError {
    KmsError::new(Exception::UnsupportedOperation, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request of `Member=value` pairs.
    fn request(members: &str) -> CreateKeyRequest {
        let member = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into()))
        };
        let members: serde_json::Map<_, _> = members.split_whitespace().map(member).collect();
        serde_json::from_value(members.into()).unwrap()
    }

    const CLOUD: &str = "Origin=AWS_CLOUDHSM CustomKeyStoreId=cks-1";
    const XKS: &str = "Origin=EXTERNAL_KEY_STORE CustomKeyStoreId=cks-1 XksKeyId=k-_.9";

    #[test]
    fn symmetric_keys_of_three_origins_are_made() {
        for members in [
            "",
            "Origin=AWS_KMS KeyUsage=ENCRYPT_DECRYPT",
            "CustomerMasterKeySpec=SYMMETRIC_DEFAULT MultiRegion=false",
        ] {
            let request = request(members);
            assert_eq!(
                KeyForm::of(&request),
                Ok(KeyForm { origin: Origin::AwsKms, store: None, xks_key: None }),
                "{members}"
            );
        }
        let made = [
            (CLOUD, KeyForm { origin: Origin::AwsCloudHsm, store: Some("cks-1"), xks_key: None }),
            (XKS, KeyForm { origin: Origin::ExternalKeyStore, store: Some("cks-1"), xks_key: Some("k-_.9") }),
        ];
        for (members, form) in made {
            assert_eq!(KeyForm::of(&request(&format!("{members} KeySpec=SYMMETRIC_DEFAULT"))), Ok(form));
        }
    }

    /// The exception of a request.
    fn exception(members: &str) -> Exception {
        KeyForm::of(&request(members)).expect_err(members).exception
    }

    #[test]
    fn members_that_do_not_go_together_are_invalid() {
        for members in [
            "KeySpec=SYMMETRIC_DEFAULT CustomerMasterKeySpec=SYMMETRIC_DEFAULT",
            "CustomKeyStoreId=cks-1",
            "Origin=AWS_KMS CustomKeyStoreId=cks-1",
            "Origin=EXTERNAL CustomKeyStoreId=cks-1",
            "Origin=AWS_CLOUDHSM",
            "Origin=EXTERNAL_KEY_STORE",
            "Origin=EXTERNAL_KEY_STORE XksKeyId=k",
            "Origin=EXTERNAL_KEY_STORE CustomKeyStoreId=cks-1",
            "XksKeyId=k",
            "Origin=EXTERNAL XksKeyId=k",
            &format!("{CLOUD} XksKeyId=k"),
            "KeyUsage=SIGN_VERIFY",
            "KeySpec=RSA_2048",
            "KeySpec=HMAC_256",
            "KeySpec=RSA_2048 KeyUsage=GENERATE_VERIFY_MAC",
            "KeySpec=ECC_SECG_P256K1 KeyUsage=KEY_AGREEMENT",
            "KeySpec=ML_KEM_768 KeyUsage=SIGN_VERIFY",
            "KeySpec=AES",
            "CustomerMasterKeySpec=ML_DSA_44",
            "KeyUsage=ALL",
            "Origin=MINE",
            "Origin=EXTERNAL_KEY_STORE CustomKeyStoreId=cks-1 XksKeyId=a/b",
        ] {
            assert_eq!(exception(members), Exception::Validation, "{members}");
        }
    }

    #[test]
    fn what_custom_key_stores_never_have_is_unsupported() {
        for members in [
            "KeySpec=RSA_2048",
            "KeySpec=RSA_2048 KeyUsage=SIGN_VERIFY",
            "CustomerMasterKeySpec=HMAC_256 KeyUsage=GENERATE_VERIFY_MAC",
            "KeyUsage=SIGN_VERIFY",
            "MultiRegion=true",
        ] {
            for store in [CLOUD, XKS] {
                let exception = exception(&format!("{store} {members}"));
                assert_eq!(exception, Exception::UnsupportedOperation, "{store} {members}");
            }
        }
    }

    #[test]
    fn what_this_service_does_not_make_is_unsupported() {
        for members in [
            "Origin=EXTERNAL",
            "MultiRegion=true",
            "KeySpec=RSA_2048 KeyUsage=SIGN_VERIFY",
            "KeySpec=ECC_NIST_P256 KeyUsage=KEY_AGREEMENT",
            "KeySpec=ML_KEM_512 KeyUsage=ENCAPSULATE_DECAPSULATE",
            "KeySpec=ML_DSA_44 KeyUsage=SIGN_VERIFY",
            "CustomerMasterKeySpec=SM2 KeyUsage=ENCRYPT_DECRYPT",
            "KeySpec=HMAC_512 KeyUsage=GENERATE_VERIFY_MAC",
        ] {
            assert_eq!(exception(members), Exception::UnsupportedOperation, "{members}");
        }
    }
}
