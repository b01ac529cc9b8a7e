//! What a service (KMS, CloudHSM V2) is to the HTTP layer: a call in, an answer out.

use serde_json::Value;
use vhsm_keystore::Caller;
use zeroize::Zeroizing;

/// An AWS service. Its calls block, and come from many threads at once.
pub trait Service: Send + Sync {
    /// Runs an operation, or answers why it does not: UnknownOperationException where there is none of that name.
    fn call(&self, call: &Call<'_>) -> Answer;

    /// Whether this operation takes microseconds, as long as nothing hangs: no commit, no login.
    fn is_quick(&self, operation: &str) -> bool {
        let _ = operation;
        false
    }

    /// What the HTTP layer itself refuses (a wrong signature, say), as this service tells its errors.
    fn refuse(&self, protocol: Protocol, refusal: &Refusal) -> Answer;
}

/// How a request and its answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// AWS JSON 1.1: the operation stands in X-Amz-Target, the content type is `application/x-amz-json-1.1`.
    Json11,
    /// Smithy RPC v2 CBOR: the operation stands in the path, the content type is `application/cbor`.
    RpcV2Cbor,
}

impl Protocol {
    pub fn content_type(self) -> &'static str {
        match self {
            Protocol::Json11 => "application/x-amz-json-1.1",
            Protocol::RpcV2Cbor => "application/cbor",
        }
    }
}

/// A request whose signature is right.
#[derive(Debug)]
pub struct Call<'a> {
    /// As the client wrote it: it may be none that there is.
    pub operation: &'a str,
    pub protocol: Protocol,
    /// At most 1 MiB. Empty means an empty structure.
    pub body: &'a [u8],
    pub caller: &'a Caller,
}

/// What goes back. The HTTP layer adds the content type of the protocol, x-amzn-RequestId and, in RPC v2,
/// `smithy-protocol`.
pub struct Answer {
    /// HTTP's: 200, 400, 500.
    pub status: u16,
    pub body: Zeroizing<Vec<u8>>,
    pub record: Record,
}

/// What the audit log and the metrics get to know of a call: no plaintext, no ciphertext, no password.
#[derive(Debug, Default)]
pub struct Record {
    /// The operation's name, where there is one of it.
    pub operation: Option<&'static str>,
    /// Whether it only reads (CloudTrail's readOnly).
    pub read_only: bool,
    /// CloudTrail's requestParameters, responseElements and additionalEventData: objects, or null.
    pub request: Value,
    pub response: Value,
    pub additional: Value,
    /// The ARN of the KMS key that it was about, where one was (CloudTrail's resources).
    pub key: Option<String>,
    /// The exception's name, and its message.
    pub error: Option<(String, String)>,
    /// For the log alone: what went wrong inside.
    pub detail: Option<String>,
}

/// A request that no service gets to see.
#[derive(Debug)]
pub struct Refusal {
    /// HTTP's.
    pub status: u16,
    /// The exception's name.
    pub exception: &'static str,
    pub message: String,
}
