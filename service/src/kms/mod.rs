//! KMS behind HTTP: JSON in, an operation of the table, JSON out.
//!
//! What KMS does is `vhsm_keystore`'s; here stands only how it is asked.

mod facts;
mod members;
mod serialization;
mod table;
#[cfg(test)]
mod tests;

use crate::http::service::{Answer, Call, Protocol, Record, Refusal, Service};
use facts::KnownKeys;
use parking_lot::RwLock;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use table::Operation;
use vhsm_keystore::{Kms, KmsError};
use zeroize::Zeroizing;

/// Room for a response: none that has plaintext is larger, so that no copy is left where a buffer has moved.
const RESPONSE_BYTES: usize = 8 * 1024;

/// Answers for the `Kms` of this process, once it has one.
#[derive(Default)]
pub struct KmsService {
    kms: RwLock<Option<Arc<Kms>>>,
    known: KnownKeys,
}

/// Why an operation was not carried out.
enum Fault {
    Kms(KmsError),
    /// The body is no JSON, or a member is of another type than it must be.
    Serialization(String),
}

impl KmsService {
    /// From now on this one answers.
    pub fn put(&self, kms: Arc<Kms>) {
        *self.kms.write() = Some(kms);
    }

    /// Nothing answers any longer.
    pub fn take(&self) -> Option<Arc<Kms>> {
        self.kms.write().take()
    }

    pub fn current(&self) -> Option<Arc<Kms>> {
        self.kms.read().clone()
    }

    fn run(&self, operation: &'static Operation, kms: &Kms, call: &Call<'_>) -> Answer {
        let body = if call.body.trim_ascii().is_empty() { b"{}" } else { call.body };
        let mut record = Record {
            operation: Some(operation.name),
            read_only: operation.read_only,
            request: members::kept(body, operation.request),
            ..Record::default()
        };
        // Afterwards, a key store that was deleted is no longer there to be asked.
        if operation.is_of_store() {
            record.additional = facts::of_store(kms, &record.request);
        }
        match (operation.run)(kms, call.caller, body) {
            Ok(mut response) => {
                // Those of key stores have an output, without members.
                if response.is_empty() && operation.is_of_store() {
                    response.extend_from_slice(b"{}");
                }
                record.response = members::kept(&response, operation.response);
                (record.key, record.additional) = match std::mem::take(&mut record.additional) {
                    Value::Null => self.known.of_key(kms, operation, &response, &record.response),
                    told => (None, told),
                };
                Answer { status: 200, body: response, record }
            }
            Err(Fault::Serialization(why)) => failed(400, "SerializationException", &why, record),
            Err(Fault::Kms(error)) => {
                let status = if error.exception.is_fault() { 500 } else { 400 };
                record.detail = error.detail;
                failed(status, error.exception.name(), &error.message, record)
            }
        }
    }
}

impl Service for KmsService {
    fn call(&self, call: &Call<'_>) -> Answer {
        let refuse = |status, exception, message: String| {
            self.refuse(call.protocol, &Refusal { status, exception, message })
        };
        let Some(operation) = table::find(call.operation) else {
            let message = format!("KMS has no operation {:?}", call.operation);
            return refuse(400, "UnknownOperationException", message);
        };
        let Some(kms) = self.current() else {
            let message =
                "Another process serves the KMS of this store; this one takes over when that one ends.";
            return refuse(503, "ServiceUnavailableException", message.into());
        };
        self.run(operation, &kms, call)
    }

    /// What only reads makes no commit; uses of keys are noted in memory.
    fn is_quick(&self, operation: &str) -> bool {
        table::find(operation).is_some_and(|operation| operation.read_only)
    }

    /// KMS has AWS JSON only.
    fn refuse(&self, _protocol: Protocol, refusal: &Refusal) -> Answer {
        failed(refusal.status, refusal.exception, &refusal.message, Record::default())
    }
}

fn failed(status: u16, exception: &str, message: &str, mut record: Record) -> Answer {
    #[derive(Serialize)]
    struct Body<'a> {
        __type: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        message: &'a str,
    }
    // Two texts: this cannot fail.
    let body = serde_json::to_vec(&Body { __type: exception, message }).unwrap_or_default();
    record.error = Some((exception.into(), message.into()));
    record.response = Value::Null;
    Answer { status, body: Zeroizing::new(body), record }
}
