//! What an operation is asked to do: requestMetadata and parameters, taken from a body and checked (XKS Proxy API 1.0.3, "API
//! operations"; reference/xks-proxy.md sec. 3-7).
//!
//! Nothing in requestMetadata is judged but that it is there: kmsRequestId is opaque, kmsOperation may be one that is not
//! known here, and ARNs may have any form.

use super::error::{ErrorName, ProxyError};
use super::members::{METADATA, Members, Text, invalid};
use super::{Api, Record};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Of ciphertextMetadata.
const MOST_METADATA_BYTES: usize = 20;
const IV_BYTES: [usize; 2] = [12, 16];
const TAG_BYTES: usize = 16;

/// What is asked.
pub enum Asked {
    Metadata,
    Health,
    Encrypt(Encrypt),
    Decrypt(Decrypt),
}

pub struct Encrypt {
    pub plaintext: Zeroizing<Vec<u8>>,
    /// Absent is not the same as empty to the reference proxy.
    pub aad: Option<Vec<u8>>,
    pub wants_cdiv: bool,
}

pub struct Decrypt {
    pub ciphertext: Vec<u8>,
    pub iv: Vec<u8>,
    pub tag: Vec<u8>,
    pub aad: Option<Vec<u8>>,
    /// Empty: none.
    pub ciphertext_metadata: Vec<u8>,
}

impl Asked {
    /// `record` gets what requestMetadata says, also where the rest is in error. Errors: ValidationException.
    pub fn parse(api: Api, body: &[u8], record: &mut Record) -> Result<Self, ProxyError> {
        let mut members = Members::parse(body)?;
        let metadata = members.object(METADATA, "requestMetadata.")?;
        tell(&metadata, record);
        check(api, metadata)?;
        match api {
            Api::GetKeyMetadata => Ok(Asked::Metadata),
            Api::GetHealthStatus => Ok(Asked::Health),
            Api::Encrypt => Encrypt::take(members).map(Asked::Encrypt),
            Api::Decrypt => Decrypt::take(members).map(Asked::Decrypt),
        }
    }
}

fn tell(metadata: &Members<'_>, record: &mut Record) {
    record.kms_request_id = metadata.peek("kmsRequestId");
    record.kms_operation = metadata.peek("kmsOperation");
    record.kms_key_arn = metadata.peek("kmsKeyArn");
    record.kms_via_service = metadata.peek("kmsViaService");
    record.aws_principal_arn = metadata.peek("awsPrincipalArn");
    record.aws_source_vpc = metadata.peek("awsSourceVpc");
    record.aws_source_vpce = metadata.peek("awsSourceVpce");
}

/// What has to be there for each operation (specification, appendix B).
fn check(api: Api, mut metadata: Members<'_>) -> Result<(), ProxyError> {
    let required: &[&'static str] = match api {
        Api::GetHealthStatus => &["kmsRequestId", "kmsOperation"],
        Api::GetKeyMetadata => &["kmsRequestId", "kmsOperation", "awsPrincipalArn"],
        Api::Encrypt | Api::Decrypt => &["kmsRequestId", "kmsOperation", "awsPrincipalArn", "kmsKeyArn"],
    };
    for name in required {
        metadata.required(name)?;
    }
    for name in ["awsPrincipalArn", "awsSourceVpc", "awsSourceVpce", "kmsKeyArn", "kmsViaService"] {
        metadata.optional(name)?;
    }
    Ok(())
}

impl Encrypt {
    fn take(mut members: Members<'_>) -> Result<Self, ProxyError> {
        let plaintext = required_bytes(&mut members, "plaintext")?;
        check_algorithm(&mut members)?;
        let aad = optional_bytes(&mut members, "additionalAuthenticatedData")?;
        let cdiv = members.optional("ciphertextDataIntegrityValueAlgorithm")?;
        if cdiv.as_deref().is_some_and(|name| name != "SHA_256") {
            let message = "ciphertextDataIntegrityValueAlgorithm has to be SHA_256.";
            return Err(invalid(message.into()));
        }
        Ok(Self { plaintext, aad: aad.map(unprotected), wants_cdiv: cdiv.is_some() })
    }
}

impl Decrypt {
    fn take(mut members: Members<'_>) -> Result<Self, ProxyError> {
        let ciphertext = required_bytes(&mut members, "ciphertext")?;
        check_algorithm(&mut members)?;
        let iv = required_bytes(&mut members, "initializationVector")?;
        let tag = required_bytes(&mut members, "authenticationTag")?;
        let aad = optional_bytes(&mut members, "additionalAuthenticatedData")?;
        let metadata = optional_bytes(&mut members, "ciphertextMetadata")?.unwrap_or_default();
        if metadata.len() > MOST_METADATA_BYTES {
            let (found, most) = (metadata.len(), MOST_METADATA_BYTES);
            return Err(invalid(format!(
                "ciphertextMetadata has {found} bytes: at most {most} are allowed."
            )));
        }
        Ok(Self {
            ciphertext: unprotected(ciphertext),
            iv: unprotected(iv),
            tag: unprotected(tag),
            aad: aad.map(unprotected),
            ciphertext_metadata: unprotected(metadata),
        })
    }

    /// An IV or a tag that no ciphertext of this proxy has. Errors: InvalidCiphertextException, which is for any that is "corrupted,
    /// missing, or otherwise invalid" (one whose member is missing is ValidationException).
    pub fn check_lengths(&self) -> Result<(), ProxyError> {
        let refuse = |message: String| Err(ProxyError::new(ErrorName::InvalidCiphertext, message));
        if !IV_BYTES.contains(&self.iv.len()) {
            return refuse(format!("initializationVector has {} bytes, not 12 or 16.", self.iv.len()));
        }
        if self.tag.len() != TAG_BYTES {
            return refuse(format!("authenticationTag has {} bytes, not {TAG_BYTES}.", self.tag.len()));
        }
        Ok(())
    }
}

/// Version 1 has AES_GCM alone: another one is a parameter that is invalid, as to the reference proxy.
fn check_algorithm(members: &mut Members<'_>) -> Result<(), ProxyError> {
    match &*members.required("encryptionAlgorithm")? {
        "AES_GCM" => Ok(()),
        _ => Err(invalid("encryptionAlgorithm has to be AES_GCM.".into())),
    }
}

fn required_bytes(members: &mut Members<'_>, name: &'static str) -> Result<Zeroizing<Vec<u8>>, ProxyError> {
    let text = members.required(name)?;
    decode(name, &text)
}

fn optional_bytes(
    members: &mut Members<'_>,
    name: &'static str,
) -> Result<Option<Zeroizing<Vec<u8>>>, ProxyError> {
    members.optional(name)?.map(|text| decode(name, &text)).transpose()
}

/// RFC 4648 sec. 4: padded, and no bits beyond the last byte.
fn decode(name: &str, text: &Text<'_>) -> Result<Zeroizing<Vec<u8>>, ProxyError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(base64::decoded_len_estimate(text.len())));
    STANDARD
        .decode_vec(&**text, &mut bytes)
        .map_err(|_| invalid(format!("{name} is not base64 of the standard alphabet with its padding.")))?;
    Ok(bytes)
}

/// Of what is no secret.
fn unprotected(mut bytes: Zeroizing<Vec<u8>>) -> Vec<u8> {
    std::mem::take(&mut *bytes)
}
