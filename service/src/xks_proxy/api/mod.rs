//! The four operations of the XKS Proxy API, from a request whose signature is right to its answer.

mod aad;
mod error;
mod failure;
mod members;
mod operation;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use error::{ErrorName, ProxyError};

use super::current::{Current, KeyStore};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}

/// A request whose signature is right.
pub struct Call<'a> {
    pub current: &'a Current,
    pub store: &'a Arc<KeyStore>,
    pub api: Api,
    /// As it stands in the path; none of GetHealthStatus.
    pub key_id: Option<&'a str>,
    pub body: &'a [u8],
    /// When the answer must be there: the request's deadline without the reserve.
    pub deadline: Instant,
}

pub struct Answer {
    pub status: u16,
    /// JSON.
    pub body: Zeroizing<Vec<u8>>,
    pub record: Record,
}

/// What access log and metrics get to know of a call: no plaintext, no ciphertext.
#[derive(Debug, Default, Clone)]
pub struct Record {
    pub kms_request_id: Option<String>,
    pub kms_operation: Option<String>,
    pub kms_key_arn: Option<String>,
    pub aws_principal_arn: Option<String>,
    pub kms_via_service: Option<String>,
    pub aws_source_vpc: Option<String>,
    pub aws_source_vpce: Option<String>,
    pub error: Option<ProxyError>,
    /// The policy that decided.
    pub rule: Option<String>,
    pub hsm: Option<Arc<str>>,
    /// Stages, as far as they were reached.
    pub parsed: Option<Duration>,
    pub authorized: Option<Duration>,
    pub queued: Option<Duration>,
    pub worked: Option<Duration>,
}

/// Never takes longer than until the call's deadline.
pub async fn answer(call: Call<'_>) -> Answer {
    let mut record = Record::default();
    match operation::run(&call, &mut record).await {
        Ok(body) => Answer { status: 200, body, record },
        Err(error) => {
            let (status, body) = (error.name.status(), error.body());
            Answer { status, body, record: Record { error: Some(error), ..record } }
        }
    }
}
