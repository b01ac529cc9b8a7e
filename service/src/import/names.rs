//! What objects, attributes and refusals are called in the report.

use super::softhsm::Owned;
use cryptoki_sys::*;
use serde::Serialize;
use std::fmt::Write;
use vhsm_pkcs11::error::ObjectError;

macro_rules! named {
    ($number:expr, $($name:ident)+) => {
        match $number {
            $($name => stringify!($name).to_owned(),)+
            other => format!("{other:#x}"),
        }
    };
}

/// An object, as far as its attributes tell.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObjectView {
    label: String,
    /// In hexadecimal.
    id: String,
    class: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_type: Option<String>,
    #[serde(skip)]
    number: Option<CK_OBJECT_CLASS>,
}

impl ObjectView {
    pub fn of(values: &[Owned]) -> Self {
        let bytes = |kind| values.iter().find(|(own, _)| *own == kind).map_or(&[][..], |(_, value)| value);
        let number = |kind| Some(CK_ULONG::from_le_bytes(bytes(kind).try_into().ok()?));
        let class = number(CKA_CLASS);
        Self {
            label: String::from_utf8_lossy(bytes(CKA_LABEL)).into_owned(),
            id: hexadecimal(bytes(CKA_ID)),
            class: class.map_or_else(|| "unknown".into(), class_name),
            key_type: number(CKA_KEY_TYPE).map(key_type_name),
            number: class,
        }
    }

    /// Whether it is a secret or private key.
    pub fn keeps_a_secret(&self) -> bool {
        matches!(self.number, Some(CKO_SECRET_KEY | CKO_PRIVATE_KEY))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::from("0x");
    for byte in bytes {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// As the CloudHSM CLI names classes.
fn class_name(class: CK_OBJECT_CLASS) -> String {
    lower(
        "CKO_",
        &named!(class,
        CKO_DATA CKO_CERTIFICATE CKO_PUBLIC_KEY CKO_PRIVATE_KEY CKO_SECRET_KEY CKO_HW_FEATURE
        CKO_DOMAIN_PARAMETERS CKO_MECHANISM CKO_OTP_KEY),
    )
}

/// As the CloudHSM CLI names types of keys.
fn key_type_name(key_type: CK_KEY_TYPE) -> String {
    lower(
        "CKK_",
        &named!(key_type,
        CKK_RSA CKK_DSA CKK_DH CKK_EC CKK_X9_42_DH CKK_GENERIC_SECRET CKK_DES CKK_DES2 CKK_DES3 CKK_AES
        CKK_MD5_HMAC CKK_SHA_1_HMAC CKK_SHA224_HMAC CKK_SHA256_HMAC CKK_SHA384_HMAC CKK_SHA512_HMAC
        CKK_GOSTR3410 CKK_GOSTR3411 CKK_GOST28147 CKK_EC_EDWARDS CKK_EC_MONTGOMERY CKK_ML_DSA CKK_ML_KEM
        CKK_SLH_DSA),
    )
}

fn lower(prefix: &str, name: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase().replace('_', "-")
}

/// An attribute by its name in the specification, where people meet it.
pub fn attribute(kind: CK_ATTRIBUTE_TYPE) -> String {
    named!(kind,
        CKA_CLASS CKA_TOKEN CKA_PRIVATE CKA_LABEL CKA_APPLICATION CKA_VALUE CKA_OBJECT_ID CKA_CERTIFICATE_TYPE
        CKA_ISSUER CKA_SERIAL_NUMBER CKA_TRUSTED CKA_CERTIFICATE_CATEGORY CKA_CHECK_VALUE CKA_KEY_TYPE CKA_SUBJECT
        CKA_ID CKA_SENSITIVE CKA_ENCRYPT CKA_DECRYPT CKA_WRAP CKA_UNWRAP CKA_SIGN CKA_SIGN_RECOVER CKA_VERIFY
        CKA_VERIFY_RECOVER CKA_DERIVE CKA_START_DATE CKA_END_DATE CKA_MODULUS CKA_PUBLIC_EXPONENT
        CKA_PRIVATE_EXPONENT CKA_PRIME_1 CKA_PRIME_2 CKA_EXPONENT_1 CKA_EXPONENT_2 CKA_COEFFICIENT
        CKA_PUBLIC_KEY_INFO CKA_PRIME CKA_SUBPRIME CKA_BASE CKA_VALUE_BITS CKA_EXTRACTABLE CKA_MODIFIABLE
        CKA_COPYABLE CKA_DESTROYABLE CKA_EC_PARAMS CKA_EC_POINT CKA_ALWAYS_AUTHENTICATE CKA_WRAP_WITH_TRUSTED
        CKA_WRAP_TEMPLATE CKA_UNWRAP_TEMPLATE CKA_DERIVE_TEMPLATE CKA_ALLOWED_MECHANISMS CKA_PARAMETER_SET
        CKA_SEED)
}

/// Why an object cannot stand here.
pub fn reason(error: &ObjectError) -> String {
    match error {
        ObjectError::Incomplete(kind) => format!("it lacks {}", attribute(*kind)),
        ObjectError::ValueInvalid { attribute: kind, reason } => format!("{}: {reason}", attribute(*kind)),
        ObjectError::TypeInvalid(kind) | ObjectError::ReadOnly(kind) => {
            format!("it cannot have {} here", attribute(*kind))
        }
        ObjectError::Inconsistent(reason) => (*reason).to_owned(),
        other => other.to_string(),
    }
}
