//! The four calls of the API, as KMS makes them, for checks to make and to spoil.

use super::http::{Reply, Request, lenient_base64};
use super::outcome::{Finding, ensure, missed};
use super::proxy::Proxy;
use super::target::API_PATH;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub const VALIDATION: &str = "ValidationException";
pub const INVALID_CIPHERTEXT: &str = "InvalidCiphertextException";
pub const INVALID_KEY_USAGE: &str = "InvalidKeyUsageException";
pub const AUTHENTICATION: &str = "AuthenticationFailedException";
pub const ACCESS_DENIED: &str = "AccessDeniedException";
pub const KEY_NOT_FOUND: &str = "KeyNotFoundException";
pub const INVALID_URI_PATH: &str = "InvalidUriPathException";
pub const THROTTLING: &str = "ThrottlingException";
pub const UNSUPPORTED: &str = "UnsupportedOperationException";
pub const DEPENDENCY_TIMEOUT: &str = "DependencyTimeoutException";

/// What a proxy has to take, in bytes.
pub const PLAINTEXT_BYTES: usize = 4300;
pub const AAD_BYTES: usize = 8192;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    GetKeyMetadata,
    Encrypt,
    Decrypt,
    GetHealthStatus,
}

impl Api {
    pub const ALL: [Api; 4] = [Api::GetKeyMetadata, Api::Encrypt, Api::Decrypt, Api::GetHealthStatus];

    pub fn name(self) -> &'static str {
        match self {
            Api::GetKeyMetadata => "GetKeyMetadata",
            Api::Encrypt => "Encrypt",
            Api::Decrypt => "Decrypt",
            Api::GetHealthStatus => "GetHealthStatus",
        }
    }

    fn path(self, key: &str) -> String {
        match self {
            Api::GetKeyMetadata => format!("/keys/{key}/metadata"),
            Api::Encrypt => format!("/keys/{key}/encrypt"),
            Api::Decrypt => format!("/keys/{key}/decrypt"),
            Api::GetHealthStatus => "/health".to_owned(),
        }
    }

    /// The members that requestMetadata has to have.
    pub fn required_metadata(self) -> &'static [&'static str] {
        match self {
            Api::GetKeyMetadata => &["awsPrincipalArn", "kmsOperation", "kmsRequestId"],
            Api::Encrypt | Api::Decrypt => &["awsPrincipalArn", "kmsKeyArn", "kmsOperation", "kmsRequestId"],
            Api::GetHealthStatus => &["kmsOperation", "kmsRequestId"],
        }
    }
}

/// What Encrypt answered, decoded.
#[derive(Clone)]
pub struct Sealed {
    pub ciphertext: Vec<u8>,
    pub iv: Vec<u8>,
    pub tag: Vec<u8>,
    pub metadata: Option<Vec<u8>>,
    pub cdiv: Option<Vec<u8>>,
}

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes that nobody else has.
pub fn random(bytes: usize) -> Vec<u8> {
    let mut random = vec![0; bytes];
    // The generator of this library does not fail: it stops the process where there is no randomness.
    openssl::rand::rand_bytes(&mut random).expect("random bytes");
    random
}

impl Proxy {
    /// requestMetadata with all that is required, as KMS sends it.
    pub fn metadata(&self, api: Api) -> Value {
        let id = uuid::Uuid::new_v4().to_string();
        let operation = match api {
            Api::GetKeyMetadata => "CreateKey",
            Api::Encrypt => "Encrypt",
            Api::Decrypt => "Decrypt",
            Api::GetHealthStatus => "KmsHealthCheck",
        };
        let mut metadata = json!({"kmsOperation": operation, "kmsRequestId": id});
        if api != Api::GetHealthStatus {
            metadata["awsPrincipalArn"] = self.target.principal_arn.as_str().into();
        }
        if matches!(api, Api::Encrypt | Api::Decrypt) {
            metadata["kmsKeyArn"] = self.target.kms_key_arn.as_str().into();
        }
        metadata
    }

    /// A request that succeeds: of Encrypt a random plaintext of 32 bytes, of Decrypt what `sealed` is.
    pub fn good_body(&self, api: Api, sealed: &Sealed) -> Value {
        match api {
            Api::GetKeyMetadata | Api::GetHealthStatus => json!({"requestMetadata": self.metadata(api)}),
            Api::Encrypt => self.encrypt_body(&random(32), None, false),
            Api::Decrypt => self.decrypt_body(sealed, None),
        }
    }

    pub fn encrypt_body(&self, plaintext: &[u8], aad: Option<&[u8]>, cdiv: bool) -> Value {
        let mut body = json!({
            "requestMetadata": self.metadata(Api::Encrypt),
            "plaintext": base64(plaintext),
            "encryptionAlgorithm": "AES_GCM",
        });
        if let Some(aad) = aad {
            body["additionalAuthenticatedData"] = base64(aad).into();
        }
        if cdiv {
            body["ciphertextDataIntegrityValueAlgorithm"] = "SHA_256".into();
        }
        body
    }

