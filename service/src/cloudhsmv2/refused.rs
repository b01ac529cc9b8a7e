//! Why a request is not done: the exception of the model it is, or one that all of AWS knows.

use super::wire;
use crate::http::service::{Answer, Protocol, Record, Refusal};
use serde::Serialize;
use std::fmt::Display;
use vhsm_pkcs11::cluster::life::Exception;
use vhsm_pkcs11::error::{Error, LifeError};

/// Smithy's namespace of the service's shapes.
const NAMESPACE: &str = "com.amazonaws.cloudhsmv2";
const INTERNAL: &str = "The request failed because of an internal error; it can be tried again.";
const SERVICE: &str = "The request failed because of an error of the service; its log says which.";

#[derive(Debug)]
pub(super) struct Refused {
    exception: &'static str,
    /// Of the model, and so of its namespace.
    is_modelled: bool,
    /// HTTP's.
    status: u16,
    message: String,
    /// For the log alone.
    detail: Option<String>,
}

/// The members of the model's exceptions.
#[derive(Serialize)]
struct Modelled<'a> {
    #[serde(rename = "__type")]
    kind: &'a str,
    #[serde(rename = "Message")]
    message: &'a str,
}

/// Those of exceptions that all of AWS knows.
#[derive(Serialize)]
struct Common<'a> {
    #[serde(rename = "__type")]
    kind: &'a str,
    message: &'a str,
}

impl Refused {
    fn modelled(exception: Exception, message: impl Into<String>) -> Self {
        let status = if exception == Exception::InternalFailure { 500 } else { 400 };
        Self { exception: exception.name(), is_modelled: true, status, message: message.into(), detail: None }
    }

    /// CloudHsmInvalidRequestException
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::modelled(Exception::InvalidRequest, message)
    }

    /// CloudHsmResourceNotFoundException
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::modelled(Exception::ResourceNotFound, message)
    }

    /// CloudHsmInternalFailureException, with what is logged.
    pub fn internal(detail: &dyn Display) -> Self {
        Self { detail: Some(detail.to_string()), ..Self::modelled(Exception::InternalFailure, INTERNAL) }
    }

    /// The body is not what the protocol wants.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::common("SerializationException", 400, message)
    }

    pub fn unknown_operation(operation: &str) -> Self {
        let shown: String = operation.chars().take(100).collect();
        let message = format!("The service has no operation {shown:?}.");
        Self::common("UnknownOperationException", 400, message)
    }

    /// What the HTTP layer refuses.
    pub fn of(refusal: &Refusal) -> Self {
        Self::common(refusal.exception, refusal.status, refusal.message.as_str())
    }

    fn common(exception: &'static str, status: u16, message: impl Into<String>) -> Self {
        Self { exception, is_modelled: false, status, message: message.into(), detail: None }
    }

    pub fn answer(self, protocol: Protocol, record: Record) -> Answer {
        let body = match (protocol, self.is_modelled) {
            (Protocol::RpcV2Cbor, true) => {
                // Smithy RPC v2 CBOR, "Operation error serialization": the shape's absolute id.
                let kind = format!("{NAMESPACE}#{}", self.exception);
                wire::encode(protocol, &Modelled { kind: &kind, message: &self.message })
            }
            (Protocol::Json11, true) => {
                wire::encode(protocol, &Modelled { kind: self.exception, message: &self.message })
            }
            (_, false) => wire::encode(protocol, &Common { kind: self.exception, message: &self.message }),
        };
        let detail = [record.detail, self.detail].into_iter().flatten().collect::<Vec<_>>();
        let record = Record {
            error: Some((self.exception.into(), self.message)),
            detail: (!detail.is_empty()).then(|| detail.join("; ")),
            ..record
        };
        // Two texts can always be written.
        Answer { status: self.status, body: body.unwrap_or_default().into(), record }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let exception = Exception::from(&error);
        match exception {
            _ if exception.is_public() => Self::modelled(exception, error.to_string()),
            Exception::InternalFailure => Self::internal(&error),
            _ => Self { detail: Some(error.to_string()), ..Self::modelled(exception, SERVICE) },
        }
    }
}

impl From<LifeError> for Refused {
    fn from(error: LifeError) -> Self {
        Error::from(error).into()
    }
}
