//! Identifiers (reference/kms-custom-key-stores.md sec. 1, "Identifiers").

use crate::error::{Exception, KmsError};
use crate::kms::Settings;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A KMS key's ID: a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Uuid);

impl KeyId {
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// `None`: not a UUID in lower case with hyphens.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        (id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(Self(id))
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Names key material in the HSMs: CKA_ID (reference/cloudhsm.md sec. 3, `backingKeyId` of CloudTrail). Shown as 64 hex
/// digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BackingKeyId(pub [u8; 32]);

impl BackingKeyId {
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        bytes[16..].copy_from_slice(Uuid::new_v4().as_bytes());
        Self(bytes)
    }
}

impl fmt::Display for BackingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A custom key store's ID: `cks-` and 17 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StoreId(pub String);

impl StoreId {
    pub fn random() -> Self {
        let digits = Uuid::new_v4().simple().to_string();
        Self(format!("cks-{}", &digits[..17]))
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `alias/<name>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AliasName(String);

impl AliasName {
    pub const PREFIX: &'static str = "alias/";

    /// Errors: InvalidAliasName: no prefix, nothing behind it, over 256 characters, or others than `[a-zA-Z0-9:/_-]`.
    /// `alias/aws/` is not refused here: such aliases may be named, not made.
    pub fn parse(text: &str) -> Result<Self, KmsError> {
        let invalid = |why: &str| Err(KmsError::new(Exception::InvalidAliasName, why));
        match text.strip_prefix(Self::PREFIX) {
            None => invalid(
                "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html",
            ),
            Some("") => invalid("Alias must have a name behind \"alias/\"."),
            Some(_) if text.len() > 256 => invalid("Alias must be at most 256 characters long."),
            Some(name) if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b":/_-".contains(&b)) => {
                invalid(
                    "Alias contains invalid characters. Alias must only contain alphanumeric characters and :/_-",
                )
            }
            Some(_) => Ok(Self(text.into())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether AWS alone may make it.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with("alias/aws/")
    }
}

impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An ARN of KMS: `arn:<partition>:kms:<region>:<account>:<resource>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn {
    pub partition: String,
    pub region: String,
    pub account: String,
    /// `key/<id>` or `alias/<name>`.
    pub resource: String,
}

impl Arn {
    /// `None`: not an ARN of KMS.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().map(str::to_owned);
        let (arn, partition, service) = (next()?, next()?, next()?);
        let (region, account, resource) = (next()?, next()?, next()?);
        (arn == "arn" && service == "kms" && !resource.is_empty()).then_some(Self {
            partition,
            region,
            account,
            resource,
        })
    }
}

/// What a KeyId member names, before it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyName {
    Key(KeyId),
    Alias(AliasName),
}

impl KeyName {
    /// A key ID, key ARN, alias name or alias ARN. Errors: `NotFound` for what could be a key's id but is none of ours
    /// (another region or account too), `InvalidArn` for a malformed ARN.
    pub fn parse(text: &str, settings: &Settings) -> Result<Self, KmsError> {
        if text.starts_with(AliasName::PREFIX) {
            return AliasName::parse(text).map(KeyName::Alias).map_err(|_| unknown_alias(text, settings));
        }
        if !text.starts_with("arn:") {
            return Self::key(text, settings);
        }
        let arn = Arn::parse(text).ok_or_else(|| invalid_arn(text))?;
        let ours = (arn.partition == settings.partition)
            && (arn.region == settings.region)
            && (arn.account == settings.account);
        match arn.resource.strip_prefix("key/") {
            Some(id) if ours => Self::key(id, settings),
            Some(_) => Err(KmsError::new(Exception::NotFound, format!("Key '{text}' does not exist"))),
            None if arn.resource.starts_with(AliasName::PREFIX) && ours => {
                Self::parse(&arn.resource, settings)
            }
            None if arn.resource.starts_with(AliasName::PREFIX) => {
                Err(KmsError::new(Exception::NotFound, format!("Alias {text} is not found.")))
            }
            None => Err(invalid_arn(text)),
        }
    }