    pub fn decrypt_body(&self, sealed: &Sealed, aad: Option<&[u8]>) -> Value {
        let mut body = json!({
            "requestMetadata": self.metadata(Api::Decrypt),
            "ciphertext": base64(&sealed.ciphertext),
            "initializationVector": base64(&sealed.iv),
            "authenticationTag": base64(&sealed.tag),
            "encryptionAlgorithm": "AES_GCM",
        });
        if let Some(aad) = aad {
            body["additionalAuthenticatedData"] = base64(aad).into();
        }
        if let Some(metadata) = &sealed.metadata {
            body["ciphertextMetadata"] = base64(metadata).into();
        }
        body
    }

    /// A request of this API, not signed yet.
    pub fn request(&self, api: Api, key: &str, body: &Value) -> Request {
        self.raw_request(&api.path(key), body.to_string().into_bytes())
    }

    /// A POST of any body to any path behind `/kms/xks/v1`, not signed yet.
    pub fn raw_request(&self, path: &str, body: Vec<u8>) -> Request {
        Request {
            method: "POST",
            path: format!("{}{API_PATH}{path}", self.target.prefix),
            headers: vec![
                ("Host".to_owned(), self.target.authority()),
                ("Content-Type".to_owned(), "application/json".to_owned()),
            ],
            body,
        }
    }

    pub fn signed(&self, mut request: Request) -> Request {
        self.signing().sign(&mut request);
        request
    }

    /// A signed call of the key that the command names.
    pub fn call(&self, api: Api, body: &Value) -> Result<Reply, Finding> {
        self.call_key(api, &self.target.key, body)
    }

    pub fn call_key(&self, api: Api, key: &str, body: &Value) -> Result<Reply, Finding> {
        self.answer(&self.signed(self.request(api, key, body)))
    }

    pub fn encrypt(&self, plaintext: &[u8], aad: Option<&[u8]>) -> Result<Sealed, Finding> {
        self.encrypt_with(&self.target.key, plaintext, aad, false)
    }

    pub fn encrypt_with(
        &self,
        key: &str,
        plaintext: &[u8],
        aad: Option<&[u8]>,
        cdiv: bool,
    ) -> Result<Sealed, Finding> {
        let reply = self.call_key(Api::Encrypt, key, &self.encrypt_body(plaintext, aad, cdiv))?;
        sealed(&reply).map_err(|finding| finding.about("Encrypt"))
    }

    pub fn decrypt(&self, sealed: &Sealed, aad: Option<&[u8]>) -> Result<Reply, Finding> {
        self.call(Api::Decrypt, &self.decrypt_body(sealed, aad))
    }

    /// Asserts that a ciphertext opens to this plaintext.
    pub fn opens(&self, sealed: &Sealed, aad: Option<&[u8]>, plaintext: &[u8]) -> Result<(), Finding> {
        let reply = self.decrypt(sealed, aad)?;
        is_plaintext(&reply, plaintext).map_err(|finding| finding.about("Decrypt"))
    }

    /// Asserts that Decrypt refuses this, as one of these errors.
    pub fn shuts(&self, sealed: &Sealed, aad: Option<&[u8]>, names: &[&str]) -> Result<(), Finding> {
        self.decrypt(sealed, aad)?.refused(names).map(drop)
    }
}

/// Encrypt's answer. Lengths, and base64's alphabet, have checks of their own.
pub fn sealed(reply: &Reply) -> Result<Sealed, Finding> {
    let json = reply.ok()?;
    let member = |name: &str| match &json[name] {
        Value::Null => Ok(None),
        Value::String(text) => match lenient_base64(text) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(missed(format!("{name} is no base64"))),
        },
        _ => Err(missed(format!("{name} is no string"))),
    };
    let needed = |name: &str| member(name)?.ok_or_else(|| missed(format!("{name} is missing")));
    Ok(Sealed {
        ciphertext: needed("ciphertext")?,
        iv: needed("initializationVector")?,
        tag: needed("authenticationTag")?,
        metadata: member("ciphertextMetadata")?,
        cdiv: member("ciphertextDataIntegrityValue")?,
    })
}

pub fn is_plaintext(reply: &Reply, plaintext: &[u8]) -> Result<(), Finding> {
    let json = reply.ok()?;
    let text = json["plaintext"].as_str().ok_or_else(|| missed("plaintext is missing"))?;
    let opened = lenient_base64(text).ok_or_else(|| missed("plaintext is no base64"))?;
    ensure(opened == plaintext, || {
        format!("another plaintext, of {} bytes in place of {}", opened.len(), plaintext.len())
    })
}
