//! What goes back in place of a response (XKS Proxy API 1.0.3, "Error codes"; reference/xks-proxy.md sec. 8).

use zeroize::Zeroizing;

/// errorName
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorName {
    Validation,
    InvalidState,
    InvalidCiphertext,
    InvalidKeyUsage,
    AuthenticationFailed,
    AccessDenied,
    KeyNotFound,
    InvalidUriPath,
    /// The specification names none for 405: ours.
    MethodNotAllowed,
    /// Nor any for 408: ours. The request did not come whole in time, or its client went away before the answer.
    RequestTimeout,
    Throttling,
    Internal,
    UnsupportedOperation,
    DependencyTimeout,
}

impl ErrorName {
    #[cfg(test)]
    pub const ALL: [ErrorName; 14] = [
        ErrorName::Validation,
        ErrorName::InvalidState,
        ErrorName::InvalidCiphertext,
        ErrorName::InvalidKeyUsage,
        ErrorName::AuthenticationFailed,
        ErrorName::AccessDenied,
        ErrorName::KeyNotFound,
        ErrorName::InvalidUriPath,
        ErrorName::MethodNotAllowed,
        ErrorName::RequestTimeout,
        ErrorName::Throttling,
        ErrorName::Internal,
        ErrorName::UnsupportedOperation,
        ErrorName::DependencyTimeout,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ErrorName::Validation => "ValidationException",
            ErrorName::InvalidState => "InvalidStateException",
            ErrorName::InvalidCiphertext => "InvalidCiphertextException",
            ErrorName::InvalidKeyUsage => "InvalidKeyUsageException",
            ErrorName::AuthenticationFailed => "AuthenticationFailedException",
            ErrorName::AccessDenied => "AccessDeniedException",
            ErrorName::KeyNotFound => "KeyNotFoundException",
            ErrorName::InvalidUriPath => "InvalidUriPathException",
            ErrorName::MethodNotAllowed => "MethodNotAllowedException",
            ErrorName::RequestTimeout => "RequestTimeoutException",
            ErrorName::Throttling => "ThrottlingException",
            ErrorName::Internal => "InternalException",
            ErrorName::UnsupportedOperation => "UnsupportedOperationException",
            ErrorName::DependencyTimeout => "DependencyTimeoutException",
        }
    }

    /// HTTP's.
    pub fn status(self) -> u16 {
        match self {
            ErrorName::Validation
            | ErrorName::InvalidState
            | ErrorName::InvalidCiphertext
            | ErrorName::InvalidKeyUsage => 400,
            ErrorName::AuthenticationFailed => 401,
            ErrorName::AccessDenied => 403,
            ErrorName::KeyNotFound | ErrorName::InvalidUriPath => 404,
            ErrorName::MethodNotAllowed => 405,
            ErrorName::RequestTimeout => 408,
            ErrorName::Throttling => 429,
            ErrorName::Internal => 500,
            ErrorName::UnsupportedOperation => 501,
            ErrorName::DependencyTimeout => 503,
        }
    }

    /// Whether KMS counts it as Retryable (KMS developer guide, "Monitor external key stores"): it says nothing of what was asked,
    /// and may be gone at the next try.
    pub fn is_retryable(self) -> bool {
        matches!(self, ErrorName::Internal | ErrorName::DependencyTimeout | ErrorName::Throttling)
    }
}

/// Of errorMessage: fewer than 512.
const MOST_MESSAGE_CHARACTERS: usize = 511;

/// A request that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyError {
    pub name: ErrorName,
    /// errorMessage: fewer than 512 characters of printable ASCII, no secret.
    pub message: String,
    /// For the access log alone.
    pub detail: Option<String>,
}

impl ProxyError {
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), detail: None }
    }

    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// What stands in place of a response: JSON.
    pub fn body(&self) -> Zeroizing<Vec<u8>> {
        let mut body = format!("{{\"errorName\":\"{}\",\"errorMessage\":\"", self.name.name()).into_bytes();
        for character in self.message.chars().take(MOST_MESSAGE_CHARACTERS) {
            match character {
                '"' | '\\' => body.extend_from_slice(&[b'\\', character as u8]),
                ' '..='~' => body.push(character as u8),
                _ => body.push(b'?'),
            }
        }
        body.extend_from_slice(b"\"}");
        Zeroizing::new(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn told(message: &str) -> Value {
        serde_json::from_slice(&ProxyError::new(ErrorName::Internal, message).body()).unwrap()
    }

    #[test]
    fn a_message_is_short_printable_ascii_in_json() {
        assert_eq!(told("m"), json!({"errorName": "InternalException", "errorMessage": "m"}));
        assert_eq!(told("a\"b\\c\n\u{e9}~ \u{7f}")["errorMessage"], "a\"b\\c??~ ?");
        assert_eq!(told(&"\"".repeat(2000))["errorMessage"], "\"".repeat(511));
    }

    /// The specification's table of error codes.
    #[test]
    fn each_name_has_its_status() {
        let table = ErrorName::ALL.map(|name| (name.status(), name.name()));
        let wanted = [
            (400, "ValidationException"),
            (400, "InvalidStateException"),
            (400, "InvalidCiphertextException"),
            (400, "InvalidKeyUsageException"),
            (401, "AuthenticationFailedException"),
            (403, "AccessDeniedException"),
            (404, "KeyNotFoundException"),
            (404, "InvalidUriPathException"),
            (405, "MethodNotAllowedException"),
            (408, "RequestTimeoutException"),
            (429, "ThrottlingException"),
            (500, "InternalException"),
            (501, "UnsupportedOperationException"),
            (503, "DependencyTimeoutException"),
        ];
        assert_eq!(table, wanted);
    }
}
