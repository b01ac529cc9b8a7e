//! Which service and operation a request names.

use super::service::{Protocol, Refusal};
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    Kms,
    CloudHsm,
}

impl Name {
    /// In metrics.
    pub fn label(self) -> &'static str {
        match self {
            Name::Kms => "kms",
            Name::CloudHsm => "cloudhsmv2",
        }
    }

    /// In a credential's scope.
    pub fn signing_name(self) -> &'static str {
        match self {
            Name::Kms => "kms",
            Name::CloudHsm => "cloudhsm",
        }
    }

    /// CloudTrail's eventSource.
    pub fn event_source(self) -> &'static str {
        match self {
            Name::Kms => "kms.amazonaws.com",
            Name::CloudHsm => "cloudhsm.amazonaws.com",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub service: Name,
    pub protocol: Protocol,
    /// As the client wrote it.
    pub operation: String,
}

/// The prefixes of X-Amz-Target.
const TARGETS: [(&str, Name); 2] = [("TrentService.", Name::Kms), ("BaldrApiService.", Name::CloudHsm)];
/// The services of RPC v2 by their names in the path; the first is the shape's, the second what endpoints and SDKs call it.
const RPC_SERVICES: [(&str, Name); 2] = [("BaldrApiService", Name::CloudHsm), ("CloudHSMV2", Name::CloudHsm)];

impl Route {
    pub fn of(parts: &Parts) -> Result<Self, Refusal> {
        if parts.method != Method::POST {
            return Err(unknown(404, format!("{} is not taken: AWS clients POST", parts.method)));
        }
        match parts.uri.path() {
            "/" => Self::of_target(&parts.headers),
            path => Self::of_path(path, &parts.headers),
        }
    }

    fn of_target(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut targets = headers.get_all("x-amz-target").iter();
        let (Some(target), None) = (targets.next(), targets.next()) else {
            return Err(unknown(400, "a request has one header X-Amz-Target"));
        };
        let target = target.to_str().unwrap_or_default();
        let found = TARGETS.iter().find_map(|(prefix, name)| Some((target.strip_prefix(prefix)?, *name)));
        let Some((operation, service)) = found else {
            return Err(unknown(400, format!("X-Amz-Target {target:?} names no service here")));
        };
        if !is_type(headers, Protocol::Json11) {
            let wanted = Protocol::Json11.content_type();
            return Err(unknown(400, format!("the content type must be {wanted}")));
        }
        Ok(Self { service, protocol: Protocol::Json11, operation: operation.into() })
    }

    /// `/service/<Service>/operation/<Operation>` (Smithy RPC v2 CBOR).
    fn of_path(path: &str, headers: &HeaderMap) -> Result<Self, Refusal> {
        let named = path.strip_prefix("/service/").and_then(|rest| rest.split_once("/operation/"));
        let found = named.and_then(|(service, operation)| {
            let (_, name) = RPC_SERVICES.iter().find(|(known, _)| known.eq_ignore_ascii_case(service))?;
            Some((*name, operation))
        });
        let Some((service, operation)) = found else {
            return Err(unknown(404, format!("there is nothing under {path}")));
        };
        if headers.get("smithy-protocol").is_none_or(|value| value != "rpc-v2-cbor") {
            return Err(unknown(400, "the header smithy-protocol must be rpc-v2-cbor"));
        }
        // Without input there is no content, and no type of it.
        if headers.contains_key(CONTENT_TYPE) && !is_type(headers, Protocol::RpcV2Cbor) {
            let wanted = Protocol::RpcV2Cbor.content_type();
            return Err(unknown(400, format!("the content type must be {wanted}")));
        }
        Ok(Self { service, protocol: Protocol::RpcV2Cbor, operation: operation.into() })
    }
}

fn is_type(headers: &HeaderMap, protocol: Protocol) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    given.eq_ignore_ascii_case(protocol.content_type())
}

fn unknown(status: u16, message: impl Into<String>) -> Refusal {
    Refusal { status, exception: "UnknownOperationException", message: message.into() }
}