    /// For operations that take no alias: a key ID or key ARN. Errors: as `parse`; `NotFound` (for a name) and
    /// `InvalidArn` (for an ARN) of an alias.
    pub fn parse_key(text: &str, settings: &Settings) -> Result<KeyId, KmsError> {
        match Self::parse(text, settings)? {
            KeyName::Key(id) => Ok(id),
            KeyName::Alias(_) if text.starts_with("arn:") => Err(invalid_arn(text)),
            KeyName::Alias(_) => Err(no_key(text, settings)),
        }
    }

    fn key(text: &str, settings: &Settings) -> Result<Self, KmsError> {
        KeyId::parse(text).map(KeyName::Key).ok_or_else(|| no_key(text, settings))
    }
}

fn invalid_arn(text: &str) -> KmsError {
    KmsError::new(Exception::InvalidArn, format!("Invalid arn {text}"))
}

/// NotFoundException for a key that is not there.
pub(crate) fn no_key(id: impl fmt::Display, settings: &Settings) -> KmsError {
    let Settings { partition, region, account, .. } = settings;
    let message = format!("Key 'arn:{partition}:kms:{region}:{account}:key/{id}' does not exist");
    KmsError::new(Exception::NotFound, message)
}

/// NotFoundException for an alias that is not there.
pub(crate) fn unknown_alias(name: &str, settings: &Settings) -> KmsError {
    let Settings { partition, region, account, .. } = settings;
    let message = format!("Alias arn:{partition}:kms:{region}:{account}:{name} is not found.");
    KmsError::new(Exception::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn keys_go_by_four_names() {
        let settings = Settings::default();
        let (region, account) = (&settings.region, &settings.account);
        let key = KeyName::Key(KeyId::parse(ID).unwrap());
        let alias = KeyName::Alias(AliasName::parse("alias/a/b").unwrap());
        assert_eq!(KeyName::parse(ID, &settings).unwrap(), key);
        let arn = format!("arn:aws:kms:{region}:{account}:key/{ID}");
        assert_eq!(KeyName::parse(&arn, &settings).unwrap(), key);
        assert_eq!(KeyName::parse("alias/a/b", &settings).unwrap(), alias);
        let arn = format!("arn:aws:kms:{region}:{account}:alias/a/b");
        assert_eq!(KeyName::parse(&arn, &settings).unwrap(), alias);
    }

    #[test]
    fn what_names_no_key_of_ours_is_told_apart() {
        let settings = Settings::default();
        let exception = |text: &str| KeyName::parse(text, &settings).unwrap_err().exception;
        assert_eq!(exception("no-uuid"), Exception::NotFound);
        assert_eq!(exception(&ID.to_uppercase()), Exception::NotFound);
        assert_eq!(exception("arn:aws:kms:eu-west-1:000000000001:key/x"), Exception::NotFound);
        assert_eq!(exception("arn:aws:kms:eu-west-1"), Exception::InvalidArn);
        assert_eq!(exception("arn:aws:s3:::bucket"), Exception::InvalidArn);
        assert_eq!(exception("arn:aws:kms:us-east-1:1:thing/x"), Exception::InvalidArn);
    }

    #[test]
    fn operations_on_keys_take_no_alias() {
        let settings = Settings::default();
        let error = KeyName::parse_key("alias/x", &settings).unwrap_err();
        assert_eq!(error.exception, Exception::NotFound);
        let arn = format!("arn:aws:kms:{}:{}:alias/x", settings.region, settings.account);
        assert_eq!(KeyName::parse_key(&arn, &settings).unwrap_err().exception, Exception::InvalidArn);
    }

    #[test]
    fn alias_names_keep_their_form() {
        for wrong in ["x", "alias/", "alias/a b", &format!("alias/{}", "x".repeat(251))] {
            assert_eq!(
                AliasName::parse(wrong).unwrap_err().exception,
                Exception::InvalidAliasName,
                "{wrong}"
            );
        }
        assert!(AliasName::parse("alias/aws/s3").unwrap().is_reserved());
    }

    #[test]
    fn new_ids_have_their_forms() {
        let id = StoreId::random().0;
        assert!(
            id.len() == 21 && id.starts_with("cks-") && id[4..].bytes().all(|b| b.is_ascii_hexdigit()),
            "{id}"
        );
        assert_eq!(BackingKeyId::random().to_string().len(), 64);
        assert_eq!(KeyId::parse(&KeyId::random().to_string()).unwrap().to_string().len(), 36);
    }
}
