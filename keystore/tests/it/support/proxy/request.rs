//! One request: where it goes, who signed it, what it asks, and what is answered.

use super::answer::{Pieces, Refusal, response};
use super::fault::{Api, Fault};
use super::{Shared, operations, signature};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use serde::Serialize;
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// Many times what the API needs.
const MOST_BODY_BYTES: usize = 1 << 20;

/// A request that came, and how it would be answered without a fault.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    pub path: String,
    pub api: Option<Api>,
    pub key_id: Option<String>,
    /// Counted from 1.
    pub connection: usize,
    /// As in `HTTP/2.0`.
    pub version: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// With its requestMetadata.
    pub body: Value,
    /// Of an error.
    pub error: Option<String>,
}

impl Call {
    /// A member of requestMetadata; empty where there is none.
    pub fn metadata(&self, name: &str) -> &str {
        self.body["requestMetadata"][name].as_str().unwrap_or_default()
    }
}

pub async fn answer(
    shared: Arc<Shared>,
    connection: usize,
    request: Request<Incoming>,
) -> Result<Response<Pieces>, Infallible> {
    let (head, body) = request.into_parts();
    // A client that went away gets no answer anyway; of a body that is too large nothing is kept, so that no signature fits.
    let body =
        Limited::new(body, MOST_BODY_BYTES).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let route = route(&shared, &head);
    let api = route.as_ref().ok().map(|(api, _)| *api);
    let fault = api.and_then(|api| shared.fault(api));
    let answer = route.clone().and_then(|(api, key)| run(&shared, api, &key, &head, &body, fault.as_ref()));
    let headers = head.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
    shared.state().calls.push(Call {
        path: head.uri.path().into(),
        api,
        key_id: route.ok().map(|(_, key)| key).filter(|key| !key.is_empty()),
        connection,
        version: format!("{:?}", head.version),
        headers: headers.collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        error: answer.as_ref().err().map(|refusal| refusal.name.clone()),
    });
    if let Some(Fault::Slow(milliseconds)) = fault {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    Ok(response(answer, fault.as_ref()))
}

/// The API, and the key's id where the API has one.
fn route(shared: &Shared, head: &Parts) -> Result<(Api, String), Refusal> {
    let unknown = || Refusal::new(404, "InvalidUriPathException", "no such path");
    let path = head.uri.path();
    let paths = shared.state().paths.clone();
    let rest = paths.iter().find_map(|own| path.strip_prefix(own.as_str())).ok_or_else(unknown)?;
    let parts: Vec<&str> = rest.split('/').collect();
    let found = match parts[..] {
        ["", "health"] => (Api::GetHealthStatus, String::new()),
        ["", "keys", key, "metadata"] => (Api::GetKeyMetadata, key.into()),
        ["", "keys", key, "encrypt"] => (Api::Encrypt, key.into()),
        ["", "keys", key, "decrypt"] => (Api::Decrypt, key.into()),
        _ => return Err(unknown()),
    };
    if head.method != Method::POST {
        return Err(Refusal::new(405, "MethodNotAllowedException", "POST is"));
    }
    Ok(found)
}

fn run(
    shared: &Shared,
    api: Api,
    key_id: &str,
    head: &Parts,
    body: &Bytes,
    fault: Option<&Fault>,
) -> Result<Value, Refusal> {
    let credentials = shared.state().credentials.clone();
    signature::check(head, body, &credentials)
        .map_err(|why| Refusal::new(401, "AuthenticationFailedException", why))?;
    let kind = head.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(operations::invalid("the content type is not application/json"));
    }
    let asked = serde_json::from_slice(body).map_err(|_| operations::invalid("the body is no JSON"))?;
    operations::run(&shared.keys, api, key_id, &asked, fault)
}
